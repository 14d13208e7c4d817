from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.stages.test_measure import attempt_of

from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.logs import answers_log, memory_files, rows_log
from smallcraft.pipeline.stages.measure import MeasuredSplit, measure_candidate
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.memory.answers import decode_answers, logged_value
from smallcraft.registry.memory.decisions import (
    Parent,
    check_decision,
    rule_rationale,
    write_decision,
)
from smallcraft.registry.memory.evidence import Side
from smallcraft.registry.memory.rows import compare_rows, decode_rows


def prepared_of(folder):
    return prepare_data(load_config(folder), SilentListener())


def with_frames(prepared, change):
    frames = {name: change(frame) for name, frame in prepared.splits.frames.items()}
    return replace(prepared, splits=replace(prepared.splits, frames=frames))


def winner_of(folder, prepared):
    config, splits = load_config(folder), prepared.splits
    dev = MeasuredSplit("dev", splits.frames["dev"], splits.refs["dev"], config.roles())
    return measure_candidate(attempt_of(folder), dev, config)


def test_the_log_holds_every_row_of_every_split(tiny):
    prepared = prepared_of(tiny)
    rows = decode_rows(rows_log(prepared))
    assert {name: len(split.inputs) for name, split in rows.splits.items()} == {
        name: frame.height for name, frame in prepared.splits.frames.items()
    }
    assert (rows.inputs, rows.label) == (("message",), "intent")


def test_the_order_of_rows_does_not_matter(tiny):
    prepared = prepared_of(tiny)
    shuffled = with_frames(prepared, lambda frame: frame.sample(fraction=1.0, shuffle=True, seed=3))
    assert rows_log(shuffled) == rows_log(prepared)


def test_the_format_of_the_file_does_not_matter(tiny):
    as_text = prepared_of(tiny)
    pl.read_csv(tiny / "rows.csv").write_parquet(tiny / "rows.parquet")
    project = tiny / "smallcraft.toml"
    project.write_text(project.read_text("utf-8").replace('"rows.csv"', '"rows.parquet"'), "utf-8")
    assert rows_log(prepared_of(tiny)) == rows_log(as_text)


def test_one_label_corrected_is_one_row_relabelled(tiny):
    prepared = prepared_of(tiny)
    train = prepared.splits.frames["train"]
    labels = train["intent"].to_list()
    labels[5] = "billing" if labels[5] != "billing" else "login"
    frames = {**prepared.splits.frames, "train": train.with_columns(pl.Series("intent", labels))}
    corrected = replace(prepared, splits=replace(prepared.splits, frames=frames))
    found = compare_rows(decode_rows(rows_log(prepared)), decode_rows(rows_log(corrected)))
    assert (found.added, found.removed, found.relabelled) == (0, 0, 1)


def test_no_log_tells_the_label_of_a_sealed_row(tiny):
    prepared = prepared_of(tiny)
    assert decode_rows(rows_log(prepared)).splits["cert"].labelled is None
    # Other labels on cert change one digest over all of them, and nothing else.
    cert = prepared.splits.frames["cert"]
    turned = {**prepared.splits.frames, "cert": cert.with_columns(pl.lit("login").alias("intent"))}
    other = decode_rows(rows_log(replace(prepared, splits=replace(prepared.splits, frames=turned))))
    known = decode_rows(rows_log(prepared))
    np.testing.assert_array_equal(other.splits["cert"].inputs, known.splits["cert"].inputs)
    assert other.splits["cert"].labels_digest != known.splits["cert"].labels_digest
    assert compare_rows(known, other).relabelled == 0


@pytest.mark.usefixtures("fixed_costs")
def test_the_answers_give_back_the_quality_that_was_measured(tiny):
    prepared = prepared_of(tiny)
    winner = winner_of(tiny, prepared)
    log = decode_answers(answers_log(prepared, winner))
    for metric in ("accuracy", "macro_f1", "balanced_accuracy"):
        assert logged_value(log, metric) == pytest.approx(winner.evidence.find(metric, split="dev").value)
    assert set(log.rows) == set(decode_rows(rows_log(prepared)).splits["dev"].inputs)


@pytest.mark.usefixtures("fixed_costs")
def test_a_build_adds_both_logs_and_no_text_of_any_row(tiny):
    prepared = prepared_of(tiny)
    files = memory_files(prepared, winner_of(tiny, prepared))
    assert set(files) == {"data/rows.npz", "evaluation/dev.npz"}
    words = {
        word
        for frame in prepared.splits.frames.values()
        for text in frame["message"]
        for word in text.split()
    }
    assert not [
        word for word in words for data in files.values() if word[-1].isdigit() and word.encode() in data
    ]


@pytest.mark.usefixtures("fixed_costs")
def test_a_built_release_with_its_logs_can_be_decided_on_and_checked(tiny):
    registry = open_registry(tiny)
    release, prepared = registry.read("latest"), prepared_of(tiny)
    logs = memory_files(prepared, winner_of(tiny, prepared))

    def read(path):
        return logs[path] if path in logs else registry.read_file(release, path)

    first, again = (Side(f"rows@{version}", release.facts, read) for version in (1, 2))
    parents = [Parent(first.label, release.manifest_digest)]
    for before, after, follows in ((None, first, []), (first, again, parents)):
        reason = rule_rationale(after.facts)
        written = write_decision(
            before, after, verdict="accept", rationale=reason, parents=follows, evidence=logs
        )
        record = check_decision(written, before=before, after=after)
        assert [one.rung for one in record.tried] == ["ngram", "majority"]
    # The very same build twice: compared all over, and nothing differs.
    assert {change.difference for change in record.delta.metrics if change.split == "dev"} == {0.0}
    assert (record.delta.rows.added, record.delta.tensors.changed, record.delta.config) == (0, (), ())
    assert record.delta.notes == ()
