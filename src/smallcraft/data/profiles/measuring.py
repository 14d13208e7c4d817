"""From rows to a profile: every column that is watched, measured as the reference was.

Leaves to others: what is learned from a reference (`data.profiles.reference`), files (`data.profiles.parts`).
Always: the profile of rows is the merged profile of any split of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.categories import from_counts, profile_categories
from smallcraft.data.profiles.domain import DomainScore
from smallcraft.data.profiles.embeddings import EmbeddingFacts, EmbeddingMap, read_embeddings
from smallcraft.data.profiles.farness import Farness
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.data.profiles.profile import ColumnProfile, Profile
from smallcraft.data.profiles.rows import ANSWER, DISTANCE, DOMAIN, EMBEDDING, AnswerRows, Rows
from smallcraft.data.profiles.texts import TextFacts, Vocabulary, read_texts
from smallcraft.records import Label

# Doubt lies between 0 and 1; distances of rows that are usual differ by about half of that.
_OF_DOUBT = 0.5


@dataclass(frozen=True)
class Measures:
    """What of a reference is needed to measure rows as it was; nothing of it for a model without one.

    Attributes:
        vocabularies: Words it knows, by text column.
        embedding: Projections and centres.
        domain: Tells its rows from others.
        farness: What is usual in it.
    """

    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    embedding: EmbeddingMap | None = None
    domain: DomainScore | None = None
    farness: Farness | None = None


@dataclass(frozen=True)
class Measured:
    """What was seen of rows.

    Attributes:
        profile: Of all columns.
        distances: `(n,)` float64 from the reference; None without one.
    """

    profile: Profile
    distances: NDArray[np.float64] | None


def measure_rows(rows: Rows, measures: Measures, *, left_out: int = 0) -> Measured:
    """Profile rows, and say how far each is from the reference.

    Args:
        rows: Best a few thousand at a time.
        measures: Of the release's reference, or `Measures()`.
        left_out: Rows that came beside them and are not profiled.

    Raises:
        InvalidInputError: Embeddings are of another width than the reference's.
    """
    columns: dict[str, ColumnProfile] = {}
    for name, values in rows.numbers.items():
        columns[name] = profile_numbers(values, nan_is_null=True)
    for name, categories in rows.categories.items():
        columns[name] = profile_categories(categories)
    texts = {
        name: read_texts(column, vocabulary=measures.vocabularies.get(name))
        for name, column in rows.texts.items()
    }
    for name, facts in texts.items():
        columns |= _text_columns(name, facts)
    embedding = None
    if rows.embedding is not None and measures.embedding is not None:
        embedding = read_embeddings(rows.embedding, measures.embedding)
        columns |= _embedding_columns(embedding)
    if rows.answers is not None:
        columns |= _answer_columns(rows.answers)
    if rows.latency_ms is not None:
        columns[f"{ANSWER}/latency_ms"] = profile_numbers(rows.latency_ms)
    if rows.failed or rows.latency_ms is not None:
        columns[f"{ANSWER}/request"] = _requests(rows)
    if measures.domain is not None:
        columns[DOMAIN] = profile_numbers(measures.domain.score(rows))
    distances = _distances(rows, measures.farness, texts, embedding)
    # Of rows without a text the columns say as much themselves, and say which of them moved.
    if distances is not None and rows.texts and rows.answers is not None:
        columns[DISTANCE] = profile_numbers(distances)
    return Measured(Profile(rows.n, left_out, columns), distances)


def _text_columns(name: str, facts: TextFacts) -> dict[str, ColumnProfile]:
    n = len(facts.lengths)
    nulls = int(np.isnan(facts.lengths).sum())
    columns: dict[str, ColumnProfile] = {
        f"{name}/length": profile_numbers(facts.lengths, nan_is_null=True),
        f"{name}/language": profile_categories(facts.languages),
        f"{name}/damage": profile_categories(facts.damages),
        f"{name}/tokens": from_counts(facts.words, n=n, nulls=nulls),
    }
    if facts.unknown is not None:
        columns[f"{name}/unknown"] = profile_numbers(facts.unknown, nan_is_null=True)
    return columns


def _embedding_columns(facts: EmbeddingFacts) -> dict[str, ColumnProfile]:
    columns: dict[str, ColumnProfile] = {
        f"{EMBEDDING}/{number:02}": profile_numbers(column, nan_is_null=True)
        for number, column in enumerate(facts.projected.T, 1)
    }
    cells = [f"{cell:02}" if cell >= 0 else None for cell in facts.cells.tolist()]
    columns[f"{EMBEDDING}/cell"] = profile_categories(cells)
    return columns


def _answer_columns(answers: AnswerRows) -> dict[str, ColumnProfile]:
    columns = _label_columns(answers)
    outcomes = ["abstained" if label is None else "answered" for label in answers.labels]
    columns[f"{ANSWER}/outcome"] = profile_categories(outcomes)
    if answers.confidence is not None:
        columns[f"{ANSWER}/confidence"] = profile_numbers(answers.confidence)
    if answers.probs is not None and answers.probs.shape[1] > 1:
        best = np.partition(answers.probs, -2, axis=1)
        columns[f"{ANSWER}/margin"] = profile_numbers(best[:, -1] - best[:, -2])
    if answers.escalated is not None:
        stages = ["further" if asked else "first" for asked in answers.escalated.tolist()]
        columns[f"{ANSWER}/stage"] = profile_categories(stages)
    return columns


def _label_columns(answers: AnswerRows) -> dict[str, ColumnProfile]:
    n, given = len(answers.labels), [label for label in answers.labels if label is not None]
    if answers.task == "regression":
        values = np.array(given, dtype=np.float64)
        return {f"{ANSWER}/value": profile_numbers(values, nulls=n - len(values))}
    if answers.task == "multiclass":
        return {f"{ANSWER}/class": profile_categories(map(_one_label, answers.labels))}
    counts = Counter(label for several in given if isinstance(several, tuple) for label in several)
    return {f"{ANSWER}/class": from_counts(counts, n=n, nulls=n - len(given))}


def _one_label(label: Label) -> str | None:
    return None if label is None else str(label)


def _requests(rows: Rows) -> ColumnProfile:
    answered = 0 if rows.latency_ms is None else len(rows.latency_ms)
    counts = {name: count for name, count in (("answered", answered), ("failed", rows.failed)) if count}
    return from_counts(counts, n=answered + rows.failed)


def _distances(
    rows: Rows,
    farness: Farness | None,
    texts: Mapping[str, TextFacts],
    embedding: EmbeddingFacts | None,
) -> NDArray[np.float64] | None:
    if farness is None:
        return None
    total = farness.of(rows)
    for facts in texts.values():
        total = total + [damage not in {"sound", None} for damage in facts.damages]
        if facts.unknown is not None:
            total = total + np.nan_to_num(facts.unknown)
    if embedding is not None:
        total = total + np.nan_to_num(embedding.distances)
    if rows.answers is not None and rows.answers.confidence is not None:
        total = total + _OF_DOUBT * np.nan_to_num(1 - rows.answers.confidence)
    return total
