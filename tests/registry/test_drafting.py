import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.registry.content.disk import Layout, make_folders
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.drafting import Draft, no_papers, read_staged, stage_papers, stage_submission
from smallcraft.registry.manifests.manifest import parse_manifest

FILES = {"bundle/model.json": b"[1]", "data/rows.csv": b"a,b\n", "evaluation/dev.json": b"{}"}


@pytest.fixture
def staging(tmp_path):
    layout = Layout(tmp_path / "r")
    make_folders(layout)
    return Staging(layout.tmp)


def manifest_of(staging, content):
    return parse_manifest(staging.paths[content.digest].read_bytes(), digest=content.digest)


def draft_of(staged, manifest):
    return Draft(
        name="a",
        version=1,
        created="2026-10-01T12:00:00Z",
        manifest=manifest,
        facts={},
        files=tuple(staged.files.values()),
        read=lambda path: read_staged(staged, path),
        parent=None,
    )


def test_each_file_goes_to_its_part(staging):
    staged = stage_submission(staging, FILES, b"{}")
    model = staged.stage_model("a")
    digests = stage_papers(staged, draft_of(staged, model), lambda draft: {"card.md": b"#"}, sign=None)
    parts = {kind: manifest_of(staging, content) for kind, content in staged.manifests}
    assert [layer.file.path for layer in manifest_of(staging, model).files] == ["bundle/model.json"]
    assert {kind: [layer.file.path for layer in part.files] for kind, part in parts.items()} == {
        "evaluation": ["evaluation/dev.json", "facts.json"],
        "dataset": ["data/rows.csv"],
        "card": ["card.md"],
    }
    assert digests == tuple(content.digest for _, content in staged.manifests)
    assert all(part.subject == model for part in parts.values())


def test_the_models_manifest_depends_on_the_bundle_and_the_name_alone(staging):
    one = stage_submission(staging, FILES, b"{}").stage_model("a")
    assert stage_submission(staging, {**FILES, "data/rows.csv": b"c\n"}, b'{"n":1}').stage_model("a") == one
    assert stage_submission(staging, FILES, b"{}").stage_model("b") != one
    other = {**FILES, "bundle/model.json": b"[2]"}
    assert stage_submission(staging, other, b"{}").stage_model("a") != one


def test_every_file_is_signed_for_papers_and_facts_included(staging):
    seen = {}

    def sign(files):
        seen.update(files)
        return b"{}"

    staged = stage_submission(staging, FILES, b"{}")
    draft = draft_of(staged, staged.stage_model("a"))
    stage_papers(staged, draft, lambda draft: {"card.md": b"#"}, sign=sign)
    assert set(seen) == {*FILES, "facts.json", "card.md"}
    assert seen["card.md"] == digest_bytes(b"#")
    assert "model.sig" in staged.files


def test_a_paper_of_a_kind_that_may_not_be_stored_is_refused(staging):
    staged = stage_submission(staging, FILES, b"{}")
    draft = draft_of(staged, staged.stage_model("a"))
    with pytest.raises(InvalidInputError, match=r"bom.json must be sound JSON"):
        stage_papers(staged, draft, lambda draft: {"bom.json": b"{"}, sign=None)


def test_the_draft_reads_what_is_staged_packed_or_not(staging, tmp_path):
    (tmp_path / "large.bin").write_bytes(bytes(2_000_000))
    many = {f"bundle/{n}.json": b"%d" % n for n in range(1001)}
    staged = stage_submission(staging, {**many, "bundle/large.bin": tmp_path / "large.bin"}, b"{}")
    assert staged.pack is not None
    assert read_staged(staged, "bundle/500.json") == b"500"
    assert read_staged(staged, "bundle/large.bin") == bytes(2_000_000)
    assert read_staged(staged, "facts.json") == b"{}"
    with pytest.raises(NotFoundError, match="no file 'bundle/nothing'"):
        read_staged(staged, "bundle/nothing")


def test_a_release_may_have_no_papers(staging):
    staged = stage_submission(staging, FILES, b"{}")
    assert no_papers(draft_of(staged, staged.stage_model("a"))) == {}
