from __future__ import annotations

import pytest
from tests.registry.memory.sides import facts_of, first_side

from smallcraft.bundle.selfcheck import GOLDEN
from smallcraft.registry.memory.evidence import (
    GOLDEN_ANSWERS,
    bundle_files,
    candidate_of,
    confidence_of,
    find_figure,
    number_of,
)


def test_a_figure_comes_with_its_bounds():
    figure = find_figure(candidate_of(facts_of(), "ngram"), "macro_f1", split="dev")
    assert (figure.value, figure.low, figure.high, figure.n) == (0.9, 0.88, 0.92, 200)


@pytest.mark.parametrize("name", ["nothing", "macro_f1"])
def test_what_was_not_measured_is_none(name):
    unmeasured = {"measurements": [{"name": "macro_f1", "value": None, "split": "dev"}]}
    assert find_figure(unmeasured, name, split="dev") is None
    assert find_figure({}, name, split="dev") is None


def test_a_slice_is_not_the_whole():
    sliced = {"measurements": [{"name": "accuracy", "value": 0.5, "split": "dev", "slice": "region=south"}]}
    assert find_figure(sliced, "accuracy", split="dev") is None


def test_a_truth_value_is_no_number():
    assert number_of({"n": True}, "n") is None


def test_the_files_of_a_model_leave_its_golden_answers_out():
    files = [{"path": path, "digest": "d"} for path in ("heads/ngram.npz", GOLDEN)]
    assert bundle_files({"bundle": {"files": files}}) == {"heads/ngram.npz": "d"}
    assert GOLDEN_ANSWERS == GOLDEN


def test_a_file_that_is_not_there_is_none_and_one_of_the_bundle_is_found():
    side = first_side()
    assert side.file("nothing.json") is None
    assert side.bundle_file("tokenizer.json") == b"{}"


def test_the_confidence_is_the_declared_one():
    assert confidence_of({"confidence": 0.9}) == 0.9
    assert confidence_of({}) == 0.95
