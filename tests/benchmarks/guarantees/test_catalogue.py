"""Every guarantee names files and a test that exist, and has cases that hold its assumptions."""

from __future__ import annotations

import ast

import pytest
from benchmarks.guarantees.catalogue import BY_KEY, GUARANTEES
from benchmarks.guarantees.kept import read
from benchmarks.process import ROOT

IDS = [one.key for one in GUARANTEES]


def test_keys_are_different_and_so_are_titles():
    assert len(BY_KEY) == len(GUARANTEES) == len({one.title for one in GUARANTEES})


@pytest.mark.parametrize("one", GUARANTEES, ids=IDS)
def test_it_names_a_file_that_keeps_it_and_a_test_that_exists(one):
    assert (ROOT / one.file).is_file()
    file, _, name = one.test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("one", GUARANTEES, ids=IDS)
def test_it_says_what_it_assumes_and_what_breaks_it(one):
    assert one.assumes
    assert one.breaks.endswith(".")
    assert one.promise.endswith(".")
    assert bool(one.page) == one.is_reused


@pytest.mark.parametrize("one", GUARANTEES, ids=IDS)
def test_no_kept_case_breaks_its_promise_while_the_assumptions_hold(one):
    found = read(one)
    if found is None:
        pytest.skip("it was never simulated; `python -m benchmarks.guarantees` does")
    kept = [case for case in found.cases if case.is_as_assumed]
    assert kept, "a promise without a case in which its assumptions hold"
    assert {case.what: case.verdict for case in kept if case.verdict == "exceeded"} == {}
