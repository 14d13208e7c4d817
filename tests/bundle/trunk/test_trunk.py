"""Many tasks on one trunk: each answers as its own bundle does, whoever asks beside it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.toys import toy_rows

from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.trunk.trunk import open_trunk
from smallcraft.errors import (
    InvalidInputError,
    NotFoundError,
)

TEXTS = [*toy_rows(20, seed=31).columns["message"], "", "🙂", "card " * 200]
NAMES = ("kinds", "pairs", "few", "unsure")


@pytest.fixture(scope="module")
def alone(toys):
    """What each task's own bundle says."""
    return {name: open_bundle(path).answer(TEXTS) for name, path in toys.tasks.items()}


def test_every_task_answers_as_its_own_bundle_to_the_bit(trunk, alone):
    for name in NAMES:
        found = trunk.answer(TEXTS, task=name)
        assert np.array_equal(found.probs, alone[name].probs)
        assert np.array_equal(found.escalated, alone[name].escalated)
    assert alone["unsure"].escalated.any()
    assert not alone["unsure"].escalated.all()


@settings(max_examples=15)
@given(
    asked=st.lists(st.tuples(st.integers(0, len(TEXTS) - 1), st.sampled_from(NAMES)), max_size=40),
    budget=st.sampled_from([0, 2_000, 16_000_000]),
)
def test_a_mixed_batch_never_mixes_answers_whatever_is_kept(toys, alone, asked, budget):
    trunk = open_trunk(toys.trunk, budget_bytes=budget)
    for name, path in toys.tasks.items():
        trunk.add(name, path)
    found = trunk.answer_mixed([TEXTS[row] for row, _ in asked], [name for _, name in asked])
    assert [answers.task for answers in found] == list(dict.fromkeys(name for _, name in asked))
    seen = []
    for answers in found:
        for place, row in enumerate(answers.rows):
            text, name = asked[row]
            assert name == answers.task
            assert np.array_equal(answers.said.probs[place], alone[name].probs[text])
            seen.append(row)
    assert sorted(seen) == list(range(len(asked)))
    assert trunk.shelf.used_bytes <= budget


def test_a_task_let_go_and_read_again_answers_the_same(toys, alone):
    trunk = open_trunk(toys.trunk, budget_bytes=2_500)
    for name, path in toys.tasks.items():
        trunk.add(name, path)
    for name in ("kinds", "pairs", "few", "kinds", "few", "pairs", "kinds"):
        assert np.array_equal(trunk.answer(TEXTS, task=name).probs, alone[name].probs)
    assert 0 < len(trunk.shelf.names) < 3


def test_a_pinned_task_stays_in_memory(toys):
    trunk = open_trunk(toys.trunk, budget_bytes=2_500)
    trunk.add("kinds", toys.tasks["kinds"], is_pinned=True)
    for name in ("pairs", "few"):
        trunk.add(name, toys.tasks[name])
    held = trunk.bundle("kinds")
    trunk.bundle("pairs"), trunk.bundle("few")
    assert trunk.bundle("kinds") is held
    trunk.unpin("kinds")
    trunk.bundle("pairs"), trunk.bundle("few"), trunk.bundle("pairs")
    assert trunk.bundle("kinds") is not held
    trunk.pin("kinds")
    trunk.pin("few")
    with pytest.raises(InvalidInputError, match="pinned items may take 2,500 bytes"):
        trunk.pin("pairs")


def test_many_threads_get_each_task_its_own_answers(toys, alone):
    trunk = open_trunk(toys.trunk, budget_bytes=2_500)
    for name, path in toys.tasks.items():
        trunk.add(name, path)
    wrong: list[str] = []

    def ask(start: int) -> None:
        for step in range(8):
            name = NAMES[(start + step) % len(NAMES)]
            if not np.array_equal(trunk.answer(TEXTS, task=name).probs, alone[name].probs):
                wrong.append(name)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_name_given_again_means_the_new_task(trunk, toys, alone):
    trunk.answer(TEXTS, task="kinds")
    trunk.add("kinds", toys.tasks["pairs"])
    assert np.array_equal(trunk.answer(TEXTS, task="kinds").probs, alone["pairs"].probs)
    trunk.remove("kinds")
    assert np.array_equal(trunk.answer(TEXTS, task="pairs").probs, alone["pairs"].probs)
    assert trunk.tasks == ("pairs", "few", "unsure")


# --- refused ---------------------------------------------------------------------------


def test_a_misspelt_task_is_refused_with_the_nearest_name(trunk):
    with pytest.raises(NotFoundError, match=r"no task 'kind'; it has 'kinds', .* - did you mean 'kinds'\?"):
        trunk.answer(TEXTS, task="kind")
    with pytest.raises(NotFoundError, match="no task 'kind'"):
        trunk.answer_mixed(TEXTS[:2], ["kinds", "kind"])
    for verb in (trunk.pin, trunk.unpin, trunk.remove, trunk.bundle):
        with pytest.raises(NotFoundError, match="no task 'kind'"):
            verb("kind")


def test_a_batch_must_name_a_task_for_each_text(trunk):
    with pytest.raises(InvalidInputError, match="one length, got 2 and 1; name a task a text"):
        trunk.answer_mixed(TEXTS[:2], ["kinds"])


def test_what_a_task_is_can_be_told_without_reading_it(trunk, toys):
    assert trunk.task("kinds").digest == open_bundle(toys.tasks["kinds"]).digest
    assert trunk.shelf.names == ()
    with pytest.raises(NotFoundError, match="the trunk has no task 'kind'"):
        trunk.task("kind")
