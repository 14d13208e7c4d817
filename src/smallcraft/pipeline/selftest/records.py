"""Promises of what is kept: the ledger of looks at the sealed set, and the registry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from smallcraft.errors import IntegrityError, MeteredError
from smallcraft.evaluate.meter.ledger import Ledger, open_ledger, verify_ledger
from smallcraft.pipeline.selftest.promise import Promise, expect
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_LOOKS, _BITS = 3, 10.0


def an_edited_look_is_found(folder: Path, seed: int) -> str:
    """One digit of one answer."""
    path = folder / "ledger.jsonl"
    _look(open_ledger(path), _LOOKS, seed)
    path.write_bytes(path.read_bytes().replace(b'"score":0.7', b'"score":0.8', 1))
    try:
        verify_ledger(path)
    except IntegrityError as error:
        return expect("line 1" in str(error), str(error))
    return expect(holds=False, seen="an edited answer went unnoticed")


def a_spent_test_set_does_not_answer(folder: Path, seed: int) -> str:
    """Three looks of ten bits where twenty-five are allowed."""
    ledger = open_ledger(folder / "ledger.jsonl", max_bits=25.0)
    _look(ledger, _LOOKS, seed)
    try:
        _look(ledger, _LOOKS + 1, seed)
    except MeteredError as error:
        return expect(len(ledger.entries) == _LOOKS, f"refused after {_LOOKS} looks: {error}")
    return expect(holds=False, seen="a spent test set answered")


def one_changed_byte_is_found(folder: Path, seed: int) -> str:
    """A byte of a stored file, drawn by the seed."""
    registry = Registry.create(folder / "registry")
    content = np.random.default_rng(seed).bytes(1000)
    release = registry.publish("selftest", {"weights.bin": content}, {"name": "selftest"}, now=_NOW)
    verify_registry(folder / "registry")
    digest = next(file.digest for file in release.files if file.path == "weights.bin")
    blob = folder / "registry" / "blobs" / "sha256" / digest.removeprefix("sha256:")
    place = int(np.random.default_rng(seed).integers(len(content)))
    blob.chmod(0o644)
    blob.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    try:
        verify_registry(folder / "registry")
    except IntegrityError as error:
        return expect("weights.bin" in str(error), f"byte {place} changed: weights.bin is named")
    return expect(holds=False, seen=f"a change of byte {place} went unnoticed")


def _look(ledger: Ledger, looks: int, seed: int) -> None:
    for look in range(looks):
        ledger.ask(
            f"candidate {seed}-{look}",
            "metric and margin",
            "rows",
            lambda: {"score": 0.7},
            bits=_BITS,
            now=_NOW,
        )


PROMISES = (
    Promise("records", "an edited look at the sealed set is found", an_edited_look_is_found),
    Promise("records", "a spent test set does not answer", a_spent_test_set_does_not_answer),
    Promise("records", "one changed byte of a release is found and named", one_changed_byte_is_found),
)
