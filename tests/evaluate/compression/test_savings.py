"""What rounding bought: bytes exactly, milliseconds by the clock and marked as such."""

from __future__ import annotations

import pytest
from tests.models.toys import TEXT, toy_rows, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.evaluate.compression.savings import measure_savings
from smallcraft.models.ladder import fit_rung
from smallcraft.pipeline.reproducing.clock import is_timed


@pytest.mark.parametrize("rows", [1, 3, 60])
def test_sizes_are_those_of_the_files_and_times_are_known_as_times(tmp_path, rows):
    workshop = toy_workshop(tmp_path, TEXT, n=60)
    rounded, exact = (
        open_bundle(fit_rung(name, workshop, tmp_path / "b", about={}).bundle)
        for name in ("ngram", "ngram:fp32")
    )
    texts = {"message": toy_rows(rows).columns["message"]}
    size, *times = measure_savings(rounded, exact, texts)
    bytes_of = [sum(p.stat().st_size for p in b.path.rglob("*") if p.is_file()) for b in (rounded, exact)]
    assert size.value == bytes_of[0] / bytes_of[1] < 1
    assert not is_timed(size.name, size.unit)
    assert [m.slice for m in times] == ["form=int8", "form=fp32"]
    assert all(is_timed(m.name, m.unit) and m.value >= 0 for m in times)
