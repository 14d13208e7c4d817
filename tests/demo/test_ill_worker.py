from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.demo import ill_worker
from smallcraft.demo.ill_worker import IllModel, load_ill, worker_command


class Healthy:
    heads: Mapping[str, object] = {"": "facts"}

    def answer_many(self, head, questions):
        return [(head, question) for question in questions]


ROWS = [read_inputs(["a row"], InputSpec(text="message"))]


def outcomes(illness, n=2000):
    model, seen = IllModel(Healthy(), illness), []
    for _ in range(n):
        try:
            seen.append(model.answer_many("", ROWS) == [("", ROWS[0])])
        except RuntimeError:
            seen.append(False)
    return seen


def test_a_model_in_good_health_answers_everything_as_it_does():
    assert all(outcomes({}))
    assert IllModel(Healthy(), {}).heads == Healthy.heads


def test_the_planted_share_fails_and_the_same_ones_each_time():
    seen = outcomes({"fails": 0.1})
    assert 150 < seen.count(False) < 250
    assert seen == outcomes({"fails": 0.1})


def test_the_planted_share_stalls_for_as_long_as_it_says(monkeypatch):
    waited = []
    monkeypatch.setattr(ill_worker.time, "sleep", waited.append)
    assert all(outcomes({"stalls": 0.05, "for_s": 0.2}))
    assert 70 < len(waited) < 130
    assert set(waited) == {0.2}


@pytest.mark.parametrize(
    ("told", "fails"), [(None, False), ({"1": {"fails": 1}}, False), ({"2": {"fails": 1}}, True)]
)
def test_only_the_version_that_the_file_names_is_ill(told, fails, tmp_path, monkeypatch):
    class Order:
        class source:  # noqa: N801 - stands for an attribute
            version = "2"

    monkeypatch.setattr(ill_worker, "load", lambda order: Healthy())
    path = tmp_path / "illness.json"
    if told is not None:
        path.write_text(json.dumps(told), encoding="utf-8")
    model = load_ill(Order, path)
    if fails:
        with pytest.raises(RuntimeError, match="on purpose"):
            model.answer_many("", ROWS)
    else:
        assert len(model.answer_many("", ROWS)) == 1
    assert worker_command(path)[-1] == str(path)
