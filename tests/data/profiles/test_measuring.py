"""Measuring: every watched column, and the same of parts as of all rows."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from smallcraft.data.profiles.domain import DomainScore
from smallcraft.data.profiles.embeddings import learn_embedding_map
from smallcraft.data.profiles.farness import Farness
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.profile import merge_profiles
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.data.profiles.texts import learn_vocabulary

TEXTS = ["Where is the card", "cafÃ© &amp; the card", None, "Wo ist die Karte", "the 12"]


def test_a_server_that_measures_loads_numpy_alone():
    code = (
        "import sys, smallcraft.data.profiles.parts\n"
        "import smallcraft.data.profiles.keeping, smallcraft.data.profiles.reference_bytes\n"
        "from smallcraft.data.profiles.rows import Rows\n"
        "import numpy as np\n"
        "from smallcraft.data.profiles.measuring import Measures, measure_rows\n"
        "rows = Rows(3, numbers={'x': np.ones(3)}, categories={'c': ['a'] * 3}, texts={'t': ['a b'] * 3})\n"
        "measure_rows(rows, Measures())\n"
        "print(sorted({'numba', 'polars', 'scipy', 'sklearn', 'pandas', 'zstandard'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 5)
    return Rows(
        5,
        numbers={"age": np.array([1.0, np.nan, 3.0, 4.0, np.inf])},
        categories={"city": ["Bern", None, "Rom", "Bern", "Bern"]},
        texts={"message": TEXTS},
        embedding=np.where(np.arange(5)[:, None] == 2, np.nan, rng.normal(size=(5, 6))).astype(np.float32),
        answers=AnswerRows(
            ["a", None, "b", "a", "c"], probs.max(axis=1), probs, np.array([True, False, False, False, True])
        ),
    )


@pytest.fixture(scope="module")
def measures():
    rng = np.random.default_rng(1)
    return Measures(
        vocabularies={"message": learn_vocabulary([text for text in TEXTS if text] * 2)},
        embedding=learn_embedding_map(rng.normal(size=(50, 6)).astype(np.float32), rng=rng),
        domain=DomainScore(bias=1.5),
        farness=Farness(),
    )


@pytest.fixture(scope="module")
def columns(rows, measures):
    return measure_rows(rows, measures).profile.columns


def test_every_column_has_its_aspects(columns):
    assert {name for name in columns if not name.startswith("embedding/")} == {
        *("age", "city", "rows/domain", "rows/distance"),
        *("message/length", "message/unknown", "message/language", "message/damage", "message/tokens"),
        *("answer/class", "answer/outcome", "answer/confidence", "answer/margin", "answer/stage"),
    }
    assert [name for name in columns if name.startswith("embedding/")] == [
        *(f"embedding/{number:02}" for number in range(1, 7)),
        "embedding/cell",
    ]


def test_every_column_is_of_all_rows(columns):
    assert {column.n for column in columns.values()} == {5}


def test_what_is_missing_is_null(columns):
    assert columns["age"].histogram.nulls == 1
    assert columns["age"].histogram.above == 1
    assert columns["city"].nulls == 1
    assert columns["message/length"].histogram.nulls == 1
    assert columns["message/language"].nulls == 1
    assert columns["embedding/01"].histogram.nulls == 1
    assert columns["embedding/cell"].nulls == 1
    assert columns["answer/class"].nulls == 1


def test_texts_are_told_by_language_damage_and_words(columns):
    assert columns["message/language"].as_mapping() == {"de": 1, "en": 3}
    assert columns["message/damage"].as_mapping() == {"mojibake": 1, "sound": 3}
    assert columns["message/tokens"].as_mapping()["card"] == 2
    assert columns["message/tokens"].as_mapping()["the"] == 3


def test_answers_are_told_by_class_outcome_and_stage(columns):
    assert columns["answer/class"].as_mapping() == {"a": 2, "b": 1, "c": 1}
    assert columns["answer/outcome"].as_mapping() == {"abstained": 1, "answered": 4}
    assert columns["answer/stage"].as_mapping() == {"first": 3, "further": 2}


def test_margin_is_between_the_two_most_probable(rows, columns):
    ordered = np.sort(rows.answers.probs, axis=1)
    assert columns["answer/margin"].mean == pytest.approx((ordered[:, -1] - ordered[:, -2]).mean())


def test_domain_logit_is_a_column(columns):
    assert columns["rows/domain"].mean == 1.5


def test_profile_of_parts_merged_is_that_of_all_rows(rows, measures):
    parts = [rows.take(np.array(places)) for places in ([4, 0], [2], [1, 3])]
    merged = merge_profiles([measure_rows(part, measures).profile for part in parts])
    assert merged == merge_profiles([measure_rows(rows, measures).profile])


def test_distances_are_of_rows(rows, measures):
    distances = measure_rows(rows, measures).distances
    apart = [measure_rows(rows.take(np.array([row])), measures).distances[0] for row in range(5)]
    assert distances == pytest.approx(apart, rel=1e-5)
    assert measure_rows(rows, Measures()).distances is None
    damaged = measure_rows(Rows(1, texts={"message": ["caf\ufffd"]}), Measures(farness=Farness()))
    assert damaged.distances.tolist() == [1.0]


def test_distances_are_a_column(rows, measures):
    measured = measure_rows(rows, measures)
    assert measured.profile.columns["rows/distance"].mean == pytest.approx(measured.distances.mean())


def test_an_answer_that_is_doubted_is_further_away():
    rows = Rows(2, answers=AnswerRows(["a", "b"], np.array([1.0, 0.4])))
    assert measure_rows(rows, Measures(farness=Farness())).distances.tolist() == [0.0, 0.3]


def test_without_a_reference_its_columns_are_left_out(rows):
    names = set(measure_rows(rows, Measures()).profile.columns)
    assert not names & {"message/unknown", "embedding/01", "embedding/cell", "rows/domain", "rows/distance"}


def test_requests_are_told_by_latency_and_failures():
    profile = measure_rows(Rows(0, latency_ms=np.array([2.0, 4.0]), failed=3), Measures(), left_out=7).profile
    assert profile.columns["answer/latency_ms"].mean == 3.0
    assert profile.columns["answer/request"].as_mapping() == {"answered": 2, "failed": 3}
    assert (profile.n, profile.left_out) == (0, 7)


def test_several_labels_count_each():
    answers = AnswerRows([("a", "b"), (), None, ("b",)], task="multilabel")
    column = measure_rows(Rows(4, answers=answers), Measures()).profile.columns["answer/class"]
    assert column.as_mapping() == {"a": 1, "b": 2}
    assert (column.n, column.nulls) == (4, 1)


def test_numbers_answered_are_numbers():
    answers = AnswerRows([1.0, None, 3.0], task="regression")
    columns = measure_rows(Rows(3, answers=answers), Measures()).profile.columns
    assert "answer/class" not in columns
    assert columns["answer/value"].mean == 2.0
    assert columns["answer/value"].histogram.nulls == 1
