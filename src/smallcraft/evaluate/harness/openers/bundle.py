"""A bundle directory: the form in which releases ship.

Its features are read by their names; its text by its name where the data have such a column, else from the
column that is the data's text, and that is noted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.columns import typed_feature
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import DataError
from smallcraft.evaluate.harness.answers import Answers, Questions, probability_answers
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions


@dataclass(frozen=True)
class BundleOpener:
    """Opens a directory with `bundle.json`; every file is checked against its digest."""

    name: str = "bundle"
    example: str = "bundles/helpdesk (a bundle directory)"

    def fits(self, target: str) -> bool:
        """A directory: whether it is a bundle is for opening to say."""
        return Path(target).is_dir() or (Path(target) / DESCRIPTION).is_file()

    def open(self, target: str, options: OpenOptions) -> OpenedModel:  # noqa: ARG002 - needs none
        """Open it.

        Raises:
            NotFoundError: The directory holds no bundle.
            IntegrityError: A file is not the one that was recorded.
        """
        return model_of_bundle(open_bundle(target), target)


def model_of_bundle(bundle: Bundle, target: str) -> OpenedModel:
    """An open bundle as a model."""

    def answer(questions: Questions) -> Answers:
        text = _text_column(bundle.spec, questions)
        require_columns(
            (*bundle.spec.numbers, *bundle.spec.categories), questions.raw.columns, source="the data"
        )
        rows = _bundle_columns(questions.raw, bundle.spec, text)
        probs = bundle.predict_proba(rows)
        found = Answers(bundle.classes, probs)
        if bundle.task == "multiclass":
            found = probability_answers(probs, bundle.classes, known=questions.labels)
        if text == bundle.spec.text:
            return found
        return replace(found, notes=(f"its text '{bundle.spec.text}' is read from the column '{text}'",))

    reads = bundle.spec.numbers + bundle.spec.categories
    return OpenedModel(target, "bundle", answer, reads=reads, decoder=bundle.decoder)


def _text_column(spec: InputSpec, questions: Questions) -> str | None:
    if spec.text is None or spec.text in questions.raw.columns:
        return spec.text
    if questions.text is None:
        require_columns([spec.text], questions.raw.columns, source="the data")
    return questions.text


def _bundle_columns(raw: pl.DataFrame, spec: InputSpec, text: str | None) -> Mapping[str, Sequence[object]]:
    """Numbers as numbers; text and categories in their text form, which no other row can change."""
    columns: dict[str, Sequence[object]] = {}
    if spec.text is not None and text is not None:
        columns[spec.text] = text_form(raw[text]).fill_null("").to_list()
    for name in spec.numbers:
        series, faults = typed_feature(raw[name])
        if faults or (not series.dtype.is_numeric() and series.null_count() < len(series)):
            why = f"row {faults[0].row + 1}: {faults[0].reason}" if faults else f"got {series.dtype}"
            raise DataError(f"column '{name}' must hold numbers, as in training; {why}")
        columns[name] = series.to_list()
    for name in spec.categories:
        words = text_form(raw[name]).str.strip_chars()
        lowered = words.str.to_lowercase()
        words = lowered.zip_with(lowered.is_in(["true", "false"]).fill_null(value=False), words)
        columns[name] = words.set(words.str.len_bytes() == 0, None).to_list()
    return columns
