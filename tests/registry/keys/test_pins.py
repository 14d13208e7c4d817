from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.registry.keys import pins as keys_pins
from smallcraft.registry.keys.pins import (
    Pin,
    Pins,
    compare,
    compare_checkpoints,
    encode_pin,
    open_pin,
    parse_pin,
)
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tiles import TileLog

ORIGIN = "example.com/registry"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
OTHER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
ENTRIES = [f"entry {number}".encode() for number in range(300)]
FORKED = [*ENTRIES[:20], b"another", *ENTRIES[21:]]


def log_of(entries: list[bytes]) -> TileLog:
    grown = TileLog({}.__getitem__, 0).append(entries)
    return TileLog(grown.files.__getitem__, grown.size)


def state(log: TileLog) -> Checkpoint:
    return Checkpoint(ORIGIN, log.size, log.root())


def pin_of(entries: list[bytes], signer: Signer = SIGNER) -> Pin:
    return open_pin(sign_checkpoint(state(log_of(entries)), signer), signer.vkey)


def standing(known: list[bytes], seen: list[bytes]) -> str:
    log = log_of(seen)
    return compare(pin_of(known), state(log), keys=[SIGNER.vkey], consistency=log.consistency).standing


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_log_that_only_grew_is_well(first, second):
    old, new = sorted((first, second))
    assert standing(ENTRIES[:old], ENTRIES[:new]) == ("same" if old == new else "ahead")


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_log_that_shrank_was_rolled_back(first, second):
    small, large = sorted((first, second))
    if small < large:
        assert standing(ENTRIES[:large], ENTRIES[:small]) == "rollback"


@given(st.integers(21, 300), st.integers(21, 300))
def test_a_log_with_another_past_was_forked(known, seen):
    expected = "fork" if seen >= known else "rollback"
    assert standing(ENTRIES[:known], FORKED[:seen]) == expected


def test_a_stolen_key_that_forks_is_caught_by_the_pin():
    """The thief signs well, with the true key; the pin knows what that key signed before."""
    log = log_of([*FORKED, b"and on"])
    stolen = sign_checkpoint(state(log), SIGNER)
    seen = open_pin(stolen, SIGNER.vkey).checkpoint
    result = compare(pin_of(ENTRIES), seen, keys=[SIGNER.vkey], consistency=log.consistency)
    assert (result.standing, result.is_well) == ("fork", False)
    assert "the log was forked: its first 300 entries had root sha256:" in result.message


def test_a_rollback_says_both_sizes():
    log = log_of(ENTRIES[:7])
    result = compare(pin_of(ENTRIES), state(log), keys=[SIGNER.vkey], consistency=log.consistency)
    assert "300 entries were verified before, now it has 7" in result.message


def test_another_key_is_named_unless_it_was_handed_over():
    log = log_of(ENTRIES)
    known = pin_of(ENTRIES[:5])
    result = compare(known, state(log), keys=[OTHER.vkey], consistency=log.consistency)
    assert result.standing == "another key"
    assert SIGNER.vkey in result.message
    assert OTHER.vkey in result.message
    handed = compare(known, state(log), keys=[SIGNER.vkey, OTHER.vkey], consistency=log.consistency)
    assert (handed.standing, handed.is_well) == ("ahead", True)
    nobody = compare(known, state(log), keys=[], consistency=log.consistency)
    assert nobody.standing == "another key"


def test_another_origin_is_another_log():
    log = log_of(ENTRIES)
    seen = replace(state(log), origin="example.com/other")
    result = compare(pin_of(ENTRIES), seen, keys=[SIGNER.vkey], consistency=log.consistency)
    assert result.standing == "another key"


def test_a_log_that_cannot_prove_its_past_counts_as_forked():
    def broken(old_size: int) -> tuple[bytes, ...]:
        raise IntegrityError("log/tile/0/000: not stored")

    seen = state(log_of(ENTRIES))
    assert compare_checkpoints(state(log_of(ENTRIES[:9])), seen, consistency=broken).standing == "fork"


