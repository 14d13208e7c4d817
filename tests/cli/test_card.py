"""`smallcraft card`: every paper of a release, and a published copy that cannot go stale unseen."""

from __future__ import annotations

import json
import re
import shutil

import mlcroissant
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from huggingface_hub import ModelCard
from tests.projects import copy_project

from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.papers.checking import embed_card, split_checkpoint

PATHS = {
    "card": "card.md",
    "datasheet": "datasheet.md",
    "croissant": "croissant.json",
    "bom": "bom.json",
}


def refuse_network(*given, **named):
    raise AssertionError("a Croissant document must be checked offline")


@pytest.fixture
def published(storied, told, tmp_path):
    """The newest release's card as someone published it."""
    path = tmp_path / "MODEL_CARD.md"
    path.write_text(told("card", "-p", storied), encoding="utf-8")
    return path


@pytest.mark.parametrize("paper", PATHS)
def test_each_paper_is_printed_as_the_release_holds_it(paper, storied_built, told):
    registry = open_registry(storied_built)
    stored = registry.read_file(registry.read("rows@1"), PATHS[paper]).decode("utf-8")
    printed = told("card", "rows@1", "-p", storied_built, "--paper", paper)
    assert (split_checkpoint(printed).card if paper == "card" else printed) == stored


def test_a_card_says_who_it_is_about_what_is_missing_and_where_the_log_stands(storied_built, told):
    out = told("card", "-p", storied_built)
    assert "rows@2" in out
    assert "intended use" in out.lower()
    assert out.endswith("```\n")
    note = open_registry(storied_built).log().note.decode("utf-8")
    assert split_checkpoint(out).checkpoint == note


def test_the_hub_reads_the_card(storied_built, told):
    card = ModelCard(told("card", "-p", storied_built))
    assert card.data.eval_results
    assert card.data.model_name == "rows"


def test_the_bom_of_a_build_keeps_to_its_published_schema(storied_built, told):
    bom = told("card", "-p", storied_built, "--paper", "bom")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom) is None
    assert json.loads(bom)["metadata"]["component"]["version"] == "2"


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_the_croissant_of_a_build_is_read_by_the_reference_reader_rows_and_all(
    storied_built, told, tmp_path, monkeypatch
):
    monkeypatch.setattr("requests.sessions.Session.request", refuse_network)
    for name in ("rows.csv", "cert.csv"):
        shutil.copy(storied_built / name, tmp_path / name)
    path = tmp_path / "croissant.json"
    path.write_text(told("card", "-p", storied_built, "--paper", "croissant"), encoding="utf-8")
    dataset = mlcroissant.Dataset(jsonld=str(path))
    assert dataset.metadata.ctx.issues.report() == ""
    read = {one.id: list(dataset.records(one.id)) for one in dataset.metadata.record_sets}
    assert 150 in {len(rows) for rows in read.values()}


def test_a_published_copy_that_is_equal_passes(published, storied, told):
    out = told("card", "-p", storied, "--check", published)
    assert out == f"{published} says what rows@2 says\n"


def test_a_copy_in_a_readme_passes_between_its_markers(storied, told, tmp_path):
    readme = tmp_path / "README.md"
    card = told("card", "rows@1", "-p", storied)
    readme.write_text(embed_card("# Ours\n\nwords\n", card, label="rows@1"), encoding="utf-8")
    assert "says what rows@1 says" in told("card", "rows@1", "-p", storied, "--check", readme)
    # The README still holds the card of the release before: it is stale.
    message = told("card", "latest", "-p", storied, "--check", readme, code=1)
    assert "wanted '<!-- smallcraft card: rows@2 -->', got '<!-- smallcraft card: rows@1 -->'" in message


def test_an_edited_number_fails_and_its_line_is_named(published, storied, told):
    lines = published.read_text(encoding="utf-8").splitlines(keepends=True)
    place, number = next((at, m[0]) for at, line in enumerate(lines) if (m := re.search(r"0\.\d{2,}", line)))
    lines[place] = lines[place].replace(number, f"{number}9", 1)
    published.write_text("".join(lines), encoding="utf-8")
    message = told("card", "-p", storied, "--check", published, code=1)
    assert f"line {place + 1} is not what the release says: wanted " in message
    assert f"{number}9" in message


