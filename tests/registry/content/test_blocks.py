"""Plans on small files of every shape, and the promised sizes on the weights of a real encoder."""

import json
import struct
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.blocks import MOST_PIECES, Parent, plan
from smallcraft.registry.content.recipes import encode_recipe, needed, parse_recipe, rebuild
from smallcraft.registry.content.tensors import cut
from smallcraft.registry.tlog.entry import Content

MIB = 1 << 20
PATH = "model.safetensors"
NOISE = np.random.default_rng(7).normal(0, 0.05, 1 << 20).astype("<f4")


def content_of(data):
    return Content(digest_bytes(data), len(data))


def parent_of(data, path=PATH, recipe=None):
    return Parent(content_of(data), memoryview(data), cut(memoryview(data), path=path), recipe)


def planned(new, *parents, path=PATH):
    return plan(memoryview(new), parents, path=path)


def stored(*plans, whole=()):
    """A store that holds whole files and the new bytes of plans."""
    blobs = {digest_bytes(data): data for data in whole}
    blobs |= {made.literal_digest: made.literal for made in plans if made.literal}
    return lambda digest, offset, length: memoryview(blobs[digest])[offset : offset + length]


def remade(made, read, new):
    """The file of a plan, read back through the stored form of its recipe."""
    return rebuild(parse_recipe(encode_recipe(made.recipe), wanted=content_of(new)), read)


def encode(tensors, **metadata):
    """A safetensors file with its tensors in the given order; safetensors itself sorts them."""
    header, at = {"__metadata__": {"format": "pt", **metadata}}, 0
    for name, array in tensors.items():
        dtype = {"f4": "F32", "f2": "F16", "i8": "I64"}[array.dtype.str[1:]]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in tensors.values())


def weights(count=8, *, rows=300, seed=0):
    """Named matrices, 2.3 MiB in all."""
    start = seed * 1000
    return {
        f"encoder.layer.{number}.weight": NOISE[start + number * 90_000 :][: rows * 256].reshape(rows, 256)
        for number in range(count)
    }


def reshape(tensors, draw):
    """One thing that happens to a file of weights."""
    names = list(tensors)
    name = draw(st.sampled_from(names))
    old = tensors[name]
    kind = draw(st.sampled_from(["set", "drop", "add", "reorder", "rename", "grow", "shrink", "tune"]))
    row, count = draw(st.integers(0, len(old) - 1)), draw(st.integers(1, 20))
    fresh = NOISE[-count * 256 :].reshape(count, 256).astype(old.dtype)
    changed = dict(tensors)
    if kind == "set":
        changed[name] = old.copy()
        changed[name][row : row + count] = fresh[: len(old) - row]
    elif kind == "drop" and len(names) > 1:
        del changed[name]
    elif kind == "add":
        changed[f"head.{row}"] = fresh
    elif kind == "reorder":
        changed = {key: tensors[key] for key in draw(st.permutations(names))}
    elif kind == "rename":
        changed = {f"model.{key}": value for key, value in tensors.items()}
    elif kind == "grow":
        changed[name] = np.concatenate([old[:row], fresh, old[row:]])
    elif kind == "shrink" and len(old) > count:
        changed[name] = old[count:]
    elif kind == "tune":
        changed[name] = old * np.float32(1 + 1e-4 * count)
    return changed


@given(data=st.data(), steps=st.integers(1, 3))
@settings(max_examples=60)
def test_a_plan_rebuilds_the_file_it_was_made_for(data, steps):
    old = weights()
    new = old
    for _ in range(steps):
        new = reshape(new, data.draw)
    before, after = encode(old), encode(new, step=str(steps))
    made = planned(after, parent_of(before))
    assert made is not None, "one to three such changes leave most of the file as it was"
    assert made.stored_bytes < len(after) / 2
    assert remade(made, stored(made, whole=[before]), after) == after


@given(data=st.data(), edits=st.integers(1, 4))
@settings(max_examples=40)
def test_a_plan_rebuilds_any_file_after_any_edits(data, edits):
    old = new = NOISE[:400_000].tobytes()
    for _ in range(edits):
        at, length = data.draw(st.integers(0, len(new))), data.draw(st.integers(0, 300_000))
        put = data.draw(st.sampled_from([b"", NOISE[500_000:].tobytes()[:length], bytes(length)]))
        new = new[:at] + put + new[at + data.draw(st.sampled_from([0, length])) :]
    made = planned(new, parent_of(old, "weights.bin"), path="weights.bin")
    if made is not None:
        assert made.stored_bytes < len(new) / 2
        assert remade(made, stored(made, whole=[old]), new) == new


