"""Texts of equal length run together: where no bit changes, and there only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.tinybert import WORDS
from tests.serve.task_bundles import make_parts, some_inputs

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.bundle.layout import BundleWriter
from smallcraft.serve.equal_lengths import MOST_TEXTS, EqualLengthsBlock, Together, plan_runs

TEXT = InputSpec(text="message")


@dataclass
class Watched:
    """A session that notes each run's shape, and may answer runs of several texts a little otherwise."""

    session: Any
    is_shifty: bool = False
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def run(self, names, feed, /):
        self.shapes.append(feed["input_ids"].shape)
        (found,) = self.session.run(names, feed)
        return [np.nextafter(found, np.float32(9)) if self.is_shifty and len(found) > 1 else found]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return make_parts(tmp_path_factory.mktemp("encoders")).encoders


def watched(block, *, is_shifty=False, pool=None):
    session = Watched(block.session, is_shifty)
    return EqualLengthsBlock(replace(block, session=session), Together(pool)), session


def texts_of(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, length)) for length in lengths]
    return Inputs(len(texts), texts, np.empty((len(texts), 0)), ())


def rows_alone(block, inputs):
    return np.concatenate([block.encode(inputs.take(np.array([row]))).values for row in range(inputs.n)])


@pytest.mark.parametrize("form", ["fp32", "int8"])
@settings(max_examples=20)
@given(n=st.integers(2, 20), seed=st.integers(0, 2**32 - 1))
def test_a_row_is_the_one_that_its_text_has_alone(encoders, form, n, seed):
    block, _ = watched(encoders[form])
    inputs = some_inputs(TEXT, n, np.random.default_rng(seed))
    assert block.encode(inputs).values.tobytes() == rows_alone(encoders[form], inputs).tobytes()


def test_texts_of_one_length_are_one_run_once_that_shape_was_compared(encoders):
    block, session = watched(encoders["fp32"])
    block.encode(texts_of(3, 3, 3, 3, seed=1))
    assert sorted(session.shapes) == [(1, 5)] * 4 + [(4, 5)]
    session.shapes.clear()
    found = block.encode(texts_of(3, 3, 3, 3, seed=2))
    assert session.shapes == [(4, 5)]
    assert found.values.tobytes() == rows_alone(encoders["fp32"], texts_of(3, 3, 3, 3, seed=2)).tobytes()


def test_a_shape_that_changes_one_bit_is_never_used_again(encoders):
    block, session = watched(encoders["fp32"], is_shifty=True)
    for seed in range(3):
        inputs = texts_of(3, 3, seed=seed)
        assert block.encode(inputs).values.tobytes() == rows_alone(encoders["fp32"], inputs).tobytes()
    assert session.shapes.count((2, 5)) == 1
    assert block.together.shapes == {(2, 5): False}


def test_int8_is_run_text_by_text(encoders):
    block, session = watched(encoders["int8"])
    block.encode(texts_of(3, 3, 3, 5))
    assert sorted(session.shapes) == [(1, 5)] * 3 + [(1, 7)]


@pytest.mark.parametrize("form", ["fp32", "int8"])
def test_equal_texts_are_run_once(encoders, form):
    block, session = watched(encoders[form])
    inputs = Inputs(4, ["lost card", "fee", "lost card", "lost  card"], np.empty((4, 0)), ())
    found = block.encode(inputs).values
    assert sorted(session.shapes) == [(1, 3), (1, 4)]
    assert found[0].tobytes() == found[2].tobytes() == found[3].tobytes()
    assert found.tobytes() == rows_alone(encoders[form], inputs).tobytes()


@pytest.mark.parametrize("form", ["fp32", "int8"])
def test_runs_side_by_side_give_the_same_rows(encoders, form):
    inputs = texts_of(*[1, 2, 3, 3, 4] * 5, seed=6)
    with ThreadPoolExecutor(3) as pool:
        block, _ = watched(encoders[form], pool=pool)
        for _ in range(3):
            assert block.encode(inputs).values.tobytes() == rows_alone(encoders[form], inputs).tobytes()


def test_no_texts_have_no_rows(encoders):
    block, _ = watched(encoders["fp32"])
    assert block.encode(texts_of()).values.shape == (0, block.width)


def test_it_is_saved_as_the_block_it_stands_for(encoders, tmp_path):
    block, _ = watched(encoders["fp32"])
    saved = block.save(BundleWriter(tmp_path / "one"), "stage")
    assert saved == encoders["fp32"].save(BundleWriter(tmp_path / "other"), "stage")
    assert block.name == "encoder"


@given(lengths=st.lists(st.integers(2, 6), max_size=70))
def test_each_text_is_in_one_run_of_its_length_and_a_power_of_two(lengths):
    runs = plan_runs(lengths)
    assert sorted(place for run in runs for place in run) == list(range(len(lengths)))
    assert all(len({lengths[place] for place in run}) == 1 for run in runs)
    assert {len(run) for run in runs} <= {1, 2, 4, 8, MOST_TEXTS}
