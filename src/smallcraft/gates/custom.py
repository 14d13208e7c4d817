"""A gate that a user declares rule by rule, from a table of the project file, checked key by key.

Always: an unknown rule or key is refused with the nearest name; a gate that could not be judged (no limit, no
measurement, a confidence that is none) is refused before anything is measured.
Left to others: whether the measurement will be made; a gate on one that is not made stays UNDECIDED.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from smallcraft.contracts import Rule
from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.gates.rules import BUILTIN
from smallcraft.plugins import find_plugin
from smallcraft.records import SPLIT_NAMES, GateSpec

KEYS: Mapping[str, str] = {
    "rule": "text",
    "measurement": "text",
    "split": "text",
    "slice": "text",
    "limit": "number",
    "required": "true or false",
    "confidence": "number",
    "parts": "table",
}


def read_gate(name: str, keys: Mapping[str, Any]) -> GateSpec:
    """One gate as a user declared it.

    Args:
        name: How it is called.
        keys: Some of `KEYS`, a key that is None counts as left out. `rule` is always needed, `limit` where
            the rule has one; else `required` is true, `slice` all, `confidence` 0.95, and `split` none, as
            of a cost. `parts` is a table of gates.

    Raises:
        InvalidInputError: A key, rule, limit, split or confidence is missing or not understood.

    >>> keys = {"rule": "at_least", "measurement": "accuracy", "split": "dev", "slice": "sex=*", "limit": 0.8}
    >>> read_gate("by_sex", keys).slice
    'sex=*'
    """
    if not isinstance(keys, Mapping):
        raise InvalidInputError(f"gate '{name}' must be a table of {', '.join(KEYS)}, got {keys!r}")
    said = {key: value for key, value in keys.items() if value is not None}
    for key, value in said.items():
        _require_key(name, key, value)
    if "rule" not in said:
        raise InvalidInputError(f"gate '{name}' needs a rule, got none; there are {', '.join(BUILTIN)}")
    rule = _rule(name, said["rule"])
    _require_what_it_takes(name, rule, said)
    return GateSpec(
        name,
        rule.name,
        said.get("measurement", rule.measurement),
        said.get("split"),
        None if "limit" not in said else float(said["limit"]),
        said.get("required", True),
        said.get("slice", "all"),
        _confidence(name, said.get("confidence", 0.95)),
        tuple(read_gate(part, told) for part, told in said.get("parts", {}).items()),
    )


def _require_key(name: str, key: str, value: object) -> None:
    if key not in KEYS:
        raise InvalidInputError(
            f"gate '{name}' knows {', '.join(KEYS)}, got '{key}'{nearest_name(key, KEYS)}"
        )
    kinds: Mapping[str, Any] = {
        "text": str,
        "number": (int, float),
        "true or false": bool,
        "table": Mapping,
    }
    wanted = KEYS[key]
    is_switch = isinstance(value, bool)
    if not isinstance(value, kinds[wanted]) or is_switch != (wanted == "true or false"):
        raise InvalidInputError(f"{key} of gate '{name}' must be {wanted}, got {value!r}")
    if wanted == "text" and not str(value).strip():
        raise InvalidInputError(f"{key} of gate '{name}' must not be empty; leave it out")
    if key == "split" and value not in SPLIT_NAMES:
        raise InvalidInputError(
            f"split of gate '{name}' must be one of {', '.join(SPLIT_NAMES)}, got '{value}'; "
            "leave it out for a cost"
        )


def _rule(name: str, rule: str) -> Rule:
    try:
        return find_plugin("rules", rule, BUILTIN)
    except InvalidInputError as error:
        raise InvalidInputError(f"gate '{name}': {error}") from error


def _require_what_it_takes(name: str, rule: Rule, keys: Mapping[str, Any]) -> None:
    for key in ("limit", "parts"):
        if rule.takes == key and not (key in keys and keys[key] != {}):
            raise InvalidInputError(f"gate '{name}' needs {key} for its rule '{rule.name}', got none")
        if rule.takes != key and key in keys:
            raise InvalidInputError(f"the rule '{rule.name}' of gate '{name}' takes no {key}; leave it out")
    if rule.takes != "parts" and not (rule.measurement or "measurement" in keys):
        raise InvalidInputError(f"gate '{name}' must name the measurement it judges, got none")
    if "limit" in keys and not math.isfinite(keys["limit"]):
        raise InvalidInputError(f"limit of gate '{name}' must be a finite number, got {keys['limit']}")


def _confidence(name: str, confidence: float) -> float:
    if 0.5 < confidence < 1:
        return float(confidence)
    hint = f"; write {confidence / 100:g} for {confidence:g}%" if 50 < confidence < 100 else "; 0.95 is usual"
    raise InvalidInputError(f"confidence of gate '{name}' must be in (0.5, 1), got {confidence:g}{hint}")
