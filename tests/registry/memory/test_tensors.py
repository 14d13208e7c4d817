from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.tensors import compare_tensors, list_tensors

ARRAYS = st.dictionaries(
    st.sampled_from(["bias", "weights", "keys"]),
    st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda v: np.array(v, dtype=np.float32)),
    min_size=1,
)


def npz(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def compare(before, after):
    digests = [{path: digest_bytes(data) for path, data in side.items()} for side in (before, after)]
    return compare_tensors(*digests, before.__getitem__, after.__getitem__)


@pytest.mark.parametrize(("suffix", "write"), [("npz", npz), ("safetensors", save)])
def test_both_formats_list_the_same_arrays(suffix, write):
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(2, dtype=np.int64)}
    found = list_tensors(f"heads/x.{suffix}", write(arrays))
    assert [(tensor.label, tensor.shape) for tensor in found] == [
        (f"heads/x.{suffix}:a", (2,)),
        (f"heads/x.{suffix}:b", (2, 3)),
    ]
    assert [tensor.digest for tensor in found] == [
        digest_bytes(arrays[name].tobytes()) for name in ("a", "b")
    ]


def test_any_other_file_is_one_piece():
    (piece,) = list_tensors("model.onnx", b"graph")
    assert (piece.label, piece.dtype, piece.shape) == ("model.onnx", "file", (5,))


def test_only_the_array_that_changed_is_named():
    before = {"m.npz": npz({"bias": np.zeros(2), "weights": np.ones(3)}), "tokenizer.json": b"{}"}
    after = {"m.npz": npz({"bias": np.zeros(2), "weights": np.ones(3) * 2}), "tokenizer.json": b"{}"}
    found = compare(before, after)
    assert (found.changed, found.added, found.removed, found.same) == (("m.npz:weights",), (), (), 2)


def test_a_change_of_shape_or_type_alone_is_a_change():
    for other in (np.zeros(4).reshape(2, 2), np.zeros(4).view(np.int64)):
        assert compare({"m.npz": npz({"a": np.zeros(4)})}, {"m.npz": npz({"a": other})}).changed == (
            "m.npz:a",
        )


@given(ARRAYS, ARRAYS)
def test_every_array_is_changed_added_removed_or_the_same(before, after):
    found = compare({"m.npz": npz(before)}, {"m.npz": npz(after)})
    if npz(before) == npz(after):
        assert (found.changed, found.added, found.removed, found.same) == ((), (), (), 1)
        return
    assert len(found.changed) + len(found.removed) + found.same == len(before)
    assert len(found.changed) + len(found.added) + found.same == len(after)


@given(ARRAYS)
def test_a_file_written_in_another_order_holds_the_same_arrays(arrays):
    turned = dict(reversed(arrays.items()))
    assert list_tensors("m.npz", npz(arrays)) == list_tensors("m.npz", npz(turned))


def test_a_file_that_both_share_is_not_read():
    digests = {"weights.bin": "sha256:same"}

    def refuse(path):
        pytest.fail(f"{path} was read")

    assert compare_tensors(digests, digests, refuse, refuse).same == 1


@pytest.mark.parametrize("path", ["m.npz", "m.safetensors"])
def test_a_pickle_in_place_of_arrays_is_refused(path):
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{"evil": 1}], dtype=object))
    with pytest.raises(IntegrityError, match=rf"{path}.* must (be plain values|hold plain tensors)"):
        list_tensors(path, buffer.getvalue())
    with pytest.raises(IntegrityError, match=rf"{path} (is no zip|must hold plain tensors)"):
        list_tensors(path, b"\x80\x04.")
