"""A guardrail's state as bytes, and back, to the last bit: arrays in numpy's own form, the rest as JSON.

Leaves to others: where the bytes are kept (`observe.journal`).
Always: `parse_guard(guard_bytes(state))` goes on as `state` would have; damaged bytes are refused.
"""

from __future__ import annotations

import io
import json
from dataclasses import fields
from typing import Any

import numpy as np

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.observe.guardrail import GuardState, OpenAlarm
from smallcraft.observe.harm_guard import LossState
from smallcraft.observe.quantities import Quantity, WatchPlan
from smallcraft.stats.sequences.detectors import DetectorState

FORMAT = 1
_DIGEST_BYTES = len(digest_bytes(b""))
_ARRAYS_OF_ALARM = ("values", "buckets", "ats")


def guard_bytes(state: GuardState) -> bytes:
    """A state as bytes, with their digest in front."""
    plan, alarm = state.plan, state.alarm
    arrays = {f"memory/{name}": value for name, value in state.memory.items()}
    arrays |= {f"doubted/{name}": value for name, value in (state.doubted or {}).items()}
    arrays |= {"weights": plan.weights, "names": plan.names}
    if alarm is not None:
        arrays |= {f"alarm/{name}": getattr(alarm, name) for name in _ARRAYS_OF_ALARM}
    rest = {
        "format": FORMAT,
        "quantities": [[each.column, each.statistic] for each in state.quantities],
        "plan": {name: getattr(plan, name) for name in _NUMBERS_OF_PLAN},
        "log_e": state.log_e,
        "windows": state.windows,
        "last_start_s": state.last_start_s,
        "alarm": None if alarm is None else [alarm.opened_s, alarm.delay, alarm.quiet],
    }
    return _sealed(rest, arrays)


def parse_guard(data: bytes) -> GuardState:
    """A state from its bytes.

    Raises:
        IntegrityError: They are damaged, or of a format that this version does not read.
    """
    return _state(*_opened(data))


def _state(rest: dict[str, Any], arrays: dict[str, Any]) -> GuardState:
    quantities = tuple(Quantity(column, statistic) for column, statistic in rest["quantities"])
    plan = WatchPlan(
        statistics=tuple(each.statistic for each in quantities),
        weights=arrays["weights"],
        names=arrays["names"],
        **rest["plan"],
    )
    alarm = None
    if rest["alarm"] is not None:
        alarm = OpenAlarm(*rest["alarm"], *(arrays[f"alarm/{name}"] for name in _ARRAYS_OF_ALARM))
    return GuardState(
        *(quantities, plan, _within(arrays, "memory/"), rest["log_e"], rest["windows"]),
        last_start_s=rest["last_start_s"],
        alarm=alarm,
        doubted=_within(arrays, "doubted/") or None,
    )


def _within(arrays: dict[str, Any], folder: str) -> dict[str, Any]:
    return {name.removeprefix(folder): value for name, value in arrays.items() if name.startswith(folder)}


def loss_bytes(state: LossState) -> bytes:
    """A guardrail of losses as bytes, with their digest in front."""
    arrays = {each.name: np.asarray(getattr(state.evidence, each.name)) for each in fields(DetectorState)}
    rest = {
        "format": FORMAT,
        "groups": state.groups,
        "level": state.log_level,
        "horizon": state.horizon,
        "last_at": state.last_at,
    }
    return _sealed(rest, {**arrays, "limits": state.limits})


def parse_losses(data: bytes) -> LossState:
    """A guardrail of losses from its bytes.

    Raises:
        IntegrityError: They are damaged, or of a format that this version does not read.
    """
    rest, arrays = _opened(data)
    evidence = DetectorState(*(arrays[each.name] for each in fields(DetectorState)))
    return LossState(
        *(tuple(rest["groups"]), arrays["limits"], rest["level"], rest["horizon"], evidence, rest["last_at"])
    )


def _sealed(rest: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, rest=np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8), **arrays)
    return digest_bytes(stream.getvalue()).encode() + stream.getvalue()


def _opened(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if digest != digest_bytes(body).encode():
        raise IntegrityError(
            f"a guardrail's {len(data)} bytes should have the digest they begin with, and do not; take it out"
            " of the journal: it begins anew from the windows"
        )
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    rest: dict[str, Any] = json.loads(found.pop("rest").tobytes())
    if rest["format"] != FORMAT:
        raise IntegrityError(
            f"this version reads guardrails of format {FORMAT}, got {rest['format']}; use the version that"
            " wrote it"
        )
    return rest, found


_NUMBERS_OF_PLAN = tuple(
    each.name for each in fields(WatchPlan) if each.name not in {"statistics", "weights", "names"}
)