@given(data=st.data())
@settings(max_examples=25)
def test_a_chain_of_releases_points_into_whole_files_only(data):
    """Depth one: the third release needs blobs that are stored, not the recipe of the second."""
    first = encode(weights())
    chain = [parent_of(first)]
    plans, tensors = [], weights()
    for number in range(3):
        tensors = reshape(tensors, data.draw)
        new = encode(tensors, release=str(number))
        made = planned(new, *reversed(chain))
        assert made is not None
        whole = {digest_bytes(first), made.literal_digest, *(earlier.literal_digest for earlier in plans)}
        assert set(needed(made.recipe)) <= whole
        plans.append(made)
        assert remade(made, stored(*plans, whole=[first]), new) == new
        chain.append(parent_of(new, recipe=made.recipe))


def tuned(tensors, *, dtype="<f2", step=1e-3):
    rng = np.random.default_rng(11)
    return {k: (v * (1 + rng.normal(0, step, v.shape))).astype(dtype) for k, v in tensors.items()}


def test_a_patched_parent_lends_its_patches_as_they_are():
    base = {name: array.astype("<f2") for name, array in weights(rows=900).items()}
    first, second = encode(base), encode(tuned(base))
    made = planned(second, parent_of(first))
    assert made is not None
    assert any(part.patch for part in made.recipe.ranges)
    third = encode({**tuned(base), "head": NOISE[-2560:].reshape(10, 256).astype("<f2")})
    again = planned(third, parent_of(second, recipe=made.recipe), parent_of(first))
    assert again is not None
    assert again.stored_bytes < 0.01 * len(third)
    assert made.literal_digest in needed(again.recipe)
    assert remade(again, stored(made, again, whole=[first]), third) == third


def test_a_part_of_a_patched_range_is_new_bytes():
    base = {name: array.astype("<f2") for name, array in weights(rows=900).items()}
    first, second = encode(base), encode(tuned(base))
    made = planned(second, parent_of(first))
    changed = tuned(base)
    changed["encoder.layer.2.weight"] = changed["encoder.layer.2.weight"].copy()
    changed["encoder.layer.2.weight"][500] = 0
    third = encode(changed)
    again = planned(third, parent_of(second, recipe=made.recipe))
    assert again is not None
    assert remade(again, stored(made, again, whole=[first]), third) == third


def test_one_stored_stretch_may_be_used_twice():
    old = encode({"a": NOISE[:400_000].reshape(-1, 100)})
    new = encode({"a": NOISE[:400_000].reshape(-1, 100), "tied": NOISE[:400_000].reshape(-1, 100)})
    made = planned(new, parent_of(old))
    assert made is not None
    assert made.stored_bytes < 1000
    assert remade(made, stored(made, whole=[old]), new) == new


def test_neighbours_that_lie_together_are_one_range_even_among_tensors_that_look_alike():
    zeros = {f"layer.{number}.bias": np.zeros(256, np.float32) for number in range(6)}
    between = {f"layer.{number}.weight": array for number, array in enumerate(weights().values())}
    tensors = dict(sorted({**zeros, **between}.items()))
    old, new = encode(tensors), encode(tensors, note="a header edit")
    made = planned(new, parent_of(old))
    assert made is not None
    assert len([part for part in made.recipe.ranges if part.length > 2000]) == 1
    assert remade(made, stored(made, whole=[old]), new) == new


def test_a_file_that_is_stored_as_a_recipe_already_gets_no_second_one():
    old, new = encode(weights()), encode(weights(), note="other")
    made = planned(new, parent_of(old))
    assert planned(new, parent_of(new, recipe=made.recipe), parent_of(old)) is None
    assert planned(old, parent_of(new, recipe=made.recipe)) is None


def test_a_known_digest_is_taken_as_it_is():
    old, new = encode(weights()), encode(weights(), note="other")
    made = plan(memoryview(new), [parent_of(old)], path=PATH, digest=digest_bytes(new))
    assert made == planned(new, parent_of(old))


def test_there_is_no_plan_where_nothing_is_gained():
    old = encode(weights())
    small = save({"w": NOISE[:1000]})
    assert planned(small, parent_of(small)) is None
    assert planned(old) is None, "no parents"
    assert planned(old, parent_of(old)) is None, "stored already"
    assert planned(encode(weights(seed=200)), parent_of(old)) is None, "nothing in common"
    mostly_new = {**weights(seed=200), "encoder.layer.0.weight": weights()["encoder.layer.0.weight"]}
    assert planned(encode(mostly_new), parent_of(old)) is None, "half of it would be stored anyway"


