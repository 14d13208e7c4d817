from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.quality.bysplit import joined
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome


def result(
    split: str, outcome: Outcome = Outcome.PASS, *, scores: tuple[float | None, ...] = ()
) -> CheckResult:
    findings = tuple(
        Finding("labels", split, row, None, "what", "remedy", score=score) for row, score in enumerate(scores)
    )
    measured = Measurement("share", 0.5, "fraction", 10, "counted", split=split)
    flagged = FlaggedRows(split, "wrong", np.arange(len(scores)))
    return CheckResult("labels", outcome, f"{split} said", {"rows": 10}, findings, (measured,), (flagged,))


def test_one_split_keeps_its_summary_and_several_are_told_apart():
    assert joined({"all": result("all")}).summary == "all said"
    assert (
        joined({"train": result("train"), "dev": result("dev")}).summary == "train: train said; dev: dev said"
    )


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        ((Outcome.PASS, Outcome.PASS), Outcome.PASS),
        ((Outcome.PASS, Outcome.UNDECIDED), Outcome.UNDECIDED),
        ((Outcome.UNDECIDED, Outcome.FAIL), Outcome.FAIL),
    ],
)
def test_the_whole_is_as_bad_as_its_worst_part(outcomes, worst):
    assert joined({"train": result("train", outcomes[0]), "dev": result("dev", outcomes[1])}).outcome is worst


def test_nothing_of_a_part_is_lost():
    whole = joined({"train": result("train", scores=(0.3,)), "dev": result("dev", scores=(0.1, None))})
    assert whole.numbers == {"rows_train": 10, "rows_dev": 10}
    assert [measured.split for measured in whole.measurements] == ["train", "dev"]
    assert [(rows.split, len(rows.rows)) for rows in whole.flagged] == [("train", 1), ("dev", 2)]
    assert [finding.score for finding in whole.findings] == [0.1, 0.3, None]


def test_a_number_that_names_its_split_already_keeps_its_name():
    named = CheckResult("labels", Outcome.PASS, "", {"rows_train": 3, "share": None})
    assert joined({"train": named}).numbers == {"rows_train": 3, "share_train": None}
