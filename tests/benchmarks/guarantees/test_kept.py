"""What is kept comes back, and is current for as long as the code that made it is as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.guarantees.__main__ import run, simulate
from benchmarks.guarantees.cases import counted
from benchmarks.guarantees.catalogue import BY_KEY
from benchmarks.guarantees.kept import KeptCases, is_current, keep, read, sources_digest

GATES = BY_KEY["gates"]


def one_case():
    return (counted("x", 1, 100, stated=0.05),)


# Its module is that of a simulation, so that a digest can be taken of it.
one_case.__module__ = "benchmarks.guarantees.gates"
QUICK = replace(GATES, cases=one_case)


def test_cases_come_back_as_they_were_kept(tmp_path):
    found = simulate(QUICK)
    keep(QUICK, found, folder=tmp_path)
    assert read(QUICK, folder=tmp_path) == found


def test_what_was_never_simulated_is_none(tmp_path):
    assert read(QUICK, folder=tmp_path) is None
    assert not is_current(QUICK, folder=tmp_path)


def test_a_run_that_goes_on_leaves_out_what_would_come_out_the_same(tmp_path, capsys):
    run([QUICK], goes_on=False, folder=tmp_path)
    before = read(QUICK, folder=tmp_path)
    calls = []
    again = replace(QUICK, cases=lambda: calls.append("simulated") or one_case())
    again.cases.__module__ = one_case.__module__
    run([again], goes_on=True, folder=tmp_path)
    assert calls == []
    assert "kept, nothing in it has changed" in capsys.readouterr().err
    stale = replace(before.made, sources="sha256:other")
    keep(QUICK, KeptCases(before.cases, stale), folder=tmp_path)
    run([again], goes_on=True, folder=tmp_path)
    assert calls == ["simulated"]


def test_another_line_in_the_file_that_keeps_a_guarantee_changes_its_digest(tmp_path):
    for name in (
        "benchmarks/guarantees/cases.py",
        "benchmarks/guarantees/worlds.py",
        "benchmarks/guarantees/gates.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    kept_by = tmp_path / GATES.file
    kept_by.parent.mkdir(parents=True)
    kept_by.write_text("a")
    before = sources_digest(GATES, tmp_path)
    assert before == sources_digest(GATES, tmp_path)
    kept_by.write_text("b")
    assert sources_digest(GATES, tmp_path) != before


@pytest.mark.parametrize("key", ["rollbacks", "alarms", "tampering"])
def test_what_other_commands_measured_is_read_from_their_records(key):
    found = read(BY_KEY[key])
    assert found.made is None
    assert found.cases == BY_KEY[key].cases()
