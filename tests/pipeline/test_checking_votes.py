"""Votes without rows: all are counted, and as many are held as may be."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.partitions.tables import as_lines, named_messages, write_parts

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking_votes import check_votes


@pytest.mark.parametrize("asked", [{"audit": 10}, {"fix": ("drop",)}, {"probs": Path("p.npy")}])
def test_what_needs_rows_is_refused_for_votes_alone(tmp_path, asked):
    with pytest.raises(InvalidInputError, match="a file of votes has none"):
        check_votes(tmp_path / "votes.csv", options=CheckOptions(**asked))


def test_of_more_votes_than_may_be_held_all_are_counted_and_a_sample_is_judged(tmp_path):
    lines = as_lines(named_messages())
    folder = write_parts(lines, tmp_path / "votes")
    options = CheckOptions(most_rows=2_000, output=tmp_path / "check")
    done = check_votes(folder, options=options)
    numbers = {result.check: result.numbers for result in done.report.checks}
    assert numbers["votes"]["votes"] == lines.height
    assert 1_500 < numbers["disagreement"]["votes"] < 2_500
    assert "votes on 2,9" in done.report.notes[0]
    everything = check_votes(folder, options=CheckOptions(output=tmp_path / "all"))
    [known] = [one for one in everything.report.checks if one.check == "disagreement"]
    assert numbers["votes"]["disagreement"] == pytest.approx(known.numbers["disagreement"], rel=1e-12)
    held = pl.read_parquet(tmp_path / "check" / "consensus.parquet")
    assert held.height == numbers["disagreement"]["rows"]
