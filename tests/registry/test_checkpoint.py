import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.registry.checkpoint import (
    checkpoint_of,
    encode_checkpoint,
    merkle_root,
    parse_checkpoint,
)

# the test tree of the Certificate Transparency reference implementations
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: split at the largest power of two below n."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = recursive_root(leaves[:split]), recursive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_merkle_root_agrees_with_the_published_vectors(size):
    assert merkle_root(LEAVES[:size]) == f"sha256:{ROOTS[size]}"


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_merkle_root_agrees_with_the_recursive_definition(leaves):
    assert merkle_root(leaves) == "sha256:" + recursive_root(leaves).hex()


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_a_checkpoint_reads_back_as_written(entries):
    checkpoint = checkpoint_of("example.org/log", entries)
    assert parse_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


def test_a_checkpoint_has_the_lines_of_c2sp():
    lines = encode_checkpoint(checkpoint_of("example.org/log", [b""])).decode().split("\n")
    assert lines[:3] == ["example.org/log", "1", "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="]
    assert lines[3] == "head sha256:" + hashlib.sha256(b"").hexdigest()


@given(st.data())
def test_one_changed_byte_is_another_checkpoint_or_none(data):
    """Base64 has spare bits at its end; a second spelling of one root is refused."""
    written = encode_checkpoint(checkpoint_of("example.org/log", [b"a", b"b"]))
    position = data.draw(st.integers(0, len(written) - 1))
    changed = bytearray(written)
    changed[position] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(IntegrityError):
        assert parse_checkpoint(bytes(changed)) != parse_checkpoint(written)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"o\n01\n", b"o\n1\nAAAA\nhead none\n", b"o\n-1\nAAAA\nhead none\n"],
)
def test_what_is_no_checkpoint_is_refused_with_the_remedy(data):
    with pytest.raises(IntegrityError, match=r"log/checkpoint: .*restore it from a copy"):
        parse_checkpoint(data)
