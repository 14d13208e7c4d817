"""Alarms as JSON, and back; the schema is `docs/schemas/alarm.json`.

Always: `parse_alarm(alarm_json(alarm)) == alarm`; equal alarms give equal bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from smallcraft.canonical import canonical_json, plain
from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import (
    Alarm,
    Closing,
    Ending,
    Example,
    Explanation,
    Harm,
    HarmSign,
    HarmVerdict,
    Slice,
    Suspect,
    Word,
)
from smallcraft.records import Interval

FORMAT = 1
# An e-value past it has no double of its own, and nobody asks by how much.
_LARGEST_E = 1e300


def alarm_form(alarm: Alarm) -> dict[str, Any]:
    """An alarm as plain values: its fields, and what people ask first beside them."""
    form: dict[str, Any] = plain(alarm)
    return {
        "format": FORMAT,
        **form,
        "state": "open" if alarm.is_open else "closed",
        "columns": list(alarm.explanation.columns),
        "e_value": _e_value(alarm.log_e),
        "level": _e_value(alarm.log_level),
        "sentence": alarm.sentence,
    }


def alarm_json(alarm: Alarm) -> bytes:
    """Canonical JSON of the form."""
    return canonical_json(alarm_form(alarm))


def parse_alarm(data: bytes | str) -> Alarm:
    """An alarm as it was written.

    Raises:
        InvalidInputError: It is none, or one of a format that this version does not read.
    """
    try:
        form = json.loads(data)
        found = form.get("format")
    except (ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"an alarm is a JSON object, got {error!r}; name one that was written"
        ) from error
    if found != FORMAT:
        raise InvalidInputError(
            f"this version reads alarms of format {FORMAT}, got {found!r}; use the version that wrote it"
        )
    try:
        return _alarm(form)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"an alarm has all fields of its schema, this one does not: {error!r}; name one that was written"
        ) from error


def _alarm(form: Mapping[str, Any]) -> Alarm:
    explanation, closing = form["explanation"], form["closing"]
    return Alarm(
        **{name: form[name] for name in _PLAIN_FIELDS},
        explanation=Explanation(
            suspects=tuple(Suspect(**each) for each in explanation["suspects"]),
            slices=tuple(Slice(**each) for each in explanation["slices"]),
            words=tuple(Word(**each) for each in explanation["words"]),
            examples=tuple(_example(each) for each in explanation["examples"]),
        ),
        harm=_harm(form["harm"]),
        told=tuple(form["told"]),
        closing=None if closing is None else Closing(**{**closing, "ending": Ending(closing["ending"])}),
    )


def _example(form: Mapping[str, Any]) -> Example:
    return Example(**{**form, "values": tuple((name, value) for name, value in form["values"])})


def _harm(form: Mapping[str, Any]) -> Harm:
    signs = tuple(
        HarmSign(
            **{
                **sign,
                "interval": None if sign["interval"] is None else Interval(**sign["interval"]),
                "verdict": HarmVerdict(sign["verdict"]),
            }
        )
        for sign in form["signs"]
    )
    return Harm(HarmVerdict(form["verdict"]), form["sentence"], signs, form["labels"])


def _e_value(logarithm: float | None) -> float | None:
    if logarithm is None:
        return None
    return math.exp(logarithm) if logarithm < math.log(_LARGEST_E) else _LARGEST_E


_PLAIN_FIELDS = (
    *("id", "release", "segment", "opened_s", "began_s", "budget", "log_e", "log_level", "review", "again"),
    "last_s",
)
