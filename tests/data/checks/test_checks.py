"""Laws that every check keeps: a listed name, a whole result, unchanged frames; unknown names are refused."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.checks import BUILTIN, run_checks
from smallcraft.errors import InvalidInputError
from smallcraft.records import CheckResult, Outcome, Roles

ROLES = Roles(label="label", text="text", features=("x",))
ROWS = pl.DataFrame(
    {"text": ["one", "two", "Two!", "caf\ufffd"], "label": ["a", "b", "a", None], "x": [1.0, None, 2.0, 2.0]}
)
EMPTY = ROWS.head(0)


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("splits", [{"train": ROWS}, {"train": ROWS, "dev": EMPTY, "cert": ROWS}])
def test_a_check_says_one_of_three_things_about_unchanged_frames(name, splits):
    before = {split: frame.clone() for split, frame in splits.items()}
    result = BUILTIN[name].inspect(splits, ROLES)
    assert isinstance(result, CheckResult)
    assert (result.check, BUILTIN[name].name) == (name, name)
    assert result.outcome in Outcome
    assert result.summary
    assert all(isinstance(number, int | float | None) for number in result.numbers.values())
    assert all(finding.check == name and finding.remedy for finding in result.findings)
    assert all(before[split].equals(frame) for split, frame in splits.items())


def test_rows_in_findings_are_rows_of_their_split():
    for result in run_checks({"train": ROWS, "cert": ROWS}, ROLES):
        for finding in result.findings:
            assert finding.row is None or 0 <= finding.row < ROWS.height


def test_checks_run_in_the_order_asked_for():
    results = run_checks({"train": ROWS}, ROLES, names=("leakage", "row_counts"))
    assert [result.check for result in results] == ["leakage", "row_counts"]


def test_an_unknown_check_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidInputError, match="did you mean 'leakage'"):
        run_checks({"train": ROWS}, ROLES, names=("leakege",))


@pytest.mark.parametrize("name", BUILTIN)
def test_rows_that_are_not_split_yet_are_checked_as_one(name):
    result = BUILTIN[name].inspect({"all": ROWS}, ROLES)
    told = [result.summary, *(finding.what for finding in result.findings)]
    assert not any(" of all" in sentence or "in all" in sentence for sentence in told)


@pytest.mark.parametrize("name", BUILTIN)
def test_flagged_rows_are_rows_of_their_split_each_once_a_kind(name):
    splits = {"train": ROWS, "dev": EMPTY, "cert": ROWS}
    flagged = BUILTIN[name].inspect(splits, ROLES).flagged
    assert len({(entry.split, entry.kind) for entry in flagged}) == len(flagged)
    for entry in flagged:
        assert len(set(entry.rows.tolist())) == len(entry.rows) > 0
        assert all(0 <= row < splits[entry.split].height for row in entry.rows.tolist())
