"""The reference in a release: rows of dev as the winner answered them unseen, and what it promised."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.watching.projects import BEGIN, HOUR
from tests.projects import copy_project
from tests.serve.task_bundles import write_task_bundles

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.profiles.measuring import measure_rows
from smallcraft.data.profiles.reference_bytes import read_reference
from smallcraft.data.split import Splits
from smallcraft.models.ladder import Attempt
from smallcraft.pipeline.baseline import read_baseline
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.profiled_rows import answered_rows
from smallcraft.pipeline.stages import reference as stage
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.reference import (
    BASELINE_FILE,
    REFERENCE_FILE,
    baseline_of,
    labels_of,
    reference_files,
)
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.records import CandidateStatus, Evidence, Roles


def measured(path) -> Measured:
    attempt = Attempt("x", CandidateStatus.MEASURED, bundle=path, digest=open_bundle(path).digest)
    return Measured(attempt, Evidence("x", CandidateStatus.MEASURED, attempt.digest, ()), None)


def bundles_of(folder):
    """The release's bundle, and another one of the same rung: the one before it was trained on dev too."""
    stored = open_registry(folder).find("latest")
    digest = next(file.digest for file in stored.release.files if file.path == "bundle/bundle.json")
    paths = [path for path in Workspace(folder).bundles.iterdir() if not path.name.startswith("majority")]
    found = {open_bundle(path).digest: path for path in paths}
    ships = measured(found.pop(digest))
    return measured(next(iter(found.values()))), ships


@pytest.fixture(scope="module")
def texts(tiny_built, tmp_path_factory):
    return prepared_of(copy_project(tiny_built, tmp_path_factory.mktemp("texts") / "p"))


@pytest.fixture(scope="module")
def people(people_built, tmp_path_factory):
    return prepared_of(copy_project(people_built, tmp_path_factory.mktemp("people") / "p"))


def prepared_of(folder):
    config = load_config(folder)
    winner, released = bundles_of(folder)
    return config, prepare_data(config, SilentListener()), winner, released


def files_of(given, *, config=None, **frames):
    """The files; of the splits some are replaced, and those that are None are not there at all."""
    own, prepared, winner, released = given
    changed = {**prepared.splits.frames, **frames}
    kept = {name: frame for name, frame in changed.items() if frame is not None}
    splits = Splits(kept, prepared.splits.refs, prepared.splits.notes)
    return reference_files(config or own, replace(prepared, splits=splits), winner=winner, released=released)


def read(files):
    baseline = files.get(BASELINE_FILE)
    reference = read_reference(files[REFERENCE_FILE], name="x")
    return reference, None if baseline is None else read_baseline(baseline, source="x")


def test_a_release_has_the_reference_that_is_made_anew_byte_by_byte(texts):
    stored = open_registry(texts[0].folder).find("latest")
    files = files_of(texts)
    assert set(files) == {REFERENCE_FILE, BASELINE_FILE}
    assert all(stored.read(path) == data for path, data in files.items())


def test_a_text_that_was_run_before_is_not_run_again(texts, tmp_path, monkeypatch):
    config, prepared, *_ = texts
    made = write_task_bundles(tmp_path)
    given = (config, prepared, measured(made["cascade"]), measured(made["fp32"]))
    ran, run = [], EncoderBlock.encode

    def encode(block, inputs):
        ran.extend(inputs.texts)
        return run(block, inputs)

    monkeypatch.setattr(EncoderBlock, "encode", encode)
    first = files_of(given)
    assert len(ran) == len(set(ran)) > 0
    ran.clear()
    assert files_of(given) == first
    assert ran == []
    shutil.rmtree(Workspace(config.folder).cache / "texts")
    elsewhere = load_config(copy_project(config.folder, tmp_path / "copy"))
    assert files_of((elsewhere, *given[1:])) == first
    assert ran


def test_nothing_of_the_sealed_split_is_in_it(texts):
    assert files_of(texts, cert=None) == files_of(texts)


