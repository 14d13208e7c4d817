"""Folders of sound safetensors files, seeded; and the edits of an encoder's weights that are stored again."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

EDITS = ("one changed matrix", "last layer", "16 new vocabulary rows", "header edit")
_VOCABULARY = "embeddings.word_embeddings.weight"


def write_files(folder: Path, *, count: int, total_bytes: int, seed: int = 0) -> None:
    """Write `count` different files of the same size, `total_bytes` in all, 1,000 to a folder."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_safetensors(rng.bytes(max(total_bytes // count - 128, 16) // 4 * 4)))


def _safetensors(body: bytes) -> bytes:
    values = len(body) // 4
    header = json.dumps({"w": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}).encode()
    return struct.pack("<Q", 120) + header.ljust(120) + body


def edited(weights: bytes, edit: str) -> bytes:
    """The file after one of `EDITS`; seeded.

    Args:
        weights: A safetensors file of a BERT-family encoder.
        edit: One of `EDITS`.
    """
    header, tensors = _taken_apart(weights)
    rng = np.random.default_rng(0)
    if edit == "header edit":
        header["__metadata__"] = {**header.get("__metadata__", {}), "note": "edited"}
        return _put_together(header, tensors)
    for name in _changed_by(edit, header):
        noise = rng.normal(0, 0.05, len(tensors[name]) // 4).astype("<f4")
        if edit == "16 new vocabulary rows":
            width = header[name]["shape"][1]
            tensors[name] += noise[: 16 * width].tobytes()
            header[name]["shape"][0] += 16
        else:
            tensors[name] = noise.tobytes()
    return _put_together(header, tensors)


def _changed_by(edit: str, header: dict) -> list[str]:
    """Names of the tensors that an edit changes."""
    if edit == "16 new vocabulary rows":
        return [name for name in header if name.endswith(_VOCABULARY)]
    layers = {int(name.split("layer.")[1].split(".")[0]) for name in header if "layer." in name}
    last = [name for name in header if f"layer.{max(layers)}." in name]
    return last if edit == "last layer" else [next(name for name in last if name.endswith("query.weight"))]


def _taken_apart(weights: bytes) -> tuple[dict, dict[str, bytes]]:
    (length,) = struct.unpack("<Q", weights[:8])
    header = json.loads(weights[8 : 8 + length])
    start = 8 + length
    places = {name: found["data_offsets"] for name, found in header.items() if name != "__metadata__"}
    return header, {name: weights[start + low : start + high] for name, (low, high) in places.items()}


def _put_together(header: dict, tensors: dict[str, bytes]) -> bytes:
    """In the order that the tensors had."""
    order = sorted(tensors, key=lambda name: header[name]["data_offsets"][0])
    at = 0
    for name in order:
        header[name]["data_offsets"] = [at, at + len(tensors[name])]
        at += len(tensors[name])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(tensors[name] for name in order)
