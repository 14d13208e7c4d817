"""The device zip: whole or not at all, the same every time, checked by its own list of sums."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from smallcraft.canonical import digest_file
from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.pipeline.device import write_device_zip

BUNDLE = {
    "bundle.json": b'{"classes": ["a", "b"], "inputs": {"text": "text", "numbers": [], "categories": []}}',
    "heads/fast.npz": b"numbers",
}


def read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_holds_the_bundle_the_runtime_and_the_papers_in_one_folder(tmp_path):
    written = write_device_zip("toys@1", BUNDLE, tmp_path / "new" / "toys.zip")
    assert (written.digest, written.size_bytes) == (digest_file(written.path), written.path.stat().st_size)
    found = read(written.path)
    assert {name.split("/")[0] for name in found} == {"toys"}
    for path, data in BUNDLE.items():
        assert found[f"toys/bundle/{path}"] == data
    assert "toys/smallcraft/bundle/runtime.py" in found
    assert b"Apache License" in found["toys/smallcraft/LICENSE"]
    assert found["toys/README.md"].startswith(b"# toys@1, for a device")
    assert [path.name for path in written.path.parent.iterdir()] == ["toys.zip"]


def test_every_file_stands_in_the_list_of_sums(tmp_path):
    found = read(write_device_zip("toys@1", BUNDLE, tmp_path / "toys.zip").path)
    sums = found.pop("toys/SHA256SUMS").decode()
    listed = dict(reversed(line.split("  ")) for line in sums.splitlines())
    assert listed == {
        name.removeprefix("toys/"): hashlib.sha256(data).hexdigest() for name, data in found.items()
    }


def test_the_same_bundle_gives_the_same_bytes_and_is_not_written_again(tmp_path):
    first = write_device_zip("toys@1", BUNDLE, tmp_path / "a" / "toys.zip")
    second = write_device_zip("toys@1", dict(reversed(BUNDLE.items())), tmp_path / "b" / "toys.zip")
    assert first.digest == second.digest
    assert write_device_zip("toys@1", BUNDLE, first.path).digest == first.digest


def test_only_a_bundle_with_a_graph_asks_for_onnxruntime(tmp_path):
    plain = read(write_device_zip("toys@1", BUNDLE, tmp_path / "plain.zip").path)
    graph = {**BUNDLE, "model.onnx": b"graph"}
    with_graph = read(write_device_zip("toys@1", graph, tmp_path / "graph.zip").path)
    names = [
        [line.partition(b"==")[0] for line in lines.splitlines()]
        for lines in (plain["plain/requirements.txt"], with_graph["graph/requirements.txt"])
    ]
    assert names == [[b"numpy", b"tokenizers"], [b"numpy", b"onnxruntime", b"tokenizers"]]


def test_something_else_of_that_name_is_left_as_it_is(tmp_path):
    (tmp_path / "toys.zip").write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match="already holds something else; choose another name"):
        write_device_zip("toys@1", BUNDLE, tmp_path / "toys.zip")
    assert (tmp_path / "toys.zip").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["toys.zip"]


def test_another_ending_is_refused_with_the_name_to_write(tmp_path):
    with pytest.raises(InvalidInputError, match=r"one zip, got .*; write toys\.zip"):
        write_device_zip("toys@1", BUNDLE, tmp_path / "toys")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SmallcraftError, match=r"writing .* stopped"):
        write_device_zip("toys@1", BUNDLE, tmp_path / "file" / "toys.zip")
