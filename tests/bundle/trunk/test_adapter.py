"""An adapter is switched on for its own runs only, and only where it fits."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.models.test_adapters import EVERY_MODULE, feed, random_adapter

from smallcraft.bundle.runtimes.onnxruntime import open_session
from smallcraft.bundle.trunk.adapter import adapt_session
from smallcraft.errors import BundleFormatError
from smallcraft.models.adapters import Adapter, LowRank, adapter_bytes, build_adaptable_graph
from smallcraft.models.encoders import source_of


@pytest.fixture(scope="module")
def source(tiny_backbone):
    return source_of(tiny_backbone)


@pytest.fixture(scope="module")
def adaptable(source):
    found = build_adaptable_graph(source, modules=EVERY_MODULE)
    return found, open_session(found.model.SerializeToString(), {})


def test_threads_with_different_adapters_never_meet(source, adaptable):
    found, session = adaptable
    sessions = [session] + [
        adapt_session(
            session,
            adapter_bytes(random_adapter(source, EVERY_MODULE, rank=rank, seed=rank)),
            found.places,
            path="x",
        )
        for rank in (1, 3)
    ]
    alone = [each.run(None, feed(1, 9))[0] for each in sessions]
    assert not np.array_equal(alone[0], alone[1])
    wrong: list[int] = []

    def ask(number: int) -> None:
        found = [sessions[number].run(None, feed(1, 9))[0] for _ in range(30)]
        wrong.extend(number for each in found if not np.array_equal(each, alone[number]))

    threads = [threading.Thread(target=ask, args=(number,)) for number in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_is_left_in_the_temporary_folder(source, adaptable, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found, session = adaptable
    data = adapter_bytes(random_adapter(source, EVERY_MODULE))
    adapted = adapt_session(session, data, found.places, path="x")
    with pytest.raises(BundleFormatError):
        adapt_session(session, b"garbage", found.places, path="x")
    assert [*Path(tmp_path).iterdir()] == []
    assert np.isfinite(adapted.run(None, feed(1, 7))[0]).all()


@pytest.mark.parametrize(
    ("place", "down", "up"),
    [
        ("encoder.layer.7.attention.self.query", (16, 2), (2, 16)),
        ("encoder.layer.0.attention.self.query", (15, 2), (2, 16)),
        ("encoder.layer.0.attention.self.query", (16, 2), (2, 17)),
        ("encoder.layer.0.attention.self.query", (16, 2), (3, 16)),
    ],
)
def test_an_adapter_for_another_trunk_is_refused(adaptable, place, down, up):
    found, session = adaptable
    changes = {place: LowRank(np.ones(down, np.float32), np.ones(up, np.float32))}
    with pytest.raises(BundleFormatError, match=f"pack changes '{place}' .* write the pack for this trunk"):
        adapt_session(session, adapter_bytes(Adapter(changes)), found.places, path="pack")


def test_bytes_that_are_no_adapter_are_refused(adaptable):
    found, session = adaptable
    for data in (b"", b"garbage", adapter_bytes(Adapter({}))[:20]):
        with pytest.raises(BundleFormatError, match="pack is no adapter that onnxruntime"):
            adapt_session(session, data, found.places, path="pack")
