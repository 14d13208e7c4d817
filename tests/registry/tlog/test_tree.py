from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog import tree

LEAVES = [tree.leaf_hash(str(number).encode()) for number in range(300)]


def reader(level: int, index: int) -> bytes:
    return plain_root(LEAVES[index << level : (index + 1) << level])


def plain_root(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: the oracle of everything below."""
    if not hashes:
        return tree.EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return tree.node_hash(plain_root(hashes[:split]), plain_root(hashes[split:]))


sizes = st.integers(0, len(LEAVES))


def test_hashes_are_those_of_the_rfc():
    # Known answers that every RFC 6962 log shares (Certificate Transparency's test vectors).
    assert tree.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    entries = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")]
    hashes = [tree.leaf_hash(entry) for entry in entries]
    assert (
        tree.root_of(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert (
        tree.root_of(hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )
    assert tree.root_of(hashes).hex() == "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"


@given(sizes)
def test_root_agrees_with_the_definition(size):
    expected = plain_root(LEAVES[:size])
    assert tree.root_of(LEAVES[:size]) == tree.frontier_of(size, reader).root == expected


@given(sizes, sizes)
def test_appending_in_two_steps_gives_the_same_tree(first, second):
    low, high = sorted((first, second))
    grown = tree.Frontier().with_leaves(LEAVES[:low]).with_leaves(LEAVES[low:high])
    assert grown == tree.Frontier().with_leaves(LEAVES[:high])


@given(st.integers(1, len(LEAVES)), st.data())
def test_every_leaf_is_proven(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size, reader)
    tree.check_inclusion(proof, index=index, size=size, leaf=LEAVES[index], root=plain_root(LEAVES[:size]))
    assert len(proof) <= (size - 1).bit_length()


@given(sizes, sizes)
def test_every_older_tree_is_continued(first, second):
    old, new = sorted((first, second))
    proof = tree.consistency_proof(old, new, reader)
    roots = {"old_root": plain_root(LEAVES[:old]), "new_root": plain_root(LEAVES[:new])}
    tree.check_consistency(proof, old_size=old, new_size=new, **roots)


def test_all_small_trees_prove_all_their_leaves_and_pasts():
    roots = [plain_root(LEAVES[:size]) for size in range(34)]
    for size in range(34):
        for index in range(size):
            proof = tree.inclusion_proof(index, size, reader)
            tree.check_inclusion(proof, index=index, size=size, leaf=LEAVES[index], root=roots[size])
        for old in range(size + 1):
            proof = tree.consistency_proof(old, size, reader)
            tree.check_consistency(
                proof, old_size=old, new_size=size, old_root=roots[old], new_root=roots[size]
            )


@given(st.integers(2, len(LEAVES)), st.data())
def test_a_proof_of_one_leaf_is_none_of_another(size, data):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda value: value != index))
    proof = tree.inclusion_proof(index, size, reader)
    root = plain_root(LEAVES[:size])
    for leaf, at in ((LEAVES[other], index), (LEAVES[index], other)):
        with pytest.raises(IntegrityError, match="does not show entry"):
            tree.check_inclusion(proof, index=at, size=size, leaf=leaf, root=root)


@given(st.integers(2, len(LEAVES)), st.data())
def test_a_rewritten_past_is_no_past(size, data):
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*LEAVES[:changed], tree.leaf_hash(b"another"), *LEAVES[changed + 1 : size]]

    def other(level: int, index: int) -> bytes:
        return plain_root(rewritten[index << level : (index + 1) << level])

    with pytest.raises(IntegrityError, match="history was rewritten"):
        tree.check_consistency(
            tree.consistency_proof(old, size, other),
            old_size=old,
            new_size=size,
            old_root=plain_root(LEAVES[:old]),
            new_root=plain_root(rewritten),
        )


@pytest.mark.parametrize("change", ["flip", "drop", "double", "cut", "append"])
@given(size=st.integers(2, len(LEAVES)), data=st.data())
def test_an_altered_proof_is_refused(change, size, data):
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    index = rng.randrange(size)
    proof = list(tree.inclusion_proof(index, size, reader))
    place = rng.randrange(len(proof))
    item = proof[place]
    proof[place : place + 1] = {
        "flip": [bytes([item[0] ^ 1 << rng.randrange(8)]) + item[1:]],
        "drop": [],
        "double": [item, item],
        "cut": [item[:-1]],
        "append": [item, rng.randbytes(32)],
    }[change]
    with pytest.raises(IntegrityError, match="does not show entry"):
        tree.check_inclusion(
            proof, index=index, size=size, leaf=LEAVES[index], root=plain_root(LEAVES[:size])
        )


def test_a_root_alone_does_not_fix_the_size():
    """Which is why a proof is only ever checked against a signed checkpoint."""
    proof = tree.inclusion_proof(0, 3, reader)
    tree.check_inclusion(proof, index=0, size=4, leaf=LEAVES[0], root=plain_root(LEAVES[:3]))
    assert plain_root(LEAVES[:3]) != plain_root(LEAVES[:4])


def test_the_empty_tree_is_continued_by_any_without_a_proof():
    root = plain_root(LEAVES[:5])
    tree.check_consistency((), old_size=0, new_size=5, old_root=tree.EMPTY_ROOT, new_root=root)
    for proof, old_root in (((LEAVES[0],), tree.EMPTY_ROOT), ((), LEAVES[0])):
        with pytest.raises(IntegrityError, match="does not continue the log of 0 entries"):
            tree.check_consistency(proof, old_size=0, new_size=5, old_root=old_root, new_root=root)


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 4), (3, 4)])
def test_a_consistency_that_cannot_be_is_refused(old, new):
    with pytest.raises(IntegrityError, match="does not continue"):
        tree.check_consistency((), old_size=old, new_size=new, old_root=LEAVES[0], new_root=LEAVES[1])


@pytest.mark.parametrize(("index", "size"), [(4, 4), (-1, 4), (0, 0)])
def test_an_index_outside_the_log_proves_nothing(index, size):
    with pytest.raises(IntegrityError, match="proves nothing"):
        tree.check_inclusion((), index=index, size=size, leaf=LEAVES[0], root=LEAVES[0])
    with pytest.raises(InvalidInputError, match="an index must be from 0"):
        tree.inclusion_proof(index, size, reader)


def test_a_future_size_has_no_consistency_proof():
    with pytest.raises(InvalidInputError, match="an older size must be from 0 to 4, got 5"):
        tree.consistency_proof(5, 4, reader)
