import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.registry.content.sharing import (
    Candidates,
    Match,
    Span,
    compare,
    make_patches,
    plan_patch,
)
from smallcraft.registry.content.tensors import Segment

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 256, 3 << 20, np.uint8).tobytes()


def match_of(data, name="w", *, start=0, stop=None, kind="", is_base=True, parent=0):
    segment = Segment(name, start, len(data) if stop is None else stop, kind)
    return Match(parent, memoryview(data), segment, is_base=is_base)


def compared(new, *matches):
    return compare(memoryview(new), Segment("w", 0, len(new)), matches)


def edit(data, draw):
    """A run of bytes overwritten, put in or taken out somewhere."""
    at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 6000))
    kind = draw(st.sampled_from(["overwrite", "insert", "delete"]))
    put = b"" if kind == "delete" else NOISE[at + 1 : at + 1 + length]
    taken = 0 if kind == "insert" else length
    return data[:at] + put + data[at + taken :]


@given(data=st.data(), size=st.integers(0, 40_000), edits=st.integers(0, 3))
def test_what_is_shared_is_equal_and_with_the_rest_tiles_the_tensor(data, size, edits):
    old = new = NOISE[:size]
    for _ in range(edits):
        new = edit(new, data.draw)
    found = compared(new, match_of(old))
    parts = sorted([*found.shared, *found.rest], key=lambda part: part.start)
    edges = [0, *(part.stop for part in parts)]
    assert edges[:-1] == [part.start for part in parts]
    assert edges[-1] == len(new)
    for part in found.shared:
        assert new[part.start : part.stop] == old[part.start - part.shift : part.stop - part.shift]


@given(size=st.integers(0, 3000), shift=st.integers(0, 9))
def test_an_equal_tensor_is_shared_whole_wherever_it_lies(size, shift):
    old = b"#" * shift + NOISE[:size] + b"#"
    found = compared(NOISE[:size], match_of(old, start=shift, stop=shift + size))
    assert found.rest == ()
    assert [(part.start, part.stop, part.shift) for part in found.shared] == (
        [(0, size, -shift)] if size else []
    )


@pytest.mark.parametrize("at", [0, 8, 1 << 20, (1 << 20) + 4000, (2 << 20) - 1, (3 << 20) - 1])
def test_one_changed_byte_costs_a_word_and_not_a_block(at):
    new = bytearray(NOISE)
    new[at] ^= 1
    rest = compared(bytes(new), match_of(NOISE)).rest
    assert len(rest) == 1
    assert rest[0].start <= at < rest[0].stop
    # a short run at the tensor's very end is not worth a range
    assert rest[0].size_bytes <= 256


def test_bytes_put_in_or_taken_out_leave_both_sides_shared():
    at = (1 << 20) + 12_345
    grown = compared(NOISE[:at] + b"x" * 1000 + NOISE[at:], match_of(NOISE))
    assert sum(span.size_bytes for span in grown.rest) <= 1000 + 16
    shrunk = compared(NOISE[:at] + NOISE[at + 1000 :], match_of(NOISE))
    assert sum(span.size_bytes for span in shrunk.rest) <= 16


def test_a_second_parent_is_asked_for_what_the_first_has_not():
    half = len(NOISE) // 2
    first, second = NOISE[:half] + bytes(half), bytes(half) + NOISE[half:]
    found = compared(NOISE, match_of(first, parent=0), match_of(second, parent=1))
    assert found.rest == ()
    assert [part.parent for part in found.shared] == [0, 1]


def test_a_short_equal_run_inside_a_tensor_is_not_worth_a_range():
    new = bytearray(RNG.integers(0, 256, 100_000, np.uint8).tobytes())
    new[50_000:53_000] = NOISE[50_000:53_000]
    new[70_000:76_000] = NOISE[70_000:76_000]
    found = compared(bytes(new), match_of(NOISE[:100_000]))
    assert [(part.start, part.stop) for part in found.shared] == [(70_000, 76_000)]


def test_a_tensor_is_found_by_its_bytes_then_its_name_then_its_shape():
    data = memoryview(NOISE[:4000])
    other = memoryview(NOISE[5000:9000])
    renamed = Match(0, data, Segment("old.prefix.w", 0, 1000, "F32[250]"), is_base=True)
    named = Match(0, data, Segment("new.w", 1000, 2000, "F32[250]"), is_base=True)
    alike = Match(0, data, Segment("old.layer.b", 2000, 3000, "F32[250]"), is_base=True)
    candidates = Candidates([renamed, named, alike])
    assert candidates.find(data, Segment("new.w", 0, 1000, "F32[250]")) == [renamed, named]
    assert candidates.find(other, Segment("new.w", 0, 1000, "F32[250]")) == [named]
    assert candidates.find(other, Segment("new.layer.b", 0, 1000, "F32[250]")) == [alike]
    assert candidates.find(other, Segment("new.layer.b", 0, 1000, "F16[500]")) == []
    assert candidates.find(other, Segment("<whole>", 0, 1000)) == []


def tuned(dtype, *, step, n=200_000):
    """Weights, and the same after training moved them by about `step` of their size."""
    old = RNG.normal(0, 0.05, n)
    return old.astype(dtype).tobytes(), (old * (1 + RNG.normal(0, step, n))).astype(dtype).tobytes()


@pytest.mark.parametrize(
    ("dtype", "step", "width", "most"),
    [("<f4", 1e-3, 4, 0.60), ("<f2", 1e-3, 2, 0.25), ("<f8", 1e-3, 8, 0.80), ("<f4", 1e-5, 4, 0.40)],
)
def test_weights_that_moved_a_little_are_small_patches_of_their_width(dtype, step, width, most):
    old, new = tuned(dtype, step=step)
    base = match_of(old)
    rest = compared(new, base).rest
    patching = plan_patch(memoryview(new), Segment("w", 0, len(new)), rest, [base])
    assert patching is not None
    assert patching.width == width
    made = list(make_patches(memoryview(new), patching))
    assert all(piece.stop - piece.start <= 1 << 20 for piece in made)
    share = sum(len(piece.frame) for piece in made) / len(new)
    assert share <= most
    assert abs(share - patching.share) < 0.05


def test_weights_drawn_anew_are_not_patched():
    new, old = (RNG.normal(0, 0.05, 100_000).astype("<f4").tobytes() for _ in range(2))
    segment = Segment("w", 0, len(new))
    assert plan_patch(memoryview(new), segment, [Span(0, len(new))], [match_of(old)]) is None


def test_only_a_whole_file_is_the_base_of_patches():
    old, new = tuned("<f2", step=1e-3)
    segment, rest = Segment("w", 0, len(new)), [Span(0, len(new))]
    assert plan_patch(memoryview(new), segment, rest, [match_of(old, is_base=False)]) is None
    both = [match_of(old, is_base=False), match_of(old, parent=1)]
    patching = plan_patch(memoryview(new), segment, rest, both)
    assert patching is not None
    assert patching.base.parent == 1


def test_a_base_that_is_shorter_patches_what_it_reaches():
    old, new = tuned("<f2", step=1e-3)
    longer = new + NOISE[:10_000]
    patching = plan_patch(
        memoryview(longer), Segment("w", 0, len(longer)), [Span(0, len(longer))], [match_of(old)]
    )
    assert patching is not None
    assert patching.spans == (Span(0, len(old)),)
