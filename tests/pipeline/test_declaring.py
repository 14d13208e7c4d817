"""What two releases say of themselves: measured on rows that neither was fitted to, else not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.projects import change_project

from smallcraft.bundle.runtime import open_bundle
from smallcraft.pipeline import declaring
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.declaring import declare
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.memory.rows import ROWS_FILE
from smallcraft.serve.loading.released import take_release
from smallcraft.stats.intervals import wilson_interval

CLASSES = ("billing", "login", "parcel")
DEV_ROWS, CERT_ROWS = 26, 60
ROWS = DEV_ROWS + CERT_ROWS
# Rows of another class than the majority, by split.
DEV_OTHERS, CERT_OTHERS = 18, 40


@pytest.fixture
def fitted(tiny):
    """The release, which was fitted to train and dev, and the rung that always says the same."""
    registry = open_registry(tiny)
    taken = take_release(registry, "rows@1", copies=tiny / "copies")
    stored = registry.find("rows@1")
    majority = next(path.parent for path in (tiny / ".smallcraft/bundles").glob("*majority*/bundle.json"))
    return load_config(tiny), (stored, open_bundle(taken.folder)), (stored, open_bundle(majority))


@pytest.fixture
def unfitted(fitted, monkeypatch):
    """The same, where nobody knows that a row was fitted to; and a few rows are enough."""
    monkeypatch.setattr(declaring, "_FEWEST_ROWS", 10)
    config, *releases = fitted

    def forget(stored):
        kept = {path: place for path, place in stored.locations.items() if path != ROWS_FILE}
        return replace(stored, locations=kept)

    return config, *[(forget(stored), bundle) for stored, bundle in releases]


def test_releases_that_always_agree_may_disagree_as_often_as_so_few_rows_leave_open(unfitted):
    config, release, _ = unfitted
    found = declare(config, release, release)
    assert found.classes == CLASSES
    assert found.has_confidence
    assert found.disagreement == wilson_interval(0, ROWS).high


def test_the_share_on_which_they_differ_is_counted_with_the_upper_end_of_its_interval(unfitted):
    config, release, majority = unfitted
    shares = [declare(config, *pair).disagreement for pair in ((release, majority), (majority, release))]
    assert shares[0] == shares[1] == wilson_interval(DEV_OTHERS + CERT_OTHERS, ROWS).high


def test_without_further_stages_there_is_no_escalation(unfitted):
    config, release, majority = unfitted
    found = declare(config, release, majority)
    assert (found.escalation, found.stable_escalation) == (None, None)


def test_rows_that_a_release_was_fitted_to_are_not_among_them(fitted, monkeypatch):
    monkeypatch.setattr(declaring, "_FEWEST_ROWS", 1)
    config, release, majority = fitted
    found = declare(config, release, majority).disagreement
    assert found == wilson_interval(CERT_OTHERS, CERT_ROWS).high


def test_the_labels_of_the_sealed_rows_are_not_read(fitted, monkeypatch):
    monkeypatch.setattr(declaring, "_FEWEST_ROWS", 1)
    asked = []

    def ask(bundle, frame):
        asked.append(frame.columns)
        return as_usual(bundle, frame)

    as_usual = declaring._ask
    monkeypatch.setattr(declaring, "_ask", ask)
    declare(*fitted)
    assert asked == [["message"], ["message"]]


def test_too_few_rows_say_nothing(unfitted, monkeypatch):
    config, release, majority = unfitted
    monkeypatch.setattr(declaring, "_FEWEST_ROWS", ROWS + 1)
    found = declare(config, release, majority)
    assert (found.disagreement, found.classes) == (None, CLASSES)


def test_where_the_data_are_not_here_a_rollout_can_begin_all_the_same(unfitted):
    config, release, majority = unfitted
    (config.folder / "rows.csv").unlink()
    found = declare(config, release, majority)
    assert (found.disagreement, found.classes) == (None, CLASSES)


def test_columns_that_one_of_them_reads_and_the_data_no_longer_have_are_no_error(unfitted, tiny):
    _, release, majority = unfitted
    rows = (tiny / "rows.csv").read_text("utf-8")
    (tiny / "rows.csv").write_text(rows.replace("message", "words", 1), encoding="utf-8")
    (tiny / "cert.csv").write_text(
        (tiny / "cert.csv").read_text("utf-8").replace("message", "words", 1), encoding="utf-8"
    )
    change_project(tiny, 'text = "message"', 'text = "words"')
    found = declare(load_config(tiny), release, majority)
    assert (found.disagreement, found.classes) == (None, CLASSES)