def test_a_pin_reads_back_as_it_was(tmp_path):
    pins, pin = Pins(tmp_path), pin_of(ENTRIES)
    assert pins.read(ORIGIN) is None
    pins.write(pin)
    assert pins.read(ORIGIN) == pin
    assert parse_pin(encode_pin(pin), path="p") == pin
    assert stat.S_IMODE(pins.path(ORIGIN).stat().st_mode) == 0o600
    assert [path.name for path in pins.folder.iterdir()] == [pins.path(ORIGIN).name]


def test_a_pin_only_moves_forward(tmp_path):
    pins = Pins(tmp_path)
    for size, kept in ((5, 5), (9, 9), (7, 9)):
        pins.write(pin_of(ENTRIES[:size]))
        pin = pins.read(ORIGIN)
        assert pin is not None
        assert pin.checkpoint.size == kept


def test_a_fork_does_not_replace_the_pin_that_shows_it(tmp_path):
    pins = Pins(tmp_path)
    pins.write(pin_of(ENTRIES))
    with pytest.raises(IntegrityError, match="the log was forked: its first 300 entries"):
        pins.write(pin_of(FORKED))
    assert pins.read(ORIGIN) == pin_of(ENTRIES)
    pins.path(ORIGIN).write_bytes(b"nonsense")
    with pytest.raises(IntegrityError, match="this pin was altered"):
        pins.write(pin_of(ENTRIES))


@given(st.data())
def test_an_altered_pin_is_refused(data):
    text = encode_pin(pin_of(ENTRIES[:9]))
    at = data.draw(st.integers(0, len(text) - 1))
    altered = text[:at] + bytes([text[at] ^ 1 << data.draw(st.integers(0, 7))]) + text[at + 1 :]
    with pytest.raises(IntegrityError, match=r"home/x.pin: this pin was altered .*delete this file"):
        parse_pin(altered, path="home/x.pin")


def test_a_pin_of_another_log_in_its_place_is_refused(tmp_path):
    pins = Pins(tmp_path)
    pins.write(pin_of(ENTRIES))
    Path(pins.path(ORIGIN)).rename(pins.path("example.com/other"))
    with pytest.raises(IntegrityError, match=f"this pin is of '{ORIGIN}', not of 'example.com/other'"):
        pins.read("example.com/other")


def within(seconds: float, work: Callable[[], object]) -> None:
    """Fail, instead of waiting for ever, where a thread waits for itself."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits for itself"


@pytest.mark.parametrize("late_entries", [ENTRIES, FORKED[:200]], ids=["well", "a fork"])
def test_a_pin_that_comes_while_another_is_written_is_kept_right_after_it(
    tmp_path, monkeypatch, late_entries
):
    pins, replace_file = Pins(tmp_path), keys_pins._replace_file

    def interrupted(path, data):
        monkeypatch.undo()
        pins.write(pin_of(late_entries))
        replace_file(path, data)

    monkeypatch.setattr(keys_pins, "_replace_file", interrupted)
    within(60, lambda: pins.write(pin_of(ENTRIES[:200])))
    is_well = late_entries is ENTRIES
    assert pins.read(ORIGIN) == pin_of(ENTRIES if is_well else ENTRIES[:200])


def test_a_pin_that_cannot_be_kept_does_not_keep_the_late_one_away(tmp_path, monkeypatch):
    pins = Pins(tmp_path)

    def full(path, data):
        monkeypatch.undo()
        pins.write(pin_of(ENTRIES))
        raise OSError(28, "No space left on device")

    def write():
        with pytest.raises(OSError, match="No space"):
            pins.write(pin_of(ENTRIES[:200]))

    monkeypatch.setattr(keys_pins, "_replace_file", full)
    within(60, write)
    assert pins.read(ORIGIN) == pin_of(ENTRIES)
