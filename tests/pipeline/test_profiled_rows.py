"""Rows as they are profiled: of a file the same as of a server, value by value."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.serve.task_bundles import write_task_bundles

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.errors import DataError
from smallcraft.pipeline.profiled_rows import answered_rows, plain_rows, typed_frame
from smallcraft.pipeline.stages.train import read_rows
from smallcraft.serve.windows.embeddings import answer_and_keep

SPEC = InputSpec("message", ("age", "score"), ("plan",))
FRAME = pl.DataFrame(
    {
        "message": ["hello", None, "", "x"],
        "age": ["31", " 4.5 ", "old", ""],
        "score": [1, None, 3, 4],
        "plan": [" gold ", "True", "", None],
        "other": [1, 2, 3, 4],
    }
)


def test_values_read_as_a_release_reads_them_and_what_is_none_is_missing():
    rows = plain_rows(read_rows(typed_frame(FRAME, SPEC), SPEC, source="x"), SPEC)
    np.testing.assert_array_equal(rows.numbers["age"], [31.0, 4.5, np.nan, np.nan])
    np.testing.assert_array_equal(rows.numbers["score"], [1.0, np.nan, 3.0, 4.0])
    assert list(rows.categories["plan"]) == ["gold", "true", None, None]
    assert list(rows.texts["message"]) == ["hello", "", "", "x"]
    assert rows.names == ("message", "age", "score", "plan")


def test_typing_twice_is_typing_once():
    once = typed_frame(FRAME, SPEC)
    assert typed_frame(once, SPEC).equals(once)


def test_a_row_reads_the_same_whatever_rows_stand_beside_it():
    whole = typed_frame(FRAME, SPEC)
    for row in range(FRAME.height):
        assert typed_frame(FRAME[row : row + 1], SPEC).rows() == whole[row : row + 1].rows()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return write_task_bundles(tmp_path_factory.mktemp("bundles"))


def frame_of(spec: InputSpec, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    columns: dict[str, object] = {name: rng.normal(size=n) for name in spec.numbers}
    columns |= {name: rng.choice(["basic", "gold"], n) for name in spec.categories}
    if spec.text:
        columns[spec.text] = [f"my card {row} was lost" for row in range(n)]
    return pl.DataFrame(columns)


def test_answers_are_the_bundles_own_for_every_task(bundles):
    tasks = set()
    for path in bundles.values():
        bundle = open_bundle(path)
        frame = frame_of(bundle.spec, 6)
        rows = answered_rows(bundle, frame, source="x")
        decided = bundle.decide({name: frame[name].to_list() for name in bundle.spec.names})
        assert list(rows.answers.labels) == list(decided.labels)
        assert (rows.answers.probs is not None) is (bundle.task == "multiclass")
        assert (rows.answers.escalated is not None) is (len(bundle.stages) > 1)
        kept = answer_and_keep(
            bundle, read_inputs({n: frame[n].to_list() for n in bundle.spec.names}, bundle.spec)
        )
        assert (rows.embedding is None) is (kept.embedding is None)
        assert measure_rows(rows, Measures()).profile.n == 6
        tasks.add(bundle.task)
    assert tasks == {"multiclass", "multilabel", "regression"}


def test_a_frame_that_lacks_numbers_is_refused():
    frame = FRAME.with_columns(age=pl.lit("x"))
    with pytest.raises(DataError, match="must hold numbers"):
        read_rows(frame, SPEC, source="x")
