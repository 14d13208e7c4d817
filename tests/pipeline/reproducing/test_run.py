from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.pipeline.reproducing.conftest import reproduced
from tests.projects import QUICK_LADDER, change_project, message_rows, save_rows, write_messages

from smallcraft.errors import DataError, IntegrityError, InvalidInputError
from smallcraft.models.memory import Memory
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.reproducing import run
from smallcraft.pipeline.reproducing.record import Compared, Reproduction
from smallcraft.pipeline.stages import confirm
from smallcraft.pipeline.workspace import Workspace, open_registry

pytestmark = pytest.mark.usefixtures("fixed_costs")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with the time it was last written."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def output(found: Reproduction, what: str) -> Compared:
    return next(item for item in found.outputs if item.what == what)


def republish(project: Path, **changes: Any) -> None:
    """Release the newest files once more with other facts, as somebody who forges evidence would."""
    registry = open_registry(project)
    release = registry.read("latest")
    paths = [file.path for file in release.files if file.path.startswith(("bundle/", "smallcraft.toml"))]
    files = {path: registry.read_file(release, path) for path in paths}
    facts = {**json.loads(json.dumps(release.facts)), **changes}
    registry.publish("forged", files, facts, now=datetime(2027, 1, 1, tzinfo=UTC))


def add_rows(project: Path, rows: Mapping[str, Any]) -> None:
    path = project / "rows.csv"
    pl.concat([pl.read_csv(path), pl.DataFrame(rows)]).write_csv(path)


def test_a_release_built_again_from_the_same_files_is_identical(tiny_again):
    assert tiny_again.verdict == "identical"
    assert (tiny_again.first_difference, tiny_again.noise, tiny_again.exit_code) == (None, None, 0)
    assert tiny_again.not_promised == ()
    assert tiny_again.seconds > 0


def test_the_project_is_only_read_and_nothing_is_left_behind(tiny, temporary):
    before = contents(tiny)
    assert reproduced(tiny).verdict == "identical"
    assert contents(tiny) == before
    assert list(temporary.iterdir()) == []


def test_nothing_is_taken_from_the_projects_cache(tiny, monkeypatch):
    trained: list[str] = []
    track = Memory.track

    def noted(self: Memory, name: str, make: Any) -> Any:
        trained.append(name)
        return track(self, name, make)

    monkeypatch.setattr(Memory, "track", noted)
    reproduced(tiny)
    assert {"ngram/train-weights", "ngram/train-fold0", "ngram/train+dev-weights"} <= set(trained)


def test_a_rebuild_that_is_to_be_kept_is_kept(tiny, tmp_path, temporary):
    keep = tmp_path / "kept"
    found = reproduced(tiny, keep=keep)
    assert found.kept == str(keep)
    assert (keep / ".smallcraft" / "bundles").is_dir()
    assert list(temporary.iterdir()) == []
    with pytest.raises(InvalidInputError, match=r"is kept in an empty folder, .* holds something"):
        reproduced(tiny, keep=keep)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_folder_is_removed_on_ctrl_c_and_on_any_error(tiny, temporary, monkeypatch, error):
    def stop(*_: object, **__: object) -> None:
        assert any(temporary.iterdir())
        raise error

    monkeypatch.setattr(run, "repeat_look", stop)
    with pytest.raises(error):
        reproduced(tiny)
    assert list(temporary.iterdir()) == []