def test_a_copy_of_the_release_before_is_stale(storied, told, tmp_path):
    old = tmp_path / "old.md"
    old.write_text(told("card", "rows@1", "-p", storied), encoding="utf-8")
    assert "is not what the release says" in told("card", "-p", storied, "--check", old, code=1)
    assert "says what rows@1 says" in told("card", "rows@1", "-p", storied, "--check", old)


def test_a_copy_that_is_not_there_is_named(storied_built, told, tmp_path):
    message = told("card", "-p", storied_built, "--check", tmp_path / "none.md", code=1)
    assert f"no published copy at {tmp_path}/none.md; name the file that holds the card" in message


def test_a_copy_shows_a_log_that_was_rolled_back_with_exit_code_4(storied, told, tmp_path, forget_pins):
    earlier, card = copy_project(storied, tmp_path / "earlier"), tmp_path / "card.md"
    told("alias", "canary", "rows@2", "-p", storied)
    card.write_text(told("card", "-p", storied), encoding="utf-8")
    forget_pins()
    message = told("card", "-p", earlier, "--check", card, code=4)
    assert message.startswith(f"broken: {card}: ")
    assert "the log was rolled back" in message


def test_a_copy_shows_a_log_that_was_forked_with_exit_code_4(storied, told, tmp_path, forget_pins):
    """The owner forks the log after the card went out; the card keeps what the log said then."""
    fork, card = copy_project(storied, tmp_path / "fork"), tmp_path / "card.md"
    told("alias", "canary", "rows@2", "-p", storied)
    card.write_text(told("card", "-p", storied), encoding="utf-8")
    forget_pins()
    told("alias", "canary", "rows@1", "-p", fork)
    told("alias", "canary", "rows@2", "-p", fork)
    message = told("card", "-p", fork, "--check", card, code=4)
    assert message.startswith(f"broken: {card}: ")
    assert "the log was forked" in message


def test_a_checkpoint_that_no_key_of_the_log_signed_is_no_copy(storied, told, published):
    text = published.read_text(encoding="utf-8")
    size = split_checkpoint(text).checkpoint.splitlines()[1]
    published.write_text(text.replace(f"\n{size}\n", f"\n{int(size) - 1}\n"), encoding="utf-8")
    message = told("card", "-p", storied, "--check", published, code=4)
    assert "no key of this log signed that checkpoint" in message


def test_a_card_with_pictures_is_written_beside_them_and_still_says_what_the_release_says(
    storied, told, tmp_path
):
    folder = tmp_path / "card"
    out = told("card", "rows@2", "-p", storied, "--pictures", folder)
    names = ["quality-against-cost.png", "classes.png", "confidence.png"]
    assert out == f"wrote the card of rows@2 to {folder}/card.md, with {', '.join(names)}\n"
    text = (folder / "card.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\S+\.png)\)", text) == names
    assert all((folder / name).read_bytes().startswith(b"\x89PNG\r\n") for name in names)
    assert "says what rows@2 says" in told("card", "rows@2", "-p", storied, "--check", folder / "card.md")
    assert ModelCard(text).data.model_name == "rows"


def test_an_edited_number_of_a_card_with_pictures_is_found(storied, told, tmp_path):
    folder = tmp_path / "card"
    told("card", "-p", storied, "--pictures", folder)
    path = folder / "card.md"
    text = path.read_text(encoding="utf-8")
    body = text.index("<!-- smallcraft card")
    number = re.search(r"0\.\d{2,}", text[body:])[0]
    path.write_text(text[:body] + text[body:].replace(number, f"{number}9", 1), encoding="utf-8")
    assert f"{number}9" in told("card", "-p", storied, "--check", path, code=1)


@pytest.mark.parametrize(
    ("more", "named"), [(("--output", "x.md"), "--output"), (("--paper", "bom"), "--paper")]
)
def test_pictures_of_anything_but_a_card_are_refused(storied_built, told, tmp_path, more, named):
    message = told("card", "-p", storied_built, "--pictures", tmp_path / "c", *more, code=1)
    assert f"takes nothing beside it, got {named}; leave it out, or ask twice" in message
    assert not (tmp_path / "c").exists()
