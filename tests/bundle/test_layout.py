"""The files of a bundle: what is written is what is read, and nothing else is."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.models.toys import MIXED, toy_workshop

import smallcraft
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.canonical import digest_bytes, digest_file
from smallcraft.errors import BundleFormatError, IntegrityError, NotFoundError
from smallcraft.models.backbone import find_backbone
from smallcraft.models.ladder import fit_rung


def files_with(folder: Path, path: str, data: bytes) -> BundleFiles:
    """A directory of one file that is recorded as it is."""
    (folder / path).write_bytes(data)
    return BundleFiles(folder, {path: digest_bytes(data)})


def test_what_is_written_is_what_is_read(tmp_path):
    writer = BundleWriter(tmp_path / "bundle")
    arrays = {"b": np.arange(6).reshape(2, 3), "a": np.array(["x", "yy"]), "empty": np.empty((0, 4))}
    npz, raw = writer.add_arrays("deep/er/arrays.npz", arrays), writer.add("raw.bin", b"\x00\x01")
    digest = writer.finish({"note": "kept"})
    description, found = read_description(tmp_path / "bundle")
    assert (found, description["note"]) == (digest, "kept")
    files = BundleFiles(tmp_path / "bundle", listed_digests(description))
    assert files.read(raw) == b"\x00\x01"
    read = files.arrays(npz)
    assert {name: array.tolist() for name, array in read.items()} == {
        n: a.tolist() for n, a in arrays.items()
    }
    assert all(read[name].dtype == arrays[name].dtype for name in arrays)


def test_every_file_is_listed_with_its_digest_and_size(tmp_path):
    writer = BundleWriter(tmp_path / "bundle")
    writer.add("a/b.bin", b"12345")
    writer.finish({})
    listed = read_description(tmp_path / "bundle")[0]["files"]
    assert listed == {"a/b.bin": {"digest": digest_bytes(b"12345"), "size_bytes": 5}}


def test_the_same_bytes_twice_are_one_file_and_others_get_a_name_of_their_own(tmp_path):
    writer = BundleWriter(tmp_path / "bundle")
    assert writer.add("t.json", b"one") == "t.json"
    assert writer.add("t.json", b"one") == "t.json"
    assert writer.add("t.json", b"two") == "t-2.json"
    assert writer.add("t.json", b"three") == "t-3.json"
    assert writer.add("t.json", b"two") == "t-2.json"
    assert (tmp_path / "bundle" / "t.json").read_bytes() == b"one"
    assert sorted(path.name for path in (tmp_path / "bundle").iterdir()) == ["t-2.json", "t-3.json", "t.json"]


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.int8, np.int64, np.uint8]),
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=0),
    )
)
def test_the_same_arrays_give_the_same_bytes_in_any_order_and_memory_layout(tmp_path_factory, array):
    one, two = (BundleWriter(tmp_path_factory.mktemp("w") / "bundle") for _ in range(2))
    one.add_arrays("x.npz", {"a": array, "b": array.T})
    two.add_arrays("x.npz", {"b": np.array(array.T, order="C"), "a": np.array(array, order="F")})
    assert one.finish({}) == two.finish({})


def test_an_object_array_is_never_written(tmp_path):
    writer = BundleWriter(tmp_path / "bundle")
    with pytest.raises(AssertionError, match="no pickles"):
        writer.add_arrays("x.npz", {"a": np.array([{}])})


def test_pickled_objects_are_refused_and_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([Bomb()], dtype=object))
    for data in (buffer.getvalue(), pickle.dumps(Bomb())):
        with pytest.raises(BundleFormatError, match=r"x\.npz must hold plain arrays"):
            files_with(tmp_path, "x.npz", data).arrays("x.npz")
    assert not (tmp_path / "exploded").exists()


def npy_bytes() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return buffer.getvalue()


@pytest.mark.parametrize("data", [b"", b"garbage", b"PK\x03\x04garbage", npy_bytes()])
def test_what_is_no_archive_of_arrays_is_refused(tmp_path, data):
    with pytest.raises(BundleFormatError, match=r"x\.npz must hold plain arrays"):
        files_with(tmp_path, "x.npz", data).arrays("x.npz")


@pytest.mark.parametrize("data", [b"", b"{}", b"garbage", b'{"model": 3}'])
def test_what_is_no_tokenizer_is_refused(tmp_path, data):
    with pytest.raises(BundleFormatError, match=r"t\.json is no tokenizer"):
        files_with(tmp_path, "t.json", data).tokenizer("t.json")


@pytest.mark.parametrize("path", ["../x", "/etc/hostname", "a/../../x", "unlisted"])
def test_only_listed_paths_inside_the_directory_are_read(tmp_path, path):
    (tmp_path / "unlisted").write_bytes(b"there all the same")
    digests = {path: digest_bytes(b"")} if path != "unlisted" else {}
    with pytest.raises(IntegrityError, match="is not listed in"):
        BundleFiles(tmp_path, digests).read(path)


def test_bytes_are_read_once_so_a_later_change_has_no_effect(tmp_path):
    files = files_with(tmp_path, "x.bin", b"checked")
    assert files.read("x.bin") == b"checked"
    (tmp_path / "x.bin").write_bytes(b"swapped afterwards")
    assert files.read("x.bin") == b"checked"


def test_a_directory_in_place_of_a_file_is_found(tmp_path):
    (tmp_path / "x.bin").mkdir()
    with pytest.raises(IntegrityError, match=r"x\.bin is listed in bundle\.json but cannot be read"):
        BundleFiles(tmp_path, {"x.bin": digest_bytes(b"")}).read("x.bin")


def test_blocks_of_one_tokenizer_file_share_one_tokenizer(bundles):
    root = bundles["cascade"].bundle
    files = BundleFiles(root, listed_digests(read_description(root)[0]))
    assert files.tokenizer("tokenizer.json") is files.tokenizer("tokenizer.json")


def test_no_directory_or_no_description_is_no_bundle(tmp_path):
    with pytest.raises(NotFoundError, match=r"No such file.*`smallcraft build` prints the path"):
        read_description(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotFoundError, match=r"has no bundle\.json"):
        read_description(tmp_path / "file")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"{'format': 1}"])
def test_a_description_that_is_not_json_is_refused(tmp_path, data):
    (tmp_path / "bundle.json").write_bytes(data)
    with pytest.raises(BundleFormatError, match=r"bundle\.json is not JSON"):
        read_description(tmp_path)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"{}", "None"),
        (b'{"format":2}', "2"),
        (b'{"format":"1"}', "'1'"),
        (b"[]", "'list'"),
        (b"null", "'NoneType'"),
    ],
)
def test_another_format_is_refused_with_what_reads_it(tmp_path, data, found):
    (tmp_path / "bundle.json").write_bytes(data)
    with pytest.raises(BundleFormatError, match=f"bundle format 1, got {found}; read it with the smallcraft"):
        read_description(tmp_path)


MAKE_BUNDLES = """
import sys
from pathlib import Path
from tests.bundle.test_layout import make_bundles
print(*make_bundles(Path(sys.argv[1]), sys.argv[2]))
"""


def make_bundles(folder: Path, backbone: str) -> list[str]:
    workshop = toy_workshop(folder, MIXED, backbone=find_backbone(backbone), n=60)
    return [fit_rung(rung, workshop, folder, about={}).digest for rung in ("ngram", "trees", "cascade")]


@pytest.mark.slow
def test_the_same_candidates_give_the_same_bytes_in_another_process(tmp_path, tiny_backbone):
    """With another hash seed, another number of threads, and in another folder."""
    source = Path(smallcraft.__file__).parents[1]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    run = subprocess.run(
        [sys.executable, "-c", MAKE_BUNDLES, str(tmp_path / "there"), tiny_backbone.name],
        capture_output=True,
        text=True,
        check=False,
        env={
            # Which of its kernels OpenBLAS takes is this machine's choice, not what is tested.
            **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
            "PYTHONPATH": f"{source}{os.pathsep}{Path(__file__).parents[2]}",
            "PYTHONHASHSEED": "12345",
            **dict.fromkeys(threads, "2"),
        },
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == make_bundles(tmp_path / "here", tiny_backbone.name)
    here = {path.name: path for path in (tmp_path / "here").glob("*-????????????")}
    assert len(here) == 3
    for name, root in here.items():
        files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
        there = tmp_path / "there" / name
        assert [digest_file(root / file) for file in files] == [digest_file(there / file) for file in files]
