"""The release to beat: which one it is, and on which sealed rows it says anything of new ones."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from tests.projects import change_project, message_rows, save_rows, write_messages

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.workshop import no_progress
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.confirm import INCUMBENT_GATE
from smallcraft.pipeline.stages.incumbent import Incumbent, find_incumbent, unseen_rows
from smallcraft.pipeline.stages.logs import rows_log
from smallcraft.pipeline.stages.measure import MeasuredSplit
from smallcraft.pipeline.stages.predictions import keep_rows
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.train import open_workshop
from smallcraft.pipeline.workspace import open_registry
from smallcraft.records import Predictions
from smallcraft.registry.memory.rows import decode_rows


def workshop_of(folder):
    config = load_config(folder)
    return config, open_workshop(config, prepare_data(config, SilentListener()).splits, progress=no_progress)


def released_digest(folder):
    return open_registry(folder).read("latest").facts["bundle"]["digest"]


def split_of(prepared, name):
    splits = prepared.splits
    return MeasuredSplit(name, splits.frames[name], splits.refs[name], prepared.table.roles)


def test_a_first_release_has_no_incumbent(tmp_path):
    config, workshop = workshop_of(write_messages(tmp_path))
    assert find_incumbent(config, workshop, released="sha256:" + "0" * 64) is None
    assert not (tmp_path / ".smallcraft").exists()


def test_the_incumbent_is_the_newest_release_of_another_bundle(tiny):
    config, workshop = workshop_of(tiny)
    incumbent = find_incumbent(config, workshop, released="sha256:" + "0" * 64)
    assert incumbent.label == "rows@1"
    assert incumbent.bundle.digest == released_digest(tiny)
    assert incumbent.rows is not None
    assert find_incumbent(config, workshop, released=released_digest(tiny)) is None


def test_the_stable_release_is_the_incumbent_not_one_that_was_tried_after_it(tiny):
    registry, now = open_registry(tiny), datetime(2026, 11, 1, tzinfo=UTC)
    first = registry.read("rows@1")
    registry.set_alias("rows", "stable", 1, now=now)
    files = {file.path: registry.read_file(first, file.path) for file in first.files}
    tried = {path: data for path, data in files.items() if path.startswith("bundle/")}
    registry.publish("rows", tried, {**first.facts, "bundle": {"digest": "sha256:" + "1" * 64}}, now=now)
    config, workshop = workshop_of(tiny)
    assert find_incumbent(config, workshop, released="sha256:" + "0" * 64).label == "rows@1"


@pytest.mark.parametrize("old", ['label = "intent"', 'text = "message"'])
def test_a_release_of_other_classes_or_columns_is_no_incumbent(tiny, old):
    change_project(tiny, 'cert = "cert.csv"\n', "")
    rows = (tiny / "rows.csv").read_text(encoding="utf-8")
    if old.startswith("label"):
        rows = rows.replace(",billing", ",money")
    else:
        rows = rows.replace("message,", "body,")
        change_project(tiny, old, 'text = "body"')
    (tiny / "rows.csv").write_text(rows, encoding="utf-8")
    assert find_incumbent(*workshop_of(tiny), released="sha256:" + "0" * 64) is None


def test_a_release_of_another_name_is_no_incumbent(tiny):
    change_project(tiny, "[data]", 'name = "other"\n[data]')
    assert find_incumbent(*workshop_of(tiny), released="sha256:" + "0" * 64) is None


@pytest.fixture
def incumbent(tiny):
    config, workshop = workshop_of(tiny)
    return find_incumbent(config, workshop, released="sha256:" + "0" * 64)


def test_the_rows_it_was_fitted_to_are_known_and_those_of_cert_are_new(tiny, incumbent):
    prepared = prepare_data(load_config(tiny), SilentListener())
    for name, is_new in (("train", False), ("dev", False), ("cert", True)):
        unseen = unseen_rows(incumbent, split_of(prepared, name))
        assert (unseen.shape, unseen.dtype) == ((prepared.splits.frames[name].height,), np.bool_)
        assert set(unseen.tolist()) == {is_new}


def test_a_row_it_was_fitted_to_is_known_under_any_label(tiny, incumbent):
    prepared = prepare_data(load_config(tiny), SilentListener())
    train = split_of(prepared, "train")
    turned = train.frame.with_columns(pl.lit("login").alias("intent"))
    relabelled = MeasuredSplit("cert", turned, train.ref, train.roles)
    assert not unseen_rows(incumbent, relabelled).any()


def test_a_release_without_a_list_of_its_rows_is_compared_on_all(tiny, incumbent):
    prepared = prepare_data(load_config(tiny), SilentListener())
    unknown = Incumbent(incumbent.label, incumbent.bundle)
    assert unseen_rows(unknown, split_of(prepared, "train")).all()


def test_only_the_rows_kept_are_answered_with_their_clusters():
    predictions = Predictions(
        ("a", "b"), np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([7, 7, 9])
    )
    kept = keep_rows(predictions, np.array([True, False, True]))
    assert (kept.truth.tolist(), kept.clusters.tolist()) == ([0, 1], [7, 9])
    assert kept.probs.tolist() == [[0.9, 0.1], [0.6, 0.4]]
    alone = Predictions(predictions.classes, predictions.truth, predictions.probs)
    assert keep_rows(alone, np.array([False, False, True])).clusters is None


def growing(folder, rows, *, seed=5):
    """Messages that came day after day, the first so many of them."""
    found = message_rows(400, seed=seed)
    days = [f"2026-{1 + row // 28 % 12:02d}-{1 + row % 28:02d}" for row in range(400)]
    frame = {**found, "day": sorted(days)}
    save_rows(folder / "rows.csv", {name: values[:rows] for name, values in frame.items()})


@pytest.mark.usefixtures("fixed_costs")
def test_when_the_split_moves_the_incumbent_is_compared_on_rows_it_never_saw(tmp_path, own_keys):
    """By time: with later rows in the table, rows that were sealed move into train, and new ones are sealed.

    With fewer rows it is the other way round: what is sealed now taught the release, and says nothing of it.
    """
    data = 'text = "message"\nlabel = "intent"\ntime = "day"'
    folder = write_messages(tmp_path / "p", data=data)
    growing(folder, 300)
    assert build(load_config(folder)).release.label == "rows@1"
    config = load_config(folder)
    known = decode_rows(rows_log(prepare_data(config, SilentListener())))
    growing(folder, 250)
    prepared = prepare_data(load_config(folder), SilentListener())
    cert = split_of(prepared, "cert")
    first = open_registry(folder).read("rows@1")
    bundle = open_bundle(open_registry(folder).materialize(first, tmp_path / "copy"))
    unseen = unseen_rows(Incumbent("rows@1", bundle, known), cert)
    assert 0 <= unseen.sum() < cert.frame.height
    (verdict,) = [v for v in build(load_config(folder)).verdicts if v.gate == INCUMBENT_GATE]
    wanted = f"on the {unseen.sum():,} of {cert.frame.height:,} cert rows that rows@1 never saw"
    assert wanted in verdict.reason
    growing(folder, 400)
    whole = build(load_config(folder))
    (verdict,) = [v for v in whole.verdicts if v.gate == INCUMBENT_GATE]
    assert "never saw" not in verdict.reason
    assert "on cert" in verdict.reason
