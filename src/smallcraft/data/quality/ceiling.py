"""The noise ceiling: the best accuracy that anyone can measure on a test set whose labels are partly wrong.

A perfect model answers every row rightly and is marked wrong wherever the given label is: it scores the
share of right labels. Where people disagree by more than their errors, even that is more than can be had.
Always: without an audit there is no ceiling; near it the advice is to label, not to tune.
Not covered: a model that repeats the labels' own errors may measure above the ceiling, and is no better.
"""

from __future__ import annotations

import math

from smallcraft.errors import InvalidInputError
from smallcraft.records import CheckResult, Finding, Measurement, Outcome

CHECK = "noise_ceiling"
_NO_AUDIT = "needs: `smallcraft check --audit 120`"


def noise_ceiling(
    label_accuracy: Measurement | None,
    consensus_ambiguity: float | None,
    model: Measurement | None,
) -> CheckResult:
    """Set a model's accuracy against the best that its test set can show.

    Args:
        label_accuracy: Audited share of right labels.
        consensus_ambiguity: How often two people disagree on a row although neither errs, in [0, 1]; None
            without votes. It lowers the lower bound: one answer a row cannot agree with both.
        model: Accuracy of a model on the same rows; None where none was measured.

    Returns:
        PASS: the model is shown to be below the ceiling, or there is no model to set against it. UNDECIDED:
        there is no audit, or the model's interval reaches the ceiling's: the rows cannot tell it from a
        perfect one.

    Raises:
        InvalidInputError: The measurements are of different splits, the model's is not its accuracy, or the
            ambiguity is not a fraction.
    """
    _check(label_accuracy, consensus_ambiguity, model)
    if label_accuracy is None or label_accuracy.value is None:
        return _without_audit(label_accuracy)
    ceiling = _ceiling(label_accuracy, consensus_ambiguity)
    assert ceiling.value is not None
    assert ceiling.low is not None
    numbers: dict[str, float | int | None] = {
        "ceiling": ceiling.value,
        "ceiling_low": ceiling.low,
        "ceiling_high": ceiling.high,
        "ambiguity": consensus_ambiguity,
        "model": None if model is None else model.value,
    }
    said = (
        f"no model can be shown to be right on more than {ceiling.value:.3f} "
        f"[{ceiling.low:.3f}, {ceiling.high:.3f}] of {ceiling.split}: that many labels are"
    )
    if model is None or model.value is None:
        summary = f"{said}; no model was measured there"
        return CheckResult(CHECK, Outcome.PASS, summary, numbers, measurements=(ceiling,))
    top = model.value if model.high is None else model.high
    if top < ceiling.low:
        summary = f"{said}; the model's {_shown(model)} is below it, so a better one can be told"
        return CheckResult(CHECK, Outcome.PASS, summary, numbers, measurements=(ceiling,))
    remedy = _remedy(ceiling, model)
    summary = f"{said}; the model's {_shown(model)} {_reached(ceiling, model)}: {remedy}"
    finding = Finding(CHECK, ceiling.split or "all", None, None, summary.partition(": label")[0], remedy)
    return CheckResult(CHECK, Outcome.UNDECIDED, summary, numbers, (finding,), (ceiling,))


def _check(label_accuracy: Measurement | None, ambiguity: float | None, model: Measurement | None) -> None:
    if ambiguity is not None and not 0 <= ambiguity <= 1:
        raise InvalidInputError(
            f"ambiguity must be a fraction in [0, 1], got {ambiguity}; None without votes"
        )
    if model is None:
        return
    if model.name != "accuracy":
        raise InvalidInputError(
            f"the ceiling is one of accuracy, got the model's {model.name}; measure its accuracy"
        )
    if label_accuracy is not None and model.split != label_accuracy.split:
        raise InvalidInputError(
            f"labels were audited on {label_accuracy.split}, the model was measured on {model.split}; "
            "take both on the same rows"
        )


def _without_audit(label_accuracy: Measurement | None) -> CheckResult:
    split = label_accuracy.split if label_accuracy is not None else None
    why = "how well a perfect model would do is not known: the labels are not audited"
    finding = Finding(CHECK, split or "all", None, None, why, _NO_AUDIT)
    unmeasured = Measurement(CHECK, None, "fraction", 0, "audit by people", split=split, detail=why)
    return CheckResult(
        CHECK, Outcome.UNDECIDED, f"{why}; {_NO_AUDIT}", {"ceiling": None}, (finding,), (unmeasured,)
    )


def _ceiling(accuracy: Measurement, ambiguity: float | None) -> Measurement:
    assert accuracy.value is not None
    low = accuracy.value if accuracy.low is None else accuracy.low
    high = accuracy.value if accuracy.high is None else accuracy.high
    method = f"a perfect model scores the share of right labels; {accuracy.method}"
    if ambiguity is not None:
        low = min(low, 1 - ambiguity)
        method += "; lower bound no higher than the share of rows that people agree on but for their errors"
    return Measurement(CHECK, accuracy.value, "fraction", accuracy.n, method, low, high, split=accuracy.split)


def _shown(model: Measurement) -> str:
    if model.low is None or model.high is None:
        return f"{model.value:.3f}"
    return f"{model.value:.3f} [{model.low:.3f}, {model.high:.3f}]"


def _reached(ceiling: Measurement, model: Measurement) -> str:
    assert ceiling.high is not None
    bottom = model.value if model.low is None else model.low
    if bottom is not None and bottom > ceiling.high:
        return "is above it, so it repeats errors of the labels or knows the test rows"
    return "reaches it, so these rows cannot tell it from a perfect one"


def _remedy(ceiling: Measurement, model: Measurement) -> str:
    more = _rows_to_tell(ceiling, model)
    much = f"about {_two_figures(more):,} more test rows, audited alike," if more else "more test rows"
    return f"label {much} or correct these labels; stop tuning"


def _rows_to_tell(ceiling: Measurement, model: Measurement) -> int | None:
    """Test rows that would part the intervals if the values stay; both shrink as one over the root of n."""
    assert ceiling.value is not None
    assert ceiling.low is not None
    if model.value is None or model.high is None or model.value >= ceiling.value:
        return None
    reach = (model.high - model.value) + (ceiling.value - ceiling.low)
    ratio = reach / (ceiling.value - model.value)
    return max(1, math.ceil(model.n * (ratio * ratio - 1)))


def _two_figures(count: int) -> int:
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
