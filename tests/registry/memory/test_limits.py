from __future__ import annotations

from tests.registry.memory.sides import facts_of, verdict

from smallcraft.registry.memory.limits import list_limits


def test_an_open_gate_stands_with_what_would_settle_it():
    assert "gate fairness is UNDECIDED: few rows; would settle it: 90 rows" in list_limits(facts_of())


def test_what_an_audit_found_is_a_limit_and_a_clean_audit_is_none():
    clean = {"audit": "leakage", "summary": "as it should be", "findings": []}
    found = list_limits(facts_of(audits=[*facts_of()["audits"], clean]))
    assert "fairness: south is worse" in found
    assert not [line for line in found if "leakage" in line]


def test_a_worn_test_set_is_a_limit():
    cert = {
        "wear": "the bound 0.05 exceeds half the margin",
        "clock": ["a look is dated before an earlier one"],
    }
    found = list_limits(facts_of(cert=cert))
    assert "the sealed test set: the bound 0.05 exceeds half the margin" in found
    assert "the sealed test set: a look is dated before an earlier one" in found


def test_unknown_label_quality_and_a_missing_licence_are_limits():
    facts = facts_of(quality={"index": {"value": None, "detail": "not audited"}}, data={"source": "export"})
    found = list_limits(facts)
    assert "how many labels are right is not known: not audited" in found
    assert "the licence of the data is not stated" in found
    assert "the source of the data is not stated" not in found


def test_a_gate_over_many_slices_is_told_once():
    many = [verdict("fairness", "UNDECIDED", f"slice {at}", required=False) for at in range(9)]
    found = [line for line in list_limits(facts_of(verdicts=many)) if line.startswith("gate fairness")]
    assert len(found) == 4
    assert found[-1] == "gate fairness: the same of 6 more slices"


def test_a_release_with_nothing_against_it_has_no_limit():
    spotless = facts_of(verdicts=[verdict("floor", "PASS", "high")], audits=[])
    assert list_limits(spotless) == ()
    assert list_limits({}) == ()
