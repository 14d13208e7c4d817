"""The noise ceiling: measured by people, reached by models, unknown without an audit."""

from __future__ import annotations

import pytest

from smallcraft.data.quality.ceiling import noise_ceiling
from smallcraft.errors import InvalidInputError
from smallcraft.records import Measurement, Outcome


def labels(value=0.96, low=0.94, high=0.975, split="cert"):
    return Measurement("label_accuracy", value, "fraction", 120, "an audit", low, high, split=split)


def model(value, low, high, name="accuracy", split="cert"):
    return Measurement(name, value, "fraction", 1000, "Clopper-Pearson", low, high, split=split)


def test_without_an_audit_there_is_no_ceiling():
    unmeasured = Measurement("label_accuracy", None, "fraction", 0, "", split="cert")
    for accuracy in (None, unmeasured):
        result = noise_ceiling(accuracy, 0.1, model(0.9, 0.88, 0.92))
        assert result.outcome is Outcome.UNDECIDED
        assert result.measurements[0].value is None
        assert "smallcraft check --audit 120" in result.findings[0].remedy


def test_the_ceiling_is_the_share_of_right_labels():
    result = noise_ceiling(labels(), None, None)
    ceiling = result.measurements[0]
    assert (ceiling.name, ceiling.value, ceiling.low, ceiling.high) == ("noise_ceiling", 0.96, 0.94, 0.975)
    assert result.outcome is Outcome.PASS
    assert "no model was measured" in result.summary


def test_a_model_below_the_ceiling_has_room_that_can_be_seen():
    result = noise_ceiling(labels(), None, model(0.88, 0.86, 0.90))
    assert result.outcome is Outcome.PASS
    assert "is below it" in result.summary


def test_a_model_that_touches_the_ceiling_is_told_to_stop_tuning_and_how_many_rows_would_help():
    result = noise_ceiling(labels(), None, model(0.93, 0.91, 0.945))
    assert result.outcome is Outcome.UNDECIDED
    # 1000 * ((0.015 + 0.02) / 0.03)^2 - 1000 = 361.1
    assert (
        "label about 370 more test rows, audited alike, or correct these labels; stop tuning"
        in result.summary
    )
    assert "cannot tell it from a perfect one" in result.findings[0].what


def test_a_model_above_the_ceiling_is_suspected():
    result = noise_ceiling(labels(), None, model(0.99, 0.98, 0.995))
    assert result.outcome is Outcome.UNDECIDED
    assert "repeats errors of the labels or knows the test rows" in result.summary
    assert "label more test rows" in result.summary


def test_ambiguity_lowers_the_lower_bound_only():
    ceiling = noise_ceiling(labels(), 0.1, None).measurements[0]
    assert (ceiling.value, ceiling.low, ceiling.high) == (0.96, 0.9, 0.975)
    assert "people agree" in ceiling.method
    assert noise_ceiling(labels(), 0.01, None).measurements[0].low == 0.94


def test_a_model_that_only_ambiguity_reaches_is_undecided():
    measured = model(0.9, 0.88, 0.92)
    assert noise_ceiling(labels(), None, measured).outcome is Outcome.PASS
    assert noise_ceiling(labels(), 0.1, measured).outcome is Outcome.UNDECIDED


def test_another_metric_or_split_is_refused():
    with pytest.raises(InvalidInputError, match="one of accuracy, got the model's macro_f1"):
        noise_ceiling(labels(), None, model(0.9, 0.8, 0.95, name="macro_f1"))
    with pytest.raises(InvalidInputError, match="audited on cert, the model was measured on dev"):
        noise_ceiling(labels(), None, model(0.9, 0.8, 0.95, split="dev"))
    with pytest.raises(InvalidInputError, match="ambiguity must be a fraction"):
        noise_ceiling(labels(), 10.0, None)


def test_a_model_that_was_not_measured_counts_as_none():
    unmeasured = Measurement("accuracy", None, "fraction", 0, "", split="cert")
    assert noise_ceiling(labels(), None, unmeasured).outcome is Outcome.PASS
