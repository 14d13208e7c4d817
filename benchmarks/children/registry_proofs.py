"""Random inclusion and consistency proofs, and checkpoints, as questions to Go's own packages; one a line."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.registry.tlog import tree
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tiles import TileLog

_LOG_SIZE, _SIZES, _CHECKPOINTS = 5000, 60, 100


def main() -> None:
    """Write the questions to a file, every other one with a bit flipped."""
    job = read_job()
    rng = random.Random(job["seed"])
    entries = [rng.randbytes(rng.randrange(1, 300)) for _ in range(_LOG_SIZE)]
    frontier, roots = tree.Frontier(), [tree.EMPTY_ROOT]
    for entry in entries:
        frontier = frontier.with_leaves([tree.leaf_hash(entry)])
        roots.append(frontier.root)
    files = dict(TileLog({}.__getitem__, 0).append(entries).files)
    sizes = sorted({1, 2, 256, 257, _LOG_SIZE, *(rng.randrange(1, _LOG_SIZE) for _ in range(_SIZES))})
    logs = [TileLog(_reader(files), size, root=roots[size]) for size in sizes]
    questions = [_question(rng, rng.choice(logs), entries, roots) for _ in range(job["proofs"])]
    questions += [_checkpoint(rng, roots) for _ in range(_CHECKPOINTS)]
    lines = [line for question in questions for line in (question, _mutated(rng, question))]
    Path(job["questions"]).write_text("".join(json.dumps(line) + "\n" for line in lines))
    print_answer({"questions": len(questions)})


def _reader(files: Mapping[str, bytes]) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return read


def _question(rng: random.Random, log: TileLog, entries: list[bytes], roots: list[bytes]) -> dict[str, Any]:
    asked = {"size": log.size, "root": _text(roots[log.size])}
    if log.size == 1 or rng.random() < 0.5:
        index = rng.randrange(log.size)
        asked |= {"op": "included", "index": index, "leaf": _text(tree.leaf_hash(entries[index]))}
        return {**asked, "proof": [_text(one) for one in log.inclusion(index)]}
    old = rng.randrange(1, log.size)
    asked |= {"op": "consistent", "oldsize": old, "oldroot": _text(roots[old])}
    return {**asked, "proof": [_text(one) for one in log.consistency(old)]}


def _checkpoint(rng: random.Random, roots: list[bytes]) -> dict[str, Any]:
    size = rng.randrange(1, _LOG_SIZE)
    signer = Signer("example.com/bench", Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)))
    note = sign_checkpoint(Checkpoint("example.com/bench", size, roots[size]), signer)
    return {"op": "note", "note": _text(note), "keys": [signer.vkey]}


def _mutated(rng: random.Random, question: dict[str, Any]) -> dict[str, Any]:
    """One bit flipped in a hash, or in the note."""
    field = "note" if question["op"] == "note" else "root"
    data = bytearray(base64.b64decode(question[field]))
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    return {**question, field: _text(bytes(data))}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


if __name__ == "__main__":
    main()
