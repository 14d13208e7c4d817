"""Answers: what the bundle says of each question alone, bit for bit, whatever is answered beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.task_bundles import CLASSES, some_inputs, write_task_bundles

from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.trunk.task import read_task
from smallcraft.bundle.trunk.trunk import open_trunk
from smallcraft.errors import InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.records import Decisions
from smallcraft.serve.answering import (
    bundle_answerer,
    facts_of,
    facts_of_task,
    split_reply,
    trunk_answerer,
)

NAMES = (
    *("numbers", "unsure", "sets", "tree", "several", "amount"),
    *("words", "mixed", "int8", "fp32", "cascade"),
)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_task_bundles(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def opened(paths):
    return {name: open_bundle(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def answerers(opened):
    return {
        name: bundle_answerer(bundle, facts_of(bundle, name, "1"), threads=2 if name == "int8" else 1)
        for name, bundle in opened.items()
    }


@pytest.fixture
def heads(paths):
    """`fp32` and `cascade` on the encoder of `fp32`."""
    trunk = open_trunk(paths["fp32"], budget_bytes=60_000)
    for name in ("fp32", "cascade"):
        trunk.add(name, paths[name])
    facts = {name: facts_of_task(trunk.task(name), name, "7") for name in trunk.tasks}
    return trunk_answerer(trunk, facts)


def assert_same(found, wanted):
    assert found.probs.dtype == wanted.probs.dtype
    assert found.probs.tobytes() == wanted.probs.tobytes()
    assert found.escalated.tolist() == wanted.escalated.tolist()
    for field in fields(Decisions):
        got, want = getattr(found.decisions, field.name), getattr(wanted.decisions, field.name)
        if isinstance(want, np.ndarray):
            assert got.shape == want.shape
            assert got.tobytes() == want.tobytes(), field.name
        else:
            assert got == want, field.name


def questions_for(spec, sizes, seed):
    rng = np.random.default_rng(seed)
    return [some_inputs(spec, size, rng) for size in sizes]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8), seed=st.integers(0, 2**32 - 1))
def test_a_batch_answers_each_question_as_if_it_were_alone(opened, answerers, name, sizes, seed):
    questions = questions_for(opened[name].spec, sizes, seed)
    replies = answerers[name].answer_many("", questions)
    assert len(replies) == len(questions)
    for inputs, reply in zip(questions, replies, strict=True):
        assert_same(reply, answerers[name].answer(inputs))


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_is_what_the_bundle_says_of_each_row_alone(opened, answerers, name):
    bundle = opened[name]
    (inputs,) = questions_for(bundle.spec, [12], 3)
    rows = [inputs.take(np.array([row])) for row in range(inputs.n)]
    columns = [
        {
            **({bundle.spec.text: row.texts} if bundle.spec.text else {}),
            **{column: row.numbers[:, place] for place, column in enumerate(bundle.spec.numbers)},
            **dict(zip(bundle.spec.categories, row.categories, strict=True)),
        }
        for row in rows
    ]
    reply = answerers[name].answer(inputs)
    said = [bundle.answer(column) for column in columns]
    assert reply.probs.tobytes() == b"".join(answers.probs.tobytes() for answers in said)
    assert reply.escalated.tolist() == [bool(answers.escalated[0]) for answers in said]
    assert reply.decisions.labels == tuple(bundle.predict(column)[0] for column in columns)


def test_a_cascade_asks_its_encoder_about_some_rows_of_these_tests(opened, answerers):
    reply = answerers["cascade"].answer(questions_for(opened["cascade"].spec, [40], 5)[0])
    assert 0 < reply.escalated.sum() < 40


def test_no_questions_have_no_replies(answerers):
    assert answerers["words"].answer_many("", []) == []


def test_questions_of_no_rows_have_empty_replies(opened, answerers):
    questions = questions_for(opened["words"].spec, [0, 2, 0], 1)
    replies = answerers["words"].answer_many("", questions)
    assert [reply.probs.shape for reply in replies] == [(0, 6), (2, 6), (0, 6)]
    assert replies[0].decisions.labels == ()


def test_tokens_that_were_read_already_are_used(opened, answerers):
    tokenizer = opened["words"].stages[0].blocks[0].tokenizer
    questions = [Inputs(1, [text], np.empty((1, 0)), ()) for text in ("lost card", "pay my bill")]
    for inputs in questions:
        inputs.tokens(tokenizer)
    fresh = [Inputs(1, list(inputs.texts), np.empty((1, 0)), ()) for inputs in questions]
    for reply, inputs in zip(answerers["words"].answer_many("", questions), fresh, strict=True):
        assert_same(reply, answerers["words"].answer(inputs))


def test_threads_answer_side_by_side_as_they_do_alone(opened, answerers):
    questions = questions_for(opened["fp32"].spec, [3] * 12, 8)
    wanted = [answerers["fp32"].answer(inputs) for inputs in questions]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: answerers["fp32"].answer_many("", questions)[place], range(12)))
    for reply, want in zip(found, wanted, strict=True):
        assert_same(reply, want)


def test_a_head_on_a_trunk_answers_as_its_own_bundle(opened, answerers, heads):
    for name in ("fp32", "cascade", "fp32"):
        questions = questions_for(opened[name].spec, [2, 1, 4], 9)
        for reply, inputs in zip(heads.answer_many(name, questions), questions, strict=True):
            assert_same(reply, answerers[name].answer(inputs))


def test_a_head_on_a_trunk_gives_the_embeddings_that_its_own_bundle_does(opened, heads):
    heads.keep_embeddings()
    for name in ("fp32", "cascade"):
        inputs = some_inputs(opened[name].spec, 6, np.random.default_rng(5))
        alone = bundle_answerer(opened[name], facts_of(opened[name], name, "1"))
        alone.keep_embeddings()
        said, own = heads.answer(inputs, name), alone.answer(inputs)
        assert np.array_equal(said.embedding, own.embedding, equal_nan=True)
        assert np.isfinite(said.embedding[said.escalated if name == "cascade" else slice(None)]).all()


def test_a_head_that_is_not_served_is_refused_with_those_that_are(answerers, heads):
    inputs = Inputs(1, ["card"], np.empty((1, 0)), ())
    with pytest.raises(NotFoundError, match=r"head 'cascad' is not served here; .*did you mean 'cascade'\?"):
        heads.answer(inputs, "cascad")
    with pytest.raises(NotFoundError, match="head 'cascade' is not served"):
        answerers["words"].answer_many("cascade", [inputs])


def test_a_head_that_turns_out_to_be_none_is_no_fault_of_who_asked(paths, tmp_path):
    trunk = open_trunk(paths["fp32"])
    trunk.add("fp32", paths["fp32"])
    facts = {"fp32": facts_of_task(trunk.task("fp32"), "fp32", "1")}
    spoilt = dict(trunk.task("fp32").description, decoder={"scale": -1, "threshold": 0})
    object.__setattr__(trunk.task("fp32"), "description", spoilt)
    with pytest.raises(SmallcraftError, match="fp32@1 cannot answer: a decoder wants scale > 0") as refused:
        trunk_answerer(trunk, facts).answer(Inputs(1, ["card"], np.empty((1, 0)), ()), "fp32")
    assert type(refused.value) is SmallcraftError


@pytest.mark.parametrize("name", ["numbers", "amount"])
def test_what_is_no_number_is_no_answer(opened, name):
    """Rows with holes are their sender's to mend; of whole ones the model is broken."""
    answerer = bundle_answerer(opened[name], facts_of(opened[name], name, "1"))
    whole = some_inputs(opened[name].spec, 3, np.random.default_rng(0))
    holed = replace(whole, numbers=np.where(np.arange(9).reshape(3, 3) == 4, np.nan, whole.numbers))
    with pytest.raises(InvalidInputError, match=f"{name}@1 needs every number of a row"):
        answerer.answer_many("", [whole, holed])
    head = opened[name].stages[0].head
    spoilt = replace(head, bias=np.where(np.arange(len(head.bias)) == 0, np.inf, head.bias))
    stage = replace(opened[name].stages[0], head=spoilt)
    broken = bundle_answerer(replace(opened[name], stages=(stage,)), answerer.heads[""])
    with np.errstate(invalid="ignore"), pytest.raises(SmallcraftError, match="finite numbers") as refused:
        broken.answer(whole)
    assert type(refused.value) is SmallcraftError


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_the_bundles_own(opened, name):
    bundle = opened[name]
    facts = facts_of(bundle, "helpdesk", "3")
    assert (facts.label, facts.digest, facts.task) == ("helpdesk@3", bundle.digest, bundle.task)
    assert (facts.classes, facts.spec) == (bundle.classes, bundle.spec)
    assert facts.has_stages == (name == "cascade")
    assert facts.has_sets == (name == "sets")
    assert facts.has_intervals == (name == "amount")


@pytest.mark.parametrize("name", ["fp32", "cascade"])
def test_facts_of_a_task_need_no_reading_of_it(opened, paths, name):
    roots = open_trunk(paths["fp32"]).roots
    assert facts_of_task(read_task(name, paths[name], roots), name, "1") == facts_of(opened[name], name, "1")


def test_a_split_reply_has_the_rows_of_each_question(answerers, opened):
    inputs = some_inputs(opened["sets"].spec, 6, np.random.default_rng(2))
    first, rest = split_reply(answerers["sets"].answer(inputs), [1, 5])
    assert (first.probs.shape, rest.probs.shape) == ((1, len(CLASSES)), (5, len(CLASSES)))
    assert first.decisions.sets is not None
    assert len(first.decisions.sets) == 1
