"""Turns what pydantic found wrong in a project file into lines that say wanted, got and next step.

Holds the wording only; the rules stand in `pipeline.config`.
Always: one line a fault, in the order of the sections; a misspelt key shows the nearest known one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from smallcraft.errors import nearest_name

_WANTED = {
    "string_type": "text in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": 'a list such as ["a", "b"]',
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
    "string_too_short": "text that is not empty",
}
_NEXT_STEPS = {
    ("data",): 'add one with path = "rows.csv", text = "<column>" and label = "<column>"',
    ("data", "path"): 'add path = "rows.csv"',
    ("data", "label"): 'add label = "<the column that holds the right answer>"',
}


def explain_faults(error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong in a project file, one line a fault.

    Args:
        error: What pydantic raised while it read `model`.
        model: The whole file's model; its fields are the known names.

    Returns:
        Lines joined by newlines, without the file's name.
    """
    return "\n".join(_explain(fault, model) for fault in error.errors(include_url=False))


def toml_kind(value: object) -> str:
    """A value as its author wrote it, with the name of its TOML type.

    >>> toml_kind("95%")
    "the text '95%'"
    >>> toml_kind(("a",))
    'a list'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{value}'"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, Mapping):
        return "a table"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def _explain(fault: ErrorDetails, model: type[BaseModel]) -> str:
    kind, came = fault["type"], toml_kind(fault["input"])
    place = _Place.find(fault["loc"], model)
    if kind == "extra_forbidden":
        return _explain_unknown(place, fault["input"])
    context = fault.get("ctx", {})
    if kind == "missing":
        return _explain_missing(place, tuple(str(part) for part in fault["loc"]))
    if kind == "value_error":
        return f"{place.heading}{context['error']}"
    if kind == "literal_error":
        return f"{place.spot} must be {context['expected']}, got {came}"
    if kind in {"greater_than", "greater_than_equal", "less_than"}:
        bound = _bound(context)
        return f"{place.spot} must be {bound}, got {fault['input']}; correct it, or leave it out"
    if kind == "string_pattern_mismatch":
        return f"{place.spot} must be {place.description}, got {came}"
    if kind == "too_short":
        return f"{place.spot} is empty; list at least one, or leave it out for the default"
    if kind in _WANTED:
        return f"{place.spot} must be {_WANTED[kind]}, got {came}"
    return f"{place.spot}: {fault['msg']}, got {came}"


@dataclass(frozen=True)
class _Place:
    """Where a fault stands: the section, the key inside it, and the section's model."""

    section: tuple[str, ...]
    key: tuple[int | str, ...]
    model: type[BaseModel]

    @classmethod
    def find(cls, loc: tuple[int | str, ...], model: type[BaseModel]) -> _Place:
        depth = 0
        for part in loc:
            field = model.model_fields.get(str(part))
            # A section may hold sections of any name; those share a model.
            inner = _model_of(field.annotation) if field else getattr(model, "extra_model", None)
            if inner is None:
                break
            model, depth = inner, depth + 1
        return cls(tuple(str(part) for part in loc[:depth]), loc[depth:], model)

    @property
    def heading(self) -> str:
        """The section in brackets with a space after it; empty at the top of the file."""
        return f"[{'.'.join(self.section)}] " if self.section else ""

    @property
    def description(self) -> str:
        """What the section says about the key; empty when it says nothing."""
        return self.model.model_fields[str(self.key[0])].description or ""

    @property
    def spot(self) -> str:
        """Section and key, `[data] features[2]`; list items count from 1."""
        parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in self.key]
        return (self.heading + "".join(parts).lstrip(".")).strip()


def _explain_unknown(place: _Place, value: object) -> str:
    name, known = str(place.key[-1]), list(place.model.model_fields)
    if isinstance(value, Mapping):
        known = [key for key, field in place.model.model_fields.items() if _model_of(field.annotation)]
        full = ".".join((*place.section, name))
        return f"there is no section [{full}]; there are {', '.join(known)}{nearest_name(name, known)}"
    owner = place.heading.strip() or "the top of the file"
    return f"{owner} has no key '{name}'; it has {', '.join(known)}{nearest_name(name, known)}"


def _explain_missing(place: _Place, loc: tuple[str, ...]) -> str:
    ending = f"; {_NEXT_STEPS[loc]}" if loc in _NEXT_STEPS else ""
    if not place.key:
        return f"the section [{'.'.join(place.section)}] is missing{ending}"
    return f"{place.heading}needs the key '{place.key[-1]}'{ending}"


def _bound(context: Mapping[str, Any]) -> str:
    words = {"gt": "above", "ge": "at least", "lt": "below"}
    key = next(key for key in words if key in context)
    return f"a number {words[key]} {context[key]:g}"


def _model_of(annotation: object) -> type[BaseModel] | None:
    """The model behind `Model` or `Model | None`."""
    for option in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None