def test_rows_are_those_of_dev_and_words_those_of_train(texts):
    _, prepared, *_ = texts
    reference, baseline = read(files_of(texts))
    assert reference.whole.n == prepared.splits.frames["dev"].height == baseline.n
    train = prepared.splits.frames["train"]
    odd = train.with_columns(message=pl.lit("xylophone xylem"))
    relearned, _ = read(files_of(texts, train=odd))
    unknown = (one.whole.columns["message/unknown"].mean for one in (reference, relearned))
    assert next(unknown) < 0.5 < next(unknown) == 1.0


def test_answers_are_the_winners_own_before_it_learned_dev(texts):
    _, prepared, winner, _ = texts
    reference, baseline = read(files_of(texts))
    bundle, dev = open_bundle(winner.attempt.bundle), prepared.splits.frames["dev"]
    said = list(bundle.decide(bundle_rows(dev, bundle.spec, source="dev")).labels)
    counts = {label: said.count(label) for label in set(said)}
    assert dict(reference.whole.columns["answer/class"].as_mapping()) == counts
    wrong = np.mean([one != other for one, other in zip(said, dev["intent"], strict=True)])
    assert wrong <= baseline.loss_bound
    assert baseline.classes == bundle.classes


def test_rows_that_production_sends_alike_are_measured_alike(people):
    config, prepared, winner, _ = people
    reference, _ = read(files_of(people))
    dev = prepared.splits.frames["dev"]
    rows = answered_rows(open_bundle(winner.attempt.bundle), dev, source="dev")
    again = measure_rows(rows, reference.measures).profile
    assert {name: column for name, column in again.columns.items() if not name.startswith("answer/")} == {
        name: column for name, column in reference.whole.columns.items() if not name.startswith("answer/")
    }
    assert {"age", "job", "insured"} <= set(again.columns)
    assert config.name == "rows"


def test_a_season_needs_the_time_of_every_row_and_enough_rows_of_each_place(people):
    config, prepared, *_ = people
    watch = config.watch.model_copy(update={"season": "hour_of_day"})
    timed = config.model_copy(update={"watch": watch, "data": config.data.model_copy(update={"time": "at"})})
    dev = pl.concat([prepared.splits.frames["dev"]] * 3)
    at = pl.Series("at", BEGIN + np.arange(dev.height) % 3 * HOUR)
    seasonal, _ = read(files_of(people, config=timed, dev=dev.with_columns(at)))
    assert (seasonal.season, set(seasonal.profiles)) == ("hour_of_day", {0, 1, 2})
    holes = dev.with_columns(pl.when(pl.int_range(pl.len()) > 0).then(at).alias("at"))
    whole, _ = read(files_of(people, config=timed, dev=holes))
    few, _ = read(files_of(people, config=timed, dev=dev.with_columns(at)[: 3 * 30 - 1]))
    assert whole.season is few.season is None
    assert whole.whole.n == dev.height


def test_groups_have_promises_of_their_own_and_blank_ones_none(people):
    _, prepared, winner, _ = people
    dev = pl.concat([prepared.splits.frames["dev"]] * 4)
    rows = answered_rows(open_bundle(winner.attempt.bundle), dev, source="dev")
    team = pl.Series("team", [1.0, 2.0] * (dev.height // 2 - 2) + [None, 1.0, 2.0, None])
    roles = Roles(label="bought", features=("age",), groups=("team", "nosuch"))
    baseline = baseline_of(rows, dev.with_columns(team), roles, classes=("0", "1"))
    assert set(baseline.group_bounds) == {"team=1", "team=2"}


def test_a_column_named_as_what_is_measured_is_not_watched_and_the_build_goes_on(texts, monkeypatch):
    spec = InputSpec("message", ("answer/latency_ms",))
    monkeypatch.setattr(stage, "open_bundle", lambda path: replace(open_bundle(path), spec=spec))
    assert files_of(texts) == {}


@pytest.mark.parametrize(
    ("task", "written", "labels"),
    [
        ("multiclass", ["a", None], ["a", None]),
        ("multilabel", ["a|b", "|", None], [("a", "b"), (), None]),
        ("regression", ["2.5", None], [2.5, None]),
    ],
)
def test_labels_have_the_form_of_answers(task, written, labels):
    assert labels_of(pl.Series(written), Roles(label="x", text="m", task=task)) == labels
