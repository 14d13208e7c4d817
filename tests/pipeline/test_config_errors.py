"""Laws of the wording: a value is shown as its author wrote it, a fault by section and key."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from smallcraft.pipeline.config_errors import explain_faults, toml_kind


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    size: int
    shape: str = ""


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    inner: Inner
    other: Inner | None = None
    items: tuple[int, ...] = ()


def explain(raw: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(raw)
    return explain_faults(caught.value, Outer).splitlines()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "true"),
        (False, "false"),
        (3, "the number 3"),
        (0.5, "the number 0.5"),
        ("95%", "the text '95%'"),
        (("a",), "a list"),
        ({}, "a table"),
    ],
)
def test_a_value_is_shown_as_its_author_wrote_it(value, words):
    assert toml_kind(value) == words


def test_a_missing_section_and_a_missing_key_are_told_apart():
    assert explain({}) == ["the section [inner] is missing"]
    assert explain({"inner": {}}) == ["[inner] needs the key 'size'"]


def test_an_optional_section_is_found_by_its_model():
    assert explain({"inner": {"size": 1}, "other": {"size": 1, "shap": "x"}}) == [
        "[other] has no key 'shap'; it has size, shape - did you mean 'shape'?"
    ]


def test_list_items_count_from_one():
    assert explain({"inner": {"size": 1}, "items": (1, "b")}) == [
        "items[2] must be a whole number, got the text 'b'"
    ]


def test_an_unknown_table_is_compared_with_sections_only():
    assert explain({"inner": {"size": 1}, "othr": {}}) == [
        "there is no section [othr]; there are inner, other - did you mean 'other'?"
    ]
