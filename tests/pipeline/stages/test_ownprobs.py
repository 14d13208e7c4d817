from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.errors import DataError
from smallcraft.pipeline.stages.ownprobs import read_probabilities
from smallcraft.records import Roles

ROLES = Roles(label="intent", text="message")
FRAME = pl.DataFrame({"message": ["a", "b", "c"], "intent": ["login", "billing", "login"]})
PROBS = np.array([[0.1, 0.9], [0.7, 0.3], [0.6, 0.4]])


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_columns_are_classes_by_name(tmp_path, suffix):
    table = pl.DataFrame({"login": PROBS[:, 1], "billing": PROBS[:, 0]})
    path = tmp_path / f"probs{suffix}"
    {".csv": table.write_csv, ".parquet": table.write_parquet, ".jsonl": table.write_ndjson}[suffix](path)
    found = read_probabilities(path, FRAME, ROLES)
    assert found.classes == ("login", "billing")
    assert found.truth.tolist() == [0, 1, 0]
    np.testing.assert_allclose(found.probs[:, 0], PROBS[:, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_plain_array_has_the_classes_in_sorted_order(tmp_path, dtype):
    np.save(tmp_path / "probs.npy", PROBS.astype(dtype))
    found = read_probabilities(tmp_path / "probs.npy", FRAME, ROLES)
    assert found.classes == ("billing", "login")
    assert found.truth.tolist() == [1, 0, 1]
    assert found.probs.dtype == np.float64
    np.testing.assert_allclose(found.probs, PROBS, atol=1e-7)


def test_a_class_that_no_row_has_may_have_probabilities(tmp_path):
    table = pl.DataFrame({"login": PROBS[:, 1], "billing": PROBS[:, 0], "other": np.zeros(3)})
    table.write_csv(tmp_path / "probs.csv")
    assert read_probabilities(tmp_path / "probs.csv", FRAME, ROLES).probs.shape == (3, 3)


def test_another_number_of_rows_is_refused(tmp_path):
    np.save(tmp_path / "probs.npy", PROBS[:2])
    with pytest.raises(DataError, match=r"a row for each of the 3 rows of the data, got 2"):
        read_probabilities(tmp_path / "probs.npy", FRAME, ROLES)


def test_a_label_without_a_column_is_refused_with_the_nearest_name(tmp_path):
    pl.DataFrame({"logn": PROBS[:, 1], "billing": PROBS[:, 0]}).write_csv(tmp_path / "probs.csv")
    with pytest.raises(DataError, match=r"no probabilities of the class 'login'.*'logn'"):
        read_probabilities(tmp_path / "probs.csv", FRAME, ROLES)


def test_a_column_of_words_is_refused_with_its_row(tmp_path):
    table = pl.DataFrame({"login": ["0.1", "high", "0.2"], "billing": ["0.9", "0.1", "0.8"]})
    table.write_csv(tmp_path / "probs.csv")
    with pytest.raises(DataError, match=r"row 2, column 'login': a probability was wanted, got 'high'"):
        read_probabilities(tmp_path / "probs.csv", FRAME, ROLES)


@pytest.mark.parametrize("wrong", [PROBS[:, :1], PROBS[0], PROBS.astype(int), np.ones((3, 3))])
def test_an_array_of_another_shape_or_kind_is_refused(tmp_path, wrong):
    np.save(tmp_path / "probs.npy", wrong)
    with pytest.raises(DataError, match=r"\(rows, 2\) floating-point numbers"):
        read_probabilities(tmp_path / "probs.npy", FRAME, ROLES)


def test_a_file_that_is_no_array_is_refused(tmp_path):
    (tmp_path / "probs.npy").write_bytes(b"not an array")
    with pytest.raises(DataError, match="cannot be read as a numpy array"):
        read_probabilities(tmp_path / "probs.npy", FRAME, ROLES)
