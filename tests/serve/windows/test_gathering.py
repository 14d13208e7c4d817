"""Answered requests as columns: every row in one table, whatever it is asked with, and no request held."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
from tests.serve.task_bundles import write_task_bundles
from tests.serve.windows.answered import numbers_told, records_told, taken
from tests.serve.worker_threads import numbers_answerer

from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.profiles.profile import SliceName
from smallcraft.serve.answering import bundle_answerer, facts_of
from smallcraft.serve.windows.gathering import Columns
from smallcraft.serve.windows.segments import Segments


@pytest.fixture(scope="module")
def answerers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    paths = write_task_bundles(folder / "tasks")
    made = {"m1": numbers_answerer(folder, 1), "m2": numbers_answerer(folder, 2)}
    for name in ("mixed", "amount", "cascade"):
        bundle = open_bundle(paths[name])
        made[name] = bundle_answerer(bundle, facts_of(bundle, name, "1"))
        made[name].keep_embeddings()
    return made


def tables(*told, **more):
    """Rows by release and segment."""
    found = {}
    for columns in taken(*told, **more).columns:
        found |= columns.tables()
    return found


def test_releases_are_apart_and_rows_are_those_that_were_asked(answerers):
    told = [numbers_told(answerers[name], first) for first in (1.0, 2.0, 3.0) for name in ("m1", "m2")]
    found = tables(*told)
    assert list(found) == [SliceName("m@1"), SliceName("m@2")]
    for rows, name in zip(found.values(), ("m1", "m2"), strict=True):
        assert rows.n == 3
        assert rows.numbers["x0"].tolist() == [1.0, 2.0, 3.0]
        inputs = Inputs(3, None, np.stack(list(rows.numbers.values()), axis=1), ())
        expected = answerers[name].answer(inputs)
        assert np.allclose(rows.answers.probs, expected.probs)
        assert np.allclose(rows.answers.confidence, expected.decisions.confidence)
        assert tuple(rows.answers.labels) == expected.decisions.labels
        # With one stage and no encoder there is neither.
        assert (rows.answers.escalated, rows.embedding) == (None, None)
        assert rows.latency_ms.tolist() == [10.0] * 3


def test_rows_of_one_request_may_be_of_several_segments_and_its_latency_counts_once(answerers):
    records = [
        {"text": f"text {number}", "amount": number, "plan": "free", "region": region}
        for number, region in enumerate(["north", "south", "north"])
    ]
    told = [records_told(answerers["mixed"], *records), records_told(answerers["mixed"], records[1])]
    found = {name.segment: rows for name, rows in tables(*told, segments=Segments("region", most=10)).items()}
    assert {name: rows.n for name, rows in found.items()} == {"north": 2, "south": 2}
    assert {name: len(rows.latency_ms) for name, rows in found.items()} == {"north": 1, "south": 1}
    assert found["north"].texts["message"] == ["text 0", "text 2"]
    assert found["south"].numbers["amount"].tolist() == [1.0, 1.0]
    assert found["south"].categories == {"plan": ["free", "free"]}


def test_values_have_no_confidence_and_their_rows_are_whole(answerers):
    [rows] = tables(records_told(answerers["amount"], {"age": 1, "amount": 2, "days": 3})).values()
    assert (rows.answers.confidence, rows.answers.probs) == (None, None)
    assert [column.tolist() for column in rows.numbers.values()] == [[1.0], [2.0], [3.0]]
    assert isinstance(rows.answers.labels[0], float)


TEXTS = ["lost my card", "a new card", "what", "pay it now and late"]


def test_embeddings_stand_beside_their_rows(answerers):
    told = [records_told(answerers["cascade"], {"message": text}) for text in TEXTS]
    [rows] = tables(*told).values()
    alone = [one.given.answered.reply.embedding[0] for one in told]
    assert rows.answers.escalated.tolist() == [not np.isnan(row).any() for row in alone]
    assert np.array_equal(rows.embedding, np.stack(alone), equal_nan=True)


def test_a_reply_without_the_embedding_that_others_have_is_a_row_without(answerers):
    told = [records_told(answerers["cascade"], {"message": text}) for text in TEXTS[:2]]
    given = told[1].given
    without = given.answered._replace(reply=given.answered.reply._replace(embedding=None))
    [rows] = tables(told[0], told[1]._replace(given=given._replace(answered=without))).values()
    assert rows.embedding.shape[0] == 2
    assert np.isnan(rows.embedding[1]).all()


def test_requests_that_are_left_out_take_all_of_theirs_with_them(answerers):
    records = [
        {"text": f"text {number}", "amount": number, "plan": str(number), "region": str(number // 3)}
        for number in range(9)
    ]
    told = [records_told(answerers["mixed"], *records[at : at + 3]) for at in (0, 3, 6)]
    told = [one._replace(seconds=0.001 * number) for number, one in enumerate(told)]
    segments = Segments("region", most=10)
    [all_of_it] = taken(*told, segments=segments).columns
    whole, rng, found = all_of_it.tables(), np.random.default_rng(0), Counter()
    for _ in range(40):
        [columns] = taken(*told, segments=segments).columns
        columns.keep_some(rng)
        kept = columns.tables()
        found[len(kept)] += 1
        assert columns.n == sum(rows.n for rows in kept.values()) == 3 * len(kept)
        assert columns.size == all_of_it.size * len(kept) // 3
        assert {name: rows.n for name, rows in kept.items()} | columns.left_out == dict.fromkeys(whole, 3)
        for name, rows in kept.items():
            expected = whole[name]
            assert (rows.texts, rows.categories) == (expected.texts, expected.categories)
            assert rows.numbers["amount"].tolist() == expected.numbers["amount"].tolist()
            assert rows.answers.labels == expected.answers.labels
            assert np.array_equal(rows.answers.probs, expected.answers.probs)
            assert np.array_equal(rows.answers.confidence, expected.answers.confidence)
            assert rows.latency_ms.tolist() == expected.latency_ms.tolist()
    assert set(found) == {0, 1, 2, 3}
    while columns.n:
        columns.keep_some(rng)
    # Of none, none is left out.
    columns.keep_some(rng)
    assert (columns.n, columns.size, columns.tables()) == (0, 0, {})
    assert sum(columns.left_out.values()) == 9


def test_nothing_of_a_request_is_held_but_its_strings(answerers):
    record = {"text": "lost my card", "amount": 3, "plan": "free", "region": "north"}
    segments = Segments("region", most=2)
    first, one = (records_told(answerers["mixed"], record) for _ in range(2))
    columns = Columns(first.given)
    question, reply = one.given.question, one.given.answered.reply
    things = (one.opened.content, one.opened.body, question.inputs, question.inputs.numbers)
    things += (reply, reply.probs, reply.decisions, reply.decisions.labels, reply.decisions.confidence)
    before = [sys.getrefcount(thing) for thing in things]
    names = segments.of(one.opened, question.inputs, columns.interface.facts)
    columns.append(one.given, names, body_bytes=10, seconds=0.1)
    assert [sys.getrefcount(thing) for thing in things] == before
    assert columns.n == 1
