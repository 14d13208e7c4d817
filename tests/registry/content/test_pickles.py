"""A pickle is known by its opcodes under any name; numbers and words are not taken for one."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.pickles import refuse_pickle

PLAIN = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


class Attack:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, ("touch planted",)


def _refuse(data: bytes, match: str = "holds a pickle", path: str = "a.bin") -> None:
    with pytest.raises(InvalidInputError, match=match):
        refuse_pickle(path, memoryview(data))


@given(value=PLAIN, protocol=st.integers(2, 5))
def test_a_pickle_of_anything_is_refused(value: object, protocol: int) -> None:
    _refuse(pickle.dumps(value, protocol), f"a pickle of protocol {protocol}")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("path", ["a.bin", "a.txt", "a.json", "a"])
def test_an_attack_is_refused_in_every_protocol_and_never_run(
    protocol: int, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _refuse(pickle.dumps(Attack(), protocol), path=path)
    assert not (tmp_path / "planted").exists()


def test_the_classic_attack_by_hand_is_refused() -> None:
    _refuse(b"cos\nsystem\n(S'true'\ntR.", "a pickle of protocol 0")
    _refuse(b"(S'true'\nios\nsystem\n.", "a pickle of protocol 0")


def test_a_pickle_with_one_large_value_is_refused() -> None:
    _refuse(pickle.dumps(bytes(200_000)))


def test_a_stated_length_past_the_end_sets_no_memory_aside() -> None:
    refuse_pickle("a.bin", memoryview(b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"abc"))


def test_a_pickle_with_something_behind_it_is_refused() -> None:
    _refuse(pickle.dumps(Attack()) + bytes(5000))


@pytest.mark.parametrize("member", ["archive/data.pkl", "data.PKL", "a/b.joblib"])
def test_a_zip_as_torch_save_writes_it_is_refused(member: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/version", "3")
        archive.writestr(member, pickle.dumps(Attack()))
    _refuse(
        buffer.getvalue(), r"it is a zip that holds .*, as torch\.save writes it", path="pytorch_model.bin"
    )


@pytest.mark.torch
@pytest.mark.parametrize("is_zip", [True, False])
def test_what_torch_saves_is_refused(is_zip: bool) -> None:
    import torch

    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(3)}, buffer, _use_new_zipfile_serialization=is_zip)
    _refuse(buffer.getvalue(), path="pytorch_model.bin")


def test_random_numbers_are_taken_for_a_pickle_about_once_in_a_million_files() -> None:
    """One file in 16,384 begins like a pickle; of those, fewer than one in 50 goes on like one."""
    rng = np.random.default_rng(5)
    taken = 0
    for protocol in rng.integers(2, 6, size=20_000):
        try:
            refuse_pickle("embeddings.bin", memoryview(bytes([0x80, protocol]) + rng.bytes(64)))
        except InvalidInputError:
            taken += 1
    assert taken < 400


@pytest.mark.parametrize(
    "text", ["cat\ndog\n.", "class\nfoo\n.", "(a) one\n.", "import os\n", "c", "i\n\n.", "PK\3\4 and", "(."]
)
def test_words_that_begin_like_a_pickle_pass(text: str) -> None:
    refuse_pickle("a.txt", memoryview(text.encode()))


@given(data=st.binary(max_size=100), start=st.sampled_from([b"a", b"i", b"\0", b"PK\5\6"]))
def test_bytes_that_begin_like_no_pickle_pass(data: bytes, start: bytes) -> None:
    refuse_pickle("a.bin", memoryview(start + data))
