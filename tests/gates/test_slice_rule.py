"""A rule of a tolerance judges as the tolerance says, and passes over what is to be doubted."""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.threeway import Doubt
from smallcraft.gates.tolerance import at_most
from smallcraft.records import GateSpec, Measurement, Outcome

GATE = GateSpec("small", "small", "", None, 5.0, slice="*")
RULE = SliceRule("small", at_most, measurement="size_mb", doubt=lambda found: None)


def size(value, of="all", detail=""):
    return Measurement("size_mb", value, "MB", 1, "bytes", slice=of, detail=detail)


def test_each_slice_gets_the_word_of_the_tolerance_and_the_rule_knows_what_to_judge():
    verdicts = RULE.judge(GATE, (size(3.0, "part=a"), size(7.0, "part=b"), size(5.0, "part=c")))
    assert [verdict.outcome for verdict in verdicts] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]
    assert {verdict.measurement for verdict in verdicts} == {"size_mb"}


def test_what_is_doubted_is_undecided_however_small():
    wary = SliceRule(
        "small",
        at_most,
        measurement="size_mb",
        doubt=lambda found: Doubt("the scales are broken", "mend them") if found.detail else None,
    )
    sound, doubted = wary.judge(GATE, (size(1.0, "part=a"), size(1.0, "part=b", detail="broken")))
    assert (sound.outcome, doubted.outcome) == (Outcome.PASS, Outcome.UNDECIDED)
    assert "the scales are broken" in doubted.reason
