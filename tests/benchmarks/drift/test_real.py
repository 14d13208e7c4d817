"""Lines on real data are kept as they were found."""

from __future__ import annotations

from benchmarks.drift.real import Line, RealData, keep_real, read_real


def test_lines_are_read_as_they_were_kept(tmp_path):
    assert read_real(folder=tmp_path) is None
    found = RealData((Line("a", "asked", "found", True), Line("b", "asked", "found", None)), "now", 1.5)
    keep_real(found, folder=tmp_path)
    assert read_real(folder=tmp_path) == found
