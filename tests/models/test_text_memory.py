"""A text is run once; what is remembered is the very row that running it gives; damage costs time alone."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.engine.elsewhere import Elsewhere
from tests.models.toys import toy_workshop

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.inputs import Inputs, InputSpec, read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.models import text_memory
from smallcraft.models.ladder import fit_rung
from smallcraft.models.memory import CpuMeter
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.text_memory import TextMemory

TEXTS = [f"where is order {at} of mine" for at in range(30)]


class Counting:
    """A session that counts its runs."""

    def __init__(self, session):
        self.session, self.runs = session, 0

    def run(self, names, feed):
        self.runs += 1
        return self.session.run(names, feed)


@pytest.fixture
def block(tmp_path, tiny_backbone) -> EncoderBlock:
    """An encoder whose runs are counted."""
    made = make_encoder(toy_workshop(tmp_path / "w", backbone=tiny_backbone).encoder_files())
    return replace(made, session=Counting(made.session))


def rows(texts: list[str]) -> Inputs:
    return read_inputs(texts, InputSpec("message", (), ()))


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.npz"))


def test_a_text_is_run_once_over_all_memories_of_a_folder(tmp_path, block):
    plain = block.encode(rows(TEXTS)).values
    runs = block.session.runs
    first = TextMemory(tmp_path / "m").encode(block, rows(TEXTS + TEXTS))
    assert block.session.runs == runs + len(TEXTS)
    again = TextMemory(tmp_path / "m").encode(block, rows(TEXTS[::-1]))
    assert block.session.runs == runs + len(TEXTS)
    assert np.array_equal(first.values, np.concatenate([plain, plain]))
    assert np.array_equal(again.values, plain[::-1])
    assert first.other_cpu_s == 0 < again.other_cpu_s


def test_no_texts_have_no_rows(tmp_path, block):
    assert TextMemory(tmp_path).encode(block, rows([])).values.shape == (0, block.width)


@pytest.mark.parametrize("change", [{"gain": 8.0}, {"longest": 5}])
def test_another_way_of_encoding_shares_nothing(tmp_path, block, change):
    memory = TextMemory(tmp_path / "m")
    memory.encode(block, rows(TEXTS))
    other = replace(block, spec={**block.spec, **change})
    assert np.array_equal(memory.encode(other, rows(TEXTS)).values, other.encode(rows(TEXTS)).values)
    elsewhere = TextMemory(tmp_path / "m", machine="another processor")
    runs = block.session.runs
    elsewhere.encode(block, rows(TEXTS))
    assert block.session.runs == runs + len(TEXTS)


@pytest.mark.parametrize("damage", [b"", b"no zip", None])
def test_a_damaged_shard_costs_time_and_nothing_else(tmp_path, block, damage):
    whole = TextMemory(tmp_path / "m").encode(block, rows(TEXTS))
    (path,) = shards(tmp_path / "m")
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + b"!" + data[middle + 1 :] if damage is None else damage)
    again = TextMemory(tmp_path / "m").encode(block, rows(TEXTS))
    assert np.array_equal(again.values, whole.values)
    assert again.other_cpu_s == 0
    assert len(shards(tmp_path / "m")) == 1


def test_an_absent_folder_and_one_that_cannot_be_written_cost_time_alone(tmp_path, block):
    memory = TextMemory(tmp_path / "m")
    whole = memory.encode(block, rows(TEXTS))
    shutil.rmtree(tmp_path / "m")
    assert np.array_equal(memory.encode(block, rows(TEXTS)).values, whole.values)
    (tmp_path / "file").write_text("in the way")
    blocked = TextMemory(tmp_path / "file" / "m")
    assert np.array_equal(blocked.encode(block, rows(TEXTS)).values, whole.values)


def test_the_oldest_shards_go_when_the_folder_is_full(tmp_path, block):
    TextMemory(tmp_path / "m").encode(block, rows(TEXTS))
    (first,) = shards(tmp_path / "m")
    room = first.stat().st_size + 1
    TextMemory(tmp_path / "m", most_bytes=room).encode(block, rows([text + " please" for text in TEXTS]))
    (second,) = shards(tmp_path / "m")
    assert second != first


def test_several_writers_leave_sound_shards_with_every_text(tmp_path, block):
    parts = [[f"{text} {writer}" for text in TEXTS] for writer in range(4)]
    writers = [
        threading.Thread(target=TextMemory(tmp_path / "m").encode, args=(block, rows(part))) for part in parts
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    runs = block.session.runs
    TextMemory(tmp_path / "m").encode(block, rows([text for part in parts for text in part]))
    assert block.session.runs == runs


def test_a_workshop_with_a_memory_writes_the_same_bundle_and_is_charged_the_same_work(
    tmp_path, tiny_backbone
):
    memory = TextMemory(tmp_path / "m")
    found = {}
    for name, known in (("without", None), ("first", memory), ("second", memory)):
        workshop = replace(toy_workshop(tmp_path / name, backbone=tiny_backbone), text_memory=known)
        meter = CpuMeter(workshop.memory)
        attempt = fit_rung("frozen", workshop, tmp_path / f"bundles-{name}", about={})
        charged = sum(cost for charge in workshop.memory.charges for cost in charge.values())
        found[name] = attempt.digest, charged, meter.seconds()
    assert len({digest for digest, *_ in found.values()}) == 1
    assert all(charged > 0 and seconds > 0 for _, charged, seconds in found.values())
    charges = [key for charge in workshop.memory.charges for key in charge]
    assert any(key.endswith("-texts") for key in charges)


def test_a_bound_bundle_answers_as_the_bundle_does(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path / "w", backbone=tiny_backbone)
    attempt = fit_rung("frozen", workshop, tmp_path / "bundles", about={})
    bundle = open_bundle(attempt.bundle)
    bound = TextMemory(tmp_path / "m").bind(bundle)
    for _ in range(2):
        assert np.array_equal(bound.predict_proba(TEXTS), bundle.predict_proba(TEXTS))
    remembering, plain = bound.stages[0].blocks[0], bundle.stages[0].blocks[0]
    assert (remembering.name, remembering.width) == (plain.name, plain.width)


def test_new_texts_are_run_where_the_engine_is_and_charged_what_they_took_there(tmp_path, tiny_backbone):
    block = make_encoder(toy_workshop(tmp_path / "w", backbone=tiny_backbone).encoder_files())
    texts, engine = [f"{text} {at}" for text in TEXTS for at in range(10)], Elsewhere()
    memory = TextMemory(tmp_path / "m", engine=engine)
    found = memory.encode(block, rows(texts))
    assert np.array_equal(found.values, block.encode(rows(texts)).values)
    [pieces] = engine.calls
    assert sum(piece.n for piece in pieces) == len(texts)
    assert found.other_cpu_s == len(pieces) > 1
    again = TextMemory(tmp_path / "m", engine=engine).encode(block, rows(texts))
    assert again.other_cpu_s >= len(pieces)
    assert len(engine.calls) == 1


def test_what_was_run_stays_when_the_rest_is_not(tmp_path, block, monkeypatch):
    monkeypatch.setattr(text_memory, "_TEXTS_A_SHARD", 10)
    run, runs = text_memory.run_texts, []

    def run_twice(*asked):
        if len(runs) == 2:
            raise KeyboardInterrupt
        runs.append(asked[1].n)
        return run(*asked)

    stopped = TextMemory(tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setattr(text_memory, "run_texts", run_twice)
        with pytest.raises(KeyboardInterrupt):
            stopped.encode(block, rows(TEXTS))
    assert runs == [10, 10]
    done = block.session.runs
    TextMemory(tmp_path / "m").encode(block, rows(TEXTS))
    assert block.session.runs == done + 10


@pytest.mark.parametrize("rung", ["frozen", "cascade"])
def test_a_bundle_whose_work_was_done_elsewhere_is_the_same_to_the_byte(tmp_path, tiny_backbone, rung):
    far = Elsewhere()
    here = toy_workshop(tmp_path / "here", backbone=tiny_backbone)
    there = replace(
        toy_workshop(tmp_path / "there", backbone=tiny_backbone),
        text_memory=TextMemory(tmp_path / "m", engine=far),
        engine=far,
    )
    first, second = (
        fit_rung(rung, workshop, tmp_path / f"bundles-{place}", about={})
        for place, workshop in (("here", here), ("there", there))
    )
    assert first.digest == second.digest
    kinds = {type(item) for call in far.calls for item in call}
    assert kinds == {Inputs, int}, "texts, and folds"
