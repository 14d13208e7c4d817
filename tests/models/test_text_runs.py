"""Texts are run by threads here or in pieces elsewhere; the rows are those of one text after the other."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from tests.serve.task_bundles import make_parts

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.models.text_runs import PackedEncoder, pack, run_texts, unpack

TEXTS = [f"order {at} is late" + " please" * (at % 5) for at in range(300)]


def rows(texts: list[str]):
    return read_inputs(texts, InputSpec("message", (), ()))


class Processes:
    """Processes of this machine, as an engine that is on other ones."""

    is_local = False

    def __init__(self, engine: Engine) -> None:
        self.engine, self.sent = engine, []

    def map_with(self, shared, function, items):
        self.sent.append(shared)
        return self.engine.map_with(shared, function, items)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return make_parts(tmp_path_factory.mktemp("parts")).encoders


@pytest.fixture(autouse=True)
def no_worker_here():
    """What a worker would keep is not kept by the tests."""
    yield
    unpack.cache_clear()


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)
    with Engine(workers=2) as engine:
        yield Processes(engine)


@pytest.mark.parametrize("form", ["int8", "fp32"])
def test_threads_give_the_rows_of_one(encoders, form, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    found = run_texts(encoders[form], rows(TEXTS))
    assert np.array_equal(found.values, encoders[form].encode(rows(TEXTS)).values)
    assert found.away_cpu_s == 0.0


@pytest.mark.parametrize("form", ["int8", "fp32"])
def test_pieces_elsewhere_give_the_very_same_rows(encoders, form, elsewhere):
    found = run_texts(encoders[form], rows(TEXTS), elsewhere)
    assert np.array_equal(found.values, encoders[form].encode(rows(TEXTS)).values)
    assert found.away_cpu_s > 0.0


def test_a_few_texts_are_not_sent_anywhere(encoders, elsewhere):
    found = run_texts(encoders["int8"], rows(TEXTS[:64]), elsewhere)
    assert np.array_equal(found.values, encoders["int8"].encode(rows(TEXTS[:64])).values)
    assert elsewhere.sent == []


@pytest.mark.parametrize("form", ["int8", "fp32"])
def test_an_encoder_travels_with_all_that_it_needs(encoders, form):
    packed = pickle.loads(pickle.dumps(pack(encoders[form])))
    found = unpack(packed)
    assert isinstance(packed, PackedEncoder)
    assert found.files.root.name == ""
    assert np.array_equal(found.encode(rows(TEXTS[:9])).values, encoders[form].encode(rows(TEXTS[:9])).values)
    assert unpack(packed) is found


def test_encoders_that_differ_are_told_apart(encoders):
    block = encoders["fp32"]
    other = replace(block, spec={**block.spec, "gain": 3.0})
    digests = {pack(one).digest for one in (*encoders.values(), other)}
    assert len(digests) == 3


def test_the_runtime_that_was_chosen_here_is_the_one_there(encoders, monkeypatch):
    assert pack(encoders["fp32"]).runtime == "onnxruntime"
    monkeypatch.setenv("SMALLCRAFT_RUNTIME", "numpy")
    assert pack(encoders["fp32"]).runtime == "numpy"
