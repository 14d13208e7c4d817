"""The `[data]` section of the project file: where the rows are, and which column plays which part.

Holds what excludes what inside it; which columns there really are is for `data` to find out.
Always: no column is both an input and what is to be learned; what one task alone understands is refused for
the others.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from smallcraft.errors import ConfigError
from smallcraft.pipeline.partitions.size import MOST_ROWS
from smallcraft.pipeline.sections import Column, Fraction, Section
from smallcraft.records import SplitName, Task


class Fractions(Section):
    """Shares of the rows; where a split comes as a file, the others keep their ratio."""

    train: Fraction = 0.70
    dev: Fraction = 0.15
    cert: Fraction = 0.15

    @model_validator(mode="after")
    def _sum_to_one(self) -> Fractions:
        total = self.train + self.dev + self.cert
        if abs(total - 1) > 1e-9:
            raise ConfigError(f"train, dev and cert must sum to 1, got {total:g}; adjust one of them")
        return self

    @property
    def by_split(self) -> dict[SplitName, float]:
        """The shares by the name of their split."""
        return {"train": self.train, "dev": self.dev, "cert": self.cert}


class DataSection(Section):
    """Where the rows are and which column plays which part."""

    path: Annotated[str, Field(min_length=1)]
    label: Column
    task: Task = "multiclass"
    label_separator: Annotated[str, Field(min_length=1)] = "|"
    text: Column | None = None
    features: tuple[Column, ...] = ()
    votes: tuple[Column, ...] | Column = ()
    audit: Column | None = None
    time: Column | None = None
    groups: tuple[Column, ...] = ()
    key: Column | None = None
    license: str | None = None
    source: str | None = None
    dev: str | None = None
    cert: str | None = None
    split: Column | None = None
    fractions: Fractions = Fractions()
    on_bad_rows: Literal["refuse", "quarantine"] = "refuse"
    most_rows: Annotated[int, Field(ge=1_000)] = MOST_ROWS
    positive: Annotated[str, Field(min_length=1)] | None = None
    out_of_scope: str | None = None

    @model_validator(mode="after")
    def _roles_fit_together(self) -> DataSection:
        inputs = ((self.text,) if self.text else ()) + self.features
        if not inputs:
            raise ConfigError(
                "names nothing to learn from: wanted text or features; "
                'add text = "<column>" or features = ["<column>"]'
            )
        if len(set(inputs)) < len(inputs):
            raise ConfigError(f"text and features name a column twice: {', '.join(inputs)}; keep one of them")
        for role, columns in self._hidden_from_models().items():
            for column in columns:
                if column in inputs:
                    raise ConfigError(
                        f"column '{column}' is both {role} and an input, which gives "
                        "the answer away; take it out of text and features"
                    )
        return self

    @model_validator(mode="after")
    def _made_for_the_task(self) -> DataSection:
        if self.task != "multilabel" and "label_separator" in self.model_fields_set:
            raise ConfigError(
                f"label_separator parts several labels of a row, but task is {self.task}; "
                'write task = "multilabel", or take it out'
            )
        for name in ("votes", "audit", "positive", "out_of_scope") if self.task != "multiclass" else ():
            if name in self.model_fields_set:
                raise ConfigError(
                    f"{name} is understood for one class a row, but task is {self.task}; take it out"
                )
        return self

    @model_validator(mode="after")
    def _one_way_to_split(self) -> DataSection:
        if self.split and "fractions" in self.model_fields_set:
            raise ConfigError(
                f"split = '{self.split}' already says which row goes where, but fractions stands there too; "
                "keep one of the two"
            )
        return self

    @property
    def vote_columns(self) -> tuple[str, ...]:
        """One column an annotator; none where the votes are in a file of their own."""
        return () if isinstance(self.votes, str) else self.votes

    @property
    def votes_file(self) -> str | None:
        """A long file of votes, a line a vote."""
        return self.votes if isinstance(self.votes, str) else None

    def _hidden_from_models(self) -> dict[str, tuple[str, ...]]:
        return {
            "label": (self.label,),
            "votes": self.vote_columns,
            "split": (self.split,) if self.split else (),
        }
