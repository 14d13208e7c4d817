"""Guesses which column of a file plays which part, with a reason for every column.

Reading belongs to `data.load`; nothing here decides for the user: a guess is written to
`smallcraft.toml`, where people correct it.
Always: every column of the file has a reason; columns that only number the rows are never features.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.balance import SUGGESTED_METRICS, largest_first
from smallcraft.data.columns import parse_times, typed_feature
from smallcraft.data.load import Source, read_source
from smallcraft.data.spellings import find_spellings
from smallcraft.data.table import require_columns, text_form
from smallcraft.data.tagged import TaskGuess, guess_task
from smallcraft.data.targets import label_counts
from smallcraft.errors import DataError
from smallcraft.records import Roles

_LABEL_NAMES = (
    *("label", "intent", "category", "class", "target", "label_gold", "gold_label", "gold"),
    *("sentiment", "topic", "tag", "outcome", "income", "y"),
)
_TAG_NAMES = ("labels", "intents", "categories", "topics", "tags", "genres")
_VALUE_NAMES = ("target", "label", "y", "value", "price", "amount", "score", "rating")
_TEXT_NAMES = (
    *("text", "message", "utterance", "sentence", "question", "query", "body", "comment"),
    *("review", "content", "description", "test_case", "prompt", "subject", "title"),
)
_KEY_NAME = re.compile(
    r"^(customer|user|client|account|session|patient|person|author|conversation|thread|ticket"
    r"|order|device|household|member)([ _-]?(id|key|no|number|uuid))?$"
)
_ROW_NUMBER_NAME = re.compile(r"^(|id|index|row|idx|uuid|guid|row[ _-]?(id|no|number)|unnamed.*)$")
_GROUP_NAME = re.compile(
    r"^(region|country|state|city|language|locale|gender|sex|race|ethnicity|religion|age[ _-]?group"
    r"|nationality|native[ _-]?country|channel|segment|market)$"
)
_TIME_NAME = re.compile(r"(^|_)(time|timestamp|date|datetime|day|created|updated|at|ts)($|_)")
_ODD_DATE = r"^\d{1,4}[./-]\d{1,2}[./-]\d{2,4}([ T]|$)"
_SERIES_NAME = re.compile(r"^(?P<stem>.*?[a-z])[ _-]?(?P<which>\d+|(?<=[ _-])[a-z])$")
_MOST_CLASSES = 1_000
_MOST_GROUPS = 50
_TEXT_WORDS = 3.0
_FIRST_VALUES = 100

Kind = Literal["empty", "boolean", "number", "category", "prose", "time"]


@dataclass(frozen=True)
class Guess:
    """What a file seems to be.

    Attributes:
        roles: The guessed parts.
        reasons: One sentence for every column of the file, in its order.
        rows: Rows of the file.
        class_counts: Rows of each class or label, largest first; rows without one are not counted, nor is
            anything of numbers.
        metric: `accuracy` for few balanced classes, else `macro_f1`; `rmse` of numbers.
        metric_reason: Why, in a sentence.
        task_reason: Why `roles.task`, in a sentence.
        bad_rows: Records that cannot be read, and rows without a label or, where there is one, a text.
        spellings: Spelling of a class to its commonest one, where a class has several.
    """

    roles: Roles
    reasons: Mapping[str, str]
    rows: int
    class_counts: Mapping[str, int]
    metric: str
    metric_reason: str
    task_reason: str = ""
    bad_rows: int = 0
    spellings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    """What one column looks like."""

    name: str
    text: pl.Series
    kind: Kind
    distinct: int
    filled: int
    words: float
    values: frozenset[str] = field(repr=False)
    is_list: bool = False

    @property
    def lowered(self) -> str:
        return self.name.strip().lower()

    @property
    def last_word(self) -> str:
        """`region` of `Sales Region`: what a column of several words is about."""
        return re.split(r"[\s_-]+", self.lowered)[-1]

    @property
    def may_be_label(self) -> bool:
        """Classes: few values, each seen about twice or more; or several of them a row."""
        return self.is_list or (
            self.kind in ("category", "boolean", "number", "prose")
            and 2 <= self.distinct <= _MOST_CLASSES
            and 2 * self.distinct <= self.filled
        )

    @cached_property
    def task(self) -> TaskGuess:
        """What it would be as the label."""
        return guess_task(self.text, is_number=self.kind == "number", is_list=self.is_list)

    def is_label_called(self, name: str) -> bool:
        """Whether a column of that name, which looks like it, is the label."""
        if self.lowered != name:
            return False
        if name in _VALUE_NAMES and self.kind == "number" and self.task.task == "regression":
            return True
        return self.may_be_label or (name in _TAG_NAMES and self.task.task == "multilabel")

    @property
    def numbers_rows(self) -> bool:
        """All values differ, in a column that is no prose, no time and no measurement."""
        is_whole = self.kind != "number" or self.text.str.contains(r"^[+-]?\d+$").all()
        is_code = self.kind in ("number", "category") and bool(is_whole)
        return is_code and self.distinct == self.filled and self.filled > 2


def inspect_file(location: str | Path, *, label: str | None = None, text: str | None = None) -> Guess:
    """Look at a file and guess its roles and metric.

    Args:
        location: A path or glob, as in `load_table`.
        label: The label column, where the user knows it.
        text: The text column, where the user knows it.

    Raises:
        DataError: The file cannot be read, or no column is clearly the label.
    """
    return inspect_source(read_source(location, None, lists=None), label=label, text=text)


def inspect_source(source: Source, *, label: str | None = None, text: str | None = None) -> Guess:
    """Look at rows that were read, all of a table or its first ones.

    Args:
        source: All columns of them; the rest is as in `inspect_file`.
        label: As there.
        text: As there.
    """
    _refuse_mostly_broken(source)
    require_columns([name for name in (label, text) if name], source.frame.columns, source=source.name)
    columns = [_described(source.frame[name], name) for name in source.frame.columns]
    guesser = _Guesser(columns)
    guesser.choose_label(source.name, label, text)
    guesser.choose_text(text)
    guesser.choose_the_rest()
    roles, column = guesser.roles(), guesser.column(guesser.label)
    counts = largest_first(label_counts(column.text, roles))
    metric, why = SUGGESTED_METRICS[roles.task](counts)
    reasons = {column.name: guesser.reasons[column.name] for column in columns}
    spellings = find_spellings(column.text) if roles.task == "multiclass" else {}
    needed = [guesser.column(name) for name in (roles.label, roles.text) if name]
    bad_rows = len(source.broken) + _rows_without(needed)
    return Guess(
        *(roles, reasons, source.frame.height, counts, metric, why),
        task_reason=column.task.reason,
        bad_rows=bad_rows,
        spellings=spellings,
    )


def _rows_without(columns: list[_Column]) -> int:
    return int(
        pl.DataFrame([column.text.is_null().rename(column.name) for column in columns]).max_horizontal().sum()
    )


def _refuse_mostly_broken(source: Source) -> None:
    """A few broken records can be set aside; where rows are fewer, the file is not what it seems."""
    if len(source.broken) >= source.frame.height:
        refuse_bad_rows(source.broken)


def _described(series: pl.Series, name: str) -> _Column:
    is_list = series.dtype == pl.List
    plain = series.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True) if is_list else series
    text = text_form(plain).str.strip_chars()
    text = text.set(text.str.len_bytes() == 0, None)
    filled = text.drop_nulls()
    words = float(filled.str.count_matches(r"\S+").mean() or 0.0) if len(filled) else 0.0  # type: ignore[arg-type]  # polars types a mean as any value
    distinct = filled.n_unique()
    values = frozenset(filled.unique().to_list()) if distinct <= _MOST_CLASSES else frozenset()
    kind = _kind(plain, filled, words, distinct)
    return _Column(name, text, kind, distinct, len(filled), words, values, is_list)


def _kind(series: pl.Series, filled: pl.Series, words: float, distinct: int) -> Kind:
    if not len(filled):
        return "empty"
    if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
        return "time"
    typed, _ = typed_feature(series)
    if typed.dtype == pl.Boolean:
        return "boolean"
    if typed.dtype.is_numeric():
        return "number"
    # The first values nearly always say that a long column holds no times.
    if all(parse_times(values).null_count() == 0 for values in (filled.head(_FIRST_VALUES), filled)):
        return "time"
    return "prose" if words >= _TEXT_WORDS and distinct > 1 else "category"


class _Guesser:
    """Gives parts to columns one after another; a column that has one is not asked again."""

    def __init__(self, columns: list[_Column]) -> None:
        self._columns = columns
        self.reasons: dict[str, str] = {}
        self.label = ""
        self._text: str | None = None
        self._features: list[str] = []
        self._votes: list[str] = []
        self._groups: list[str] = []
        self._time: str | None = None
        self._key: str | None = None

    def column(self, name: str) -> _Column:
        """The column of that name."""
        return next(column for column in self._columns if column.name == name)

    def roles(self) -> Roles:
        """All parts given."""
        return Roles(
            label=self.label,
            text=self._text,
            features=tuple(self._features),
            votes=tuple(self._votes),
            time=self._time,
            groups=tuple(self._groups),
            key=self._key,
            task=self.column(self.label).task.task,
            separator=self.column(self.label).task.separator,
        )

    @property
    def _open(self) -> list[_Column]:
        return [column for column in self._columns if column.name not in self.reasons]

    def choose_label(self, source: str, given: str | None, text: str | None) -> None:
        """By what the user says, by name, by being the only candidate, or by standing last."""
        if given is not None:
            self._name_label(self.column(given), "you named it")
            return
        open_to = [column for column in self._columns if column.name != text]
        open_to = [column for column in open_to if not _ROW_NUMBER_NAME.match(column.lowered)]
        for name in (*_LABEL_NAMES, *_TAG_NAMES, *_VALUE_NAMES):
            for column in open_to:
                if column.is_label_called(name):
                    self._name_label(column, "by its name")
                    return
        fitting = [column for column in open_to if column.may_be_label]
        alike = [column for column in fitting if column.last_word in (*_LABEL_NAMES, *_TAG_NAMES)]
        alike = [column for column in alike if not self._is_part_by_name(column)]
        if len(alike) == 1:
            self._name_label(alike[0], "by the last word of its name")
            return
        plain = [column for column in fitting if column.kind in ("category", "boolean")]
        plain = [column for column in plain if not self._is_part_by_name(column)]
        last = self._columns[-1]
        if len(plain) == 1:
            self._name_label(plain[0], "the only column that looks like classes")
        elif last in plain and not any(column.kind == "prose" for column in self._columns):
            self._name_label(last, "it stands last")
        else:
            raise DataError(_no_label(source, plain or fitting))

    def _name_label(self, column: _Column, why: str) -> None:
        self.label = column.name
        what = f"{column.distinct:,} classes" if column.task.task == "multiclass" else column.task.reason
        self.reasons[column.name] = f"label: {why}" + ("" if why == "you named it" else f"; {what}")

    def _is_part_by_name(self, column: _Column) -> bool:
        in_series = _SERIES_NAME.match(column.lowered)
        return bool(_KEY_NAME.match(column.lowered) or _is_group_named(column) or in_series)

    def choose_text(self, given: str | None) -> None:
        """By what the user says, by name, or the wordiest column of mostly different values."""
        if given is not None:
            self._text = given
            self.reasons[given] = "text: you named it"
            return
        readable = [column for column in self._open if column.kind in ("prose", "category")]
        readable = [column for column in readable if 2 * column.distinct > column.filled]
        for name in _TEXT_NAMES:
            for column in readable:
                if column.lowered == name:
                    self._text = column.name
                    self.reasons[column.name] = f"text: by its name; {column.words:.0f} words a row"
                    return
        wordy = [column for column in readable if column.kind == "prose"]
        if wordy:
            most = max(wordy, key=lambda column: column.words)
            self._text = most.name
            self.reasons[most.name] = f"text: the wordiest column, {most.words:.0f} words a row"

    def choose_the_rest(self) -> None:
        """Votes, time, key, groups; what is left are features, or nothing where there is a text."""
        self._choose_votes()
        for column in self._open:
            self._choose_one(column)
        if self._text is None and not self._features:
            raise DataError(
                "no column is left for a model to read; name the text with --text, "
                f"or look at the file (the label was taken to be '{self.label}')"
            )

    def _choose_votes(self) -> None:
        classes = self.column(self.label).values
        series: dict[str, list[_Column]] = {}
        for column in self._open:
            found = _SERIES_NAME.match(column.lowered)
            if found and column.values and column.values <= classes:
                series.setdefault(found["stem"], []).append(column)
        for stem, members in series.items():
            if len(members) < 2:
                continue
            for column in members:
                self._votes.append(column.name)
                self.reasons[column.name] = (
                    f"vote: one of {len(members)} '{stem}' columns that hold the label's classes"
                )

    def _choose_one(self, column: _Column) -> None:
        name = column.lowered
        if column.is_list:
            reason = "nothing: it holds lists, and only the label may"
        elif column.kind == "empty" or column.distinct == 1:
            reason = "nothing: it is empty" if column.kind == "empty" else "nothing: one value only"
        elif self._time is None and _is_time(column):
            self._time, reason = column.name, "time: every value is a date or time"
        elif _KEY_NAME.match(name) and column.distinct < column.filled and self._key is None:
            self._key = column.name
            reason = f"key: {column.distinct:,} values tie rows together; they never straddle splits"
        elif column.numbers_rows or _ROW_NUMBER_NAME.match(name) or _KEY_NAME.match(name):
            reason = "nothing: it numbers rows or names things, a model would learn it by heart"
        elif column.kind == "time":
            reason = "nothing: a second time"
        elif column.text.drop_nulls().str.contains(_ODD_DATE).all():
            reason = "nothing: dates, but not as 2026-01-31T14:05; written so they could be the time"
        else:
            reason = self._group_or_feature(column)
        self.reasons[column.name] = reason

    def _group_or_feature(self, column: _Column) -> str:
        is_group = _is_group_named(column) and column.distinct <= _MOST_GROUPS
        if is_group and column.filled == len(column.text):
            self._groups.append(column.name)
        else:
            is_group = False
        if self._text is not None:
            if is_group:
                return f"group: {column.distinct} values to compare quality over"
            return "nothing: the text comes first; name it under features to use it too"
        if column.kind == "prose":
            return "nothing: free text that is not the text column"
        self._features.append(column.name)
        what = "number" if column.kind == "number" else f"{column.distinct:,} values"
        return f"feature: {what}" + ("; also a group to compare quality over" if is_group else "")


def _is_group_named(column: _Column) -> bool:
    return bool(_GROUP_NAME.match(column.lowered) or _GROUP_NAME.match(column.last_word))


def _is_time(column: _Column) -> bool:
    named = bool(_TIME_NAME.search(column.lowered))
    is_epoch = column.kind == "number" and named and column.filled == column.distinct
    return (column.kind == "time" or is_epoch) and column.filled == len(column.text)


def _no_label(source: str, candidates: list[_Column]) -> str:
    listed = ", ".join(f"'{column.name}' ({column.distinct:,} values)" for column in candidates)
    what = f"it could be {listed}" if listed else "no column has a few values that repeat"
    name = shlex.quote(candidates[0].name) if candidates else "NAME"
    return f"cannot tell which column of {source} is the label: {what}; say it with --label {name}"
