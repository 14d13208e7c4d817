"""Records of a rollout as plain values for JSON, and back: what is stored and what a receipt carries.

Leaves to others: bytes and digests (`canonical`), the file (`serve.state`).
Always: reading gives a record whose form is the same again, or is refused; numbers keep every bit.
Not covered: forms of other versions; whoever stores them keeps a format number beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, ArmCounts, no_counts
from smallcraft.serve.rollout.evidence import Baseline, Step
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.plan import RolloutPlan, Weights
from smallcraft.serve.rollout.standing import Health, Order, RolloutState

Form = dict[str, Any]
Record = TypeVar("Record")
_COUNTED = tuple(field.name for field in fields(ArmCounts))


def to_form(value: object) -> Any:  # noqa: ANN401 - the JSON type is recursive
    """Records as mappings, arrays and tuples as lists; numbers and texts stay."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_form(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: to_form(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_form(item) for item in value]
    return value


def state_from(form: Mapping[str, Any]) -> RolloutState:
    """The state that `to_form` wrote.

    Raises:
        InvalidInputError: It is not of that form.
    """
    try:
        return _read_state(form)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInputError(
            f"a rollout is stored with the fields of RolloutState, got {error!r}; it was changed, or another"
            " version wrote it"
        ) from error


def order_from(form: Mapping[str, Any] | None) -> Order | None:
    """The order that `to_form` wrote; None for none."""
    return None if form is None else _record(Order, form)


def step_from(form: Mapping[str, Any]) -> Step:
    """The step that `to_form` wrote; ValueError, TypeError or KeyError when it is none."""
    keyed = form["keyed"]
    if form["kind"] not in ("shadow", "canary", "watch"):
        raise ValueError(f"kind {form['kind']!r}")
    return _record(
        Step,
        {**form, "counts": _counts(form["counts"]), "keyed": None if keyed is None else _counts(keyed)},
    )


def _read_state(form: Mapping[str, Any]) -> RolloutState:
    parts = {
        "stable": _record(NamedRelease, form["stable"]),
        "canary": _record(NamedRelease, form["canary"]),
        "plan": plan_from(form["plan"]),
        "baseline": _baseline(form["baseline"]),
        "health": _record(Health, form["health"]),
        "classes": tuple(form["classes"]),
        "steps": tuple(step_from(step) for step in form["steps"]),
    }
    return _record(RolloutState, {**form, **parts})


def plan_from(form: Mapping[str, Any]) -> RolloutPlan:
    """The plan that `to_form` wrote; ValueError, TypeError or KeyError when it is none."""
    parts = {
        "stages": tuple(float(stage) for stage in form["stages"]),
        "mature_requests": tuple(form["mature_requests"]),
        "weights": _record(Weights, form["weights"]),
    }
    return _record(RolloutPlan, {**form, **parts})


def _baseline(form: Mapping[str, Any]) -> Baseline:
    classes, confidence = form["classes"], form["confidence"]
    parts = {
        "latency": _whole(form["latency"], (LATENCY_BINS,)),
        "classes": None if classes is None else _whole(classes, (len(classes),)),
        "confidence": None if confidence is None else _whole(confidence, (CONFIDENCE_BINS,)),
    }
    return _record(Baseline, {**form, **parts})


def _counts(form: Mapping[str, Any]) -> ArmCounts:
    expected = no_counts(len(form["classes"][0]) - 1)
    if sorted(form) != sorted(_COUNTED):
        raise ValueError(f"counts {sorted(form)}")
    return ArmCounts(**{name: _whole(form[name], getattr(expected, name).shape) for name in _COUNTED})


def _whole(values: Sequence[Any] | int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    read = np.asarray(values)
    if read.dtype.kind != "i" or read.shape != shape or (read < 0).any():
        raise ValueError(f"whole numbers of shape {shape}, none below 0, got {read.dtype} of {read.shape}")
    return read.astype(np.int64)


def _record(kind: type[Record], form: Mapping[str, Any]) -> Record:
    """A record from all of its fields, and no others."""
    wanted = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if set(form) != wanted:
        raise ValueError(f"{kind.__name__} with {sorted(wanted ^ set(form))} missing or not known")
    return kind(**form)