def test_a_file_shredded_into_too_many_pieces_is_stored_whole():
    old = bytes(range(256)) * ((MOST_PIECES + 8) * 32)
    new = np.frombuffer(old, np.uint8).copy()
    new[4200::8192] ^= 1
    base = planned(old, parent_of(old + b"more", "w.bin"), path="w.bin")
    assert base is not None
    parent = parent_of(old, "w.bin", base.recipe)
    assert planned(new.tobytes(), parent, path="w.bin") is None


def test_a_malformed_file_has_no_plan_but_a_refusal():
    old = encode(weights())
    with pytest.raises(InvalidInputError, match=r"model\.safetensors is no sound safetensors file"):
        planned(old + b"x", parent_of(old))


def test_members_of_an_npz_are_shared_like_tensors(tmp_path):
    old = {name.replace(".", "_"): array for name, array in weights().items()}
    new = {"first": NOISE[:999], **old}
    np.savez(tmp_path / "old.npz", **old)
    np.savez(tmp_path / "new.npz", **new)
    before, after = (tmp_path / "old.npz").read_bytes(), (tmp_path / "new.npz").read_bytes()
    made = planned(after, parent_of(before, "old.npz"), path="new.npz")
    assert made is not None
    assert made.stored_bytes < 0.01 * len(after)
    assert remade(made, stored(made, whole=[before]), after) == after


@pytest.fixture(scope="module")
def encoder(backbone_installed):
    """Tensors of a real encoder in the order of its file, and the file."""
    installed = distribution(backbone_installed)
    path = next(file for file in installed.files or () if file.name == PATH)
    data = Path(str(installed.locate_file(path))).read_bytes()
    kinds = {"F32": "<f4", "I64": "<i8"}
    tensors = {}
    for segment in cut(memoryview(data), path=PATH)[1:]:
        dtype, shape = segment.kind.split("[")
        array = np.frombuffer(data, kinds[dtype], segment.size_bytes // int(kinds[dtype][-1]), segment.start)
        tensors[segment.name] = array.reshape(json.loads("[" + shape))
    return tensors, data


def last_matching(tensors, part):
    return [name for name in tensors if part in name]


def redrawn(tensors, names):
    rng = np.random.default_rng(3)
    return {k: rng.normal(0, 0.05, v.shape).astype("<f4") if k in names else v for k, v in tensors.items()}


def with_new_rows(tensors):
    name = last_matching(tensors, "word_embeddings.weight")[0]
    rows = np.random.default_rng(3).normal(0, 0.05, (16, tensors[name].shape[1])).astype("<f4")
    return {**tensors, name: np.concatenate([tensors[name], rows])}


@pytest.mark.backbone
@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda tensors: encode(tensors, note="a header edit"), 0.0002),
        (lambda t: encode(redrawn(t, last_matching(t, "layer.3.attention.self.query.weight"))), 0.007),
        (lambda t: encode(redrawn(t, last_matching(t, "layer.5."))), 0.079),
        (lambda tensors: encode(with_new_rows(tensors)), 0.009),
        (lambda tensors: encode({f"model.{name}": array for name, array in tensors.items()}), 0.0003),
    ],
    ids=["header", "matrix", "layer", "rows", "prefix"],
)
def test_an_edited_encoder_costs_little_more_than_what_is_new(encoder, change, most):
    tensors, old = encoder
    new = change(tensors)
    made = planned(new, parent_of(old))
    assert made is not None
    assert made.stored_bytes <= most * len(new)
    assert remade(made, stored(made, whole=[old]), new) == new


@pytest.mark.backbone
@pytest.mark.parametrize(("dtype", "step", "most"), [("<f2", 2e-3, 0.36), ("<f4", 3e-4, 0.49)])
def test_an_encoder_tuned_a_little_costs_less_than_half(encoder, dtype, step, most):
    tensors, _ = encoder
    floats = {name: array for name, array in tensors.items() if array.dtype == np.float32}
    old = encode({name: array.astype(dtype) for name, array in floats.items()})
    new = encode(tuned(floats, dtype=dtype, step=step))
    made = planned(new, parent_of(old))
    assert made is not None
    assert made.stored_bytes <= most * len(new)
    assert remade(made, stored(made, whole=[old]), new) == new
