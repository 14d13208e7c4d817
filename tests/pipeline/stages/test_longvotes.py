from __future__ import annotations

import polars as pl
import pytest

from smallcraft.errors import DataError
from smallcraft.pipeline.stages.longvotes import read_long_votes

ROWS = {
    "item": ["a", "a", "b"],
    "annotator": ["x", "y", "x"],
    "label": ["yes", "no", "yes"],
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_a_line_is_a_vote_in_every_format(tmp_path, suffix):
    frame = pl.DataFrame(ROWS)
    path = tmp_path / f"votes{suffix}"
    {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson}[suffix](path)
    found = read_long_votes(path)
    assert found.item == "item"
    assert found.votes.items.to_list() == ["a", "b"]
    assert found.votes.votes_of_item.tolist() == [2, 1]
    assert set(found.votes.annotators) == {"x", "y"}


def test_a_file_without_annotators_is_refused(tmp_path):
    pl.DataFrame({"message": ["a b c"], "length": [3]}).write_csv(tmp_path / "votes.csv")
    with pytest.raises(DataError, match=r"votes\.csv"):
        read_long_votes(tmp_path / "votes.csv")
