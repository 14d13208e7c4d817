from __future__ import annotations

from tests.registry.papers.samples import facts_of, measurement

from smallcraft.registry.papers.sections import quality


def test_what_was_declared_is_told():
    told = quality.metrics(facts_of())
    assert told[:5] == [
        "- metric, declared beforehand: macro\\_f1",
        "- non-inferiority margin: 0.01",
        "- floor: 0.9",
        "- confidence: 0.95",
        "- pre-registration: 1",
    ]
    assert told[5].endswith("logits times 5.4, fitted to be calibrated; the most probable class is given")
    assert "- interval of macro\\_f1, accuracy: bootstrap, 95%" in told


def test_a_threshold_between_stages_is_told():
    facts = {"bundle": {"decoder": {"scale": 2.0, "threshold": 0.87}}}
    assert "where its probability is below 0.87, the next stage is asked" in quality.metrics(facts)[-1]


def test_a_plan_is_told_with_its_questions():
    told = quality.metrics({"plan": {"questions": 5, "passes": 1}})
    assert "- plan for the sealed test set: 5 questions of pass or not shown, 1 may pass" in told


def test_classes_are_a_row_each_the_worst_first():
    told = quality.quantitative_analyses(facts_of())
    rows = [line for line in told if line.startswith(("| ticket", "| refund"))]
    assert rows[0].startswith("| ticket | 26 | 0.71 (0.69 to 0.73) |")
    assert rows[1].startswith("| refund | 40 | 0.95")


def test_many_classes_are_cut_and_the_cut_is_told():
    classes = [measurement("f1", 0.5 + number / 1000, part=f"class=c{number}") for number in range(77)]
    facts = {"released": {"measurements": [measurement("accuracy", 0.9), *classes]}}
    told = quality.quantitative_analyses(facts)
    assert len([line for line in told if line.startswith("| c")]) == 20 + 1
    assert "57 more classes, none worse than these, are in the release's facts" in told


def test_groups_and_groups_within_groups_are_told():
    told = "\n".join(quality.quantitative_analyses(facts_of()))
    assert "| accuracy | dev | region=ticket &amp; age=old | not measured |" in told
    assert "| accuracy\\_gap | dev | region=ticket | -0.102 | -0.122 to -0.082 |" in told
    alone = {"released": {"measurements": [measurement("accuracy", 0.9)]}}
    assert quality.quantitative_analyses(alone)[-1].startswith("No group was measured: none is declared")


def test_nothing_measured_is_missing():
    assert quality.quantitative_analyses({})[0].startswith("**missing: measurements")
    assert quality.audits({})[0].startswith("**missing: audits")
    assert quality.verdicts({})[0].startswith("**missing: verdicts")


def test_each_finding_is_told_once():
    [robustness] = [line for line in quality.audits(facts_of()) if line.startswith("| robustness")]
    assert robustness.endswith("| a ticket is taken for a refund |")


def test_what_failed_or_is_open_stands_before_what_passed():
    given = [{"gate": name, "outcome": name} for name in ("PASS", "UNDECIDED", "FAIL")]
    told = quality.verdicts({"verdicts": given})
    assert [line.split(" | ")[1] for line in told[2:]] == ["FAIL", "UNDECIDED", "PASS"]


def test_the_best_founded_split_is_told_of_a_candidate():
    both = [measurement("f1", 0.9, "dev"), measurement("f1", 0.8, "cert")]
    assert quality.quality_of({"measurements": both}, "f1") == "0.8 (cert, 0.78 to 0.82)"
    assert quality.quality_of({}, "f1") == "not measured"