def test_one_changed_row_of_training_is_named(tiny, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("labels of cert were read")

    monkeypatch.setattr(confirm, "_open_labels", refuse)
    path = tiny / "rows.csv"
    rows = pl.read_csv(path)
    changed = rows.with_columns(
        message=pl.when(pl.col("message") == rows["message"][3])
        .then(pl.lit("refund the invoice of another card"))
        .otherwise("message")
    )
    changed.write_csv(path)
    found = reproduced(tiny)
    assert (found.verdict, found.exit_code) == ("diverged", 2)
    assert found.first_difference is not None
    assert found.first_difference.what == "data"
    assert found.sentence.startswith("diverged at data: sha256:")
    assert "rows.csv holds other rows" in found.sentence
    assert output(found, "bundle").differs
    assert output(found, "cert's answer").detail.startswith("not asked: the bundle is another one")
    assert output(found, "verdicts").same is None


def test_data_that_are_gone_cannot_be_tried(tiny):
    (tiny / "rows.csv").unlink()
    with pytest.raises(DataError, match=r"rows@1 cannot be built again from rows\.csv: .*put back the data"):
        reproduced(tiny)


def test_settings_that_changed_since_are_noted_and_the_recorded_ones_used(tiny):
    change_project(tiny, "[data]", "seed = 7\n[data]")
    found = reproduced(tiny)
    assert found.verdict == "identical"
    assert [item.what for item in found.inputs if item.differs] == ["smallcraft.toml today"]


def test_a_project_may_be_named_by_its_file(tiny):
    registry = open_registry(tiny)
    found = run.reproduce(tiny / "smallcraft.toml", registry.read("latest"), registry)
    assert found.verdict == "identical"


def test_a_budget_of_time_says_why_identity_is_not_promised_and_the_rest_is_judged(tmp_path):
    more = f"{QUICK_LADDER}\n[budget]\nlatency_p95_ms = 500\n"
    project = write_messages(tmp_path / "p", more=more)
    assert build(load_config(project)).release is not None
    found = reproduced(project)
    assert found.verdict == "identical"
    (why,) = found.not_promised
    assert why.startswith("the verdict of [budget] latency_p95_ms = 500 rests on what this machine measured")
    assert output(found, "verdicts").same is True


def test_a_release_that_was_compared_with_another_is_identical_too(tiny):
    add_rows(tiny, message_rows(40, seed=5))
    assert build(load_config(tiny)).release is not None
    second = reproduced(tiny, "rows@2")
    assert second.verdict == "identical"
    assert any("rows@1" in verdict["reason"] for verdict in open_registry(tiny).read("2").facts["verdicts"])
    first = reproduced(tiny, "rows@1")
    assert first.verdict == "diverged"
    assert first.first_difference is not None
    assert first.first_difference.what == "data"


def test_a_release_by_a_plan_of_pass_or_fail_is_identical_too(tmp_path):
    more = f"{QUICK_LADDER}\n[quality]\nfloor = 0.5\n[quality.plan]\nquestions = 3\n"
    data = 'text = "message"\nlabel = "intent"\ncert = "cert.csv"'
    project = write_messages(tmp_path / "p", data=data, more=more)
    save_rows(project / "cert.csv", message_rows(60, seed=9))
    assert build(load_config(project)).release is not None
    found = reproduced(project)
    assert found.verdict == "identical"
    assert output(found, "cert's answer").now == '{"passed":true}'


def test_a_score_that_was_edited_before_the_release_was_signed_is_found(tiny):
    facts = json.loads(json.dumps(open_registry(tiny).read("latest").facts))
    for measurement in facts["candidates"][1]["measurements"]:
        if measurement["name"] == "log_loss":
            measurement["value"] = 0.001
    republish(tiny, candidates=facts["candidates"])
    found = reproduced(tiny, "forged@1")
    assert found.verdict == "diverged"
    assert "quality on dev, and no recorded input differs" in found.sentence
    assert "the record is not what was measured" in found.sentence
    assert "candidates/ngram/measurements/log_loss/value: 0.001, now" in found.sentence


def test_a_verdict_that_was_edited_before_the_release_was_signed_is_found(tiny):
    facts = json.loads(json.dumps(open_registry(tiny).read("latest").facts))
    facts["verdicts"][0]["reason"] = "it is very good"
    republish(tiny, verdicts=facts["verdicts"])
    found = reproduced(tiny, "forged@1")
    assert found.verdict == "diverged"
    assert [item.what for item in found.outputs if item.differs] == ["verdicts"]


def test_bytes_that_are_not_what_was_recorded_are_refused(tiny):
    for blob in (Workspace(tiny).registry / "blobs" / "sha256").iterdir():
        data = blob.read_bytes()
        if b"[data]" in data:
            blob.chmod(0o644)
            blob.write_bytes(data.replace(b"ngram", b"ngrma"))
    with pytest.raises(IntegrityError, match=r"smallcraft\.toml of rows@1"):
        reproduced(tiny)
