"""The contract of every perturbation, and what each of them does and leaves."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.perturbations import BUILTIN
from smallcraft.evaluate.perturbations.contractions import PAIRS, change_form
from smallcraft.evaluate.perturbations.entities import NAMES
from smallcraft.evaluate.perturbations.fillers import FILLERS
from smallcraft.evaluate.perturbations.homoglyph import LOOK_ALIKE
from smallcraft.evaluate.perturbations.numbers import other_number
from smallcraft.evaluate.perturbations.truncation import cut_end
from smallcraft.evaluate.perturbations.typo_keyboard import NEIGHBOURS
from smallcraft.evaluate.perturbations.unseen_category import UNSEEN
from smallcraft.evaluate.perturbations.zero_width import ZERO_WIDTH

SPEC = InputSpec(text="text", numbers=("age", "price"), categories=("job",))
SENTENCE = (
    "Please don't charge the card of Maria twice, I am paying 250 euros for account 77 in Geneva already."
)
KINDS = {"text": ("text",), "numbers": ("age", "price"), "categories": ("job",)}
EVERY = pytest.mark.parametrize("perturbation", BUILTIN.values(), ids=list(BUILTIN))
TYPOS = ("typo_swap", "typo_drop", "typo_double", "typo_keyboard", "homoglyph", "zero_width")


def rows(n: int = 200) -> dict[str, list[object]]:
    rng = np.random.default_rng(0)
    return {
        "text": [SENTENCE for _ in range(n)],
        "age": [None if row == 3 else int(age) for row, age in enumerate(rng.integers(18, 90, n))],
        "price": rng.lognormal(3, 1, n).tolist(),
        "job": rng.choice(["clerk", "nurse", "smith"], n).tolist(),
        "not read": list(range(n)),
    }


def perturb(name: str, given: dict, severity: int = 2, seed: int = 5):
    return BUILTIN[name].perturb(given, SPEC, severity=severity, rng=np.random.default_rng(seed))


def text_of(name: str, text: str, severity: int = 2, seed: int = 5) -> str:
    return perturb(name, {"text": [text]}, severity, seed)["text"][0]


@EVERY
@pytest.mark.parametrize("severity", [1, 2, 3])
def test_only_its_own_columns_change_and_rows_stay(perturbation, severity):
    before, kept = rows(), rows()
    after = perturbation.perturb(before, SPEC, severity=severity, rng=np.random.default_rng(1))
    assert before == kept
    assert {name: len(values) for name, values in after.items()} == dict.fromkeys(before, 200)
    own = {column for kind in perturbation.changes for column in KINDS[kind]}
    assert {name for name in before if list(after[name]) != before[name]} == own
    assert read_inputs(after, SPEC).n == 200


@EVERY
def test_the_same_generator_gives_the_same_rows(perturbation):
    first, again = (
        perturbation.perturb(rows(), SPEC, severity=2, rng=np.random.default_rng(9)) for _ in range(2)
    )
    assert repr(first) == repr(again)


@EVERY
def test_a_severity_that_is_none_is_refused(perturbation):
    with pytest.raises(InvalidInputError, match="severity must be 1, 2 or 3, got 4"):
        perturbation.perturb(rows(), SPEC, severity=4, rng=np.random.default_rng(0))


@EVERY
def test_severities_grow(perturbation):
    assert perturbation.amount[0] < perturbation.amount[1] < perturbation.amount[2]


@EVERY
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=80))
def test_any_text_is_borne_and_stays_text_that_a_bundle_reads(perturbation, text):
    given_rows = {**rows(1), "text": [text]}
    after = perturbation.perturb(given_rows, SPEC, severity=3, rng=np.random.default_rng(0))
    assert read_inputs(after, SPEC).n == 1


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("name", TYPOS)
def test_about_the_stated_share_of_words_is_touched(name, severity):
    words = ["payment", "account", "transfer", "received", "holiday"] * 40
    after = text_of(name, " ".join(words), severity).split(" ")
    assert len(after) == len(words)
    touched = np.mean([old != new for old, new in zip(words, after, strict=True)])
    assert touched == pytest.approx(BUILTIN[name].amount[severity - 1], abs=0.021)


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_about_the_stated_share_of_words_changes_case(severity):
    words = ["one"] * 100 + ["TWO"] * 100
    after = text_of("letter_case", " ".join(words), severity).split(" ")
    touched = np.mean([old != new for old, new in zip(words, after, strict=True)])
    assert touched == pytest.approx(BUILTIN["letter_case"].amount[severity - 1], abs=0.01)
    assert [word.lower() for word in after] == [word.lower() for word in words]


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("name", ["spacing", "fillers"])
def test_about_the_stated_share_of_spaces_is_touched(name, severity):
    text = " ".join(["abc"] * 201)
    after = text_of(name, text, severity)
    untouched = len(re.findall(r"(?<=abc) (?=abc)", after))
    assert 1 - untouched / 200 == pytest.approx(BUILTIN[name].amount[severity - 1], abs=0.01)
    assert after.count("abc") == 201


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("name", ["missingness", "unseen_category"])
def test_about_the_stated_share_of_cells_is_touched(name, severity):
    after = perturb(name, rows(4000), severity)
    gone = {"missingness": None, "unseen_category": UNSEEN}[name]
    share = np.mean([value == gone for value in after["job"]])
    assert share == pytest.approx(BUILTIN[name].amount[severity - 1], abs=0.03)


@pytest.mark.parametrize("name", TYPOS)
def test_one_word_at_least_is_touched(name):
    assert text_of(name, "payment", 1) != "payment"


@pytest.mark.parametrize("name", TYPOS[:4])
def test_a_typo_keeps_the_first_letter_and_almost_the_length(name):
    for seed in range(30):
        changed = text_of(name, "Payment", 3, seed)
        assert changed[0] == "P"
        assert abs(len(changed) - 7) <= 1


def test_a_swap_keeps_the_letters():
    assert all(sorted(text_of("typo_swap", "payment", 3, seed)) == sorted("payment") for seed in range(20))


def test_neighbours_on_the_keyboard_are_mutual_and_near():
    assert all(key in NEIGHBOURS[near] for key, nears in NEIGHBOURS.items() for near in nears)
    assert (sorted(NEIGHBOURS["s"]), sorted(NEIGHBOURS["p"])) == (list("adewxz"), list("lo"))


def test_look_alikes_can_be_turned_back():
    back = {other: letter for letter, other in LOOK_ALIKE.items()}
    after = text_of("homoglyph", SENTENCE, 3)
    assert after != SENTENCE
    assert "".join(back.get(letter, letter) for letter in after) == SENTENCE
    assert all(not other.isascii() and other.isalpha() for other in back)


def test_zero_width_spaces_are_all_that_is_added():
    after = text_of("zero_width", SENTENCE, 3)
    assert after != SENTENCE
    assert after.replace(ZERO_WIDTH, "") == SENTENCE


def test_fillers_are_all_that_is_added():
    after = text_of("fillers", "pay my bill now please", 3)
    for filler in sorted(FILLERS, key=len, reverse=True):
        after = after.replace(f" {filler} ", " ")
    assert after == "pay my bill now please"


def test_spacing_changes_spaces_only():
    assert text_of("spacing", SENTENCE, 3).replace(" ", "") == SENTENCE.replace(" ", "")


@pytest.mark.parametrize(("full", "short"), PAIRS)
def test_a_contraction_there_and_back_is_the_same(full, short):
    assert change_form(full) == short
    assert change_form(change_form(full)) == full


def test_contractions_keep_capitals_and_other_words():
    assert text_of("contractions", "Don\u2019t go, I CAN NOT, cannon", 3) == "Do not go, I Can't, cannon"


@given(st.integers(0, 10**12), st.integers(0, 50))
def test_a_number_keeps_its_length_and_loses_every_digit(number, seed):
    before = str(number)
    after = other_number(before, np.random.default_rng(seed))
    assert len(after) == len(before)
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert len(after) == 1 or after[0] != "0"


def test_numbers_change_digits_only():
    after = text_of("numbers", SENTENCE, 3)
    assert re.sub(r"\d", "#", after) == re.sub(r"\d", "#", SENTENCE)
    assert after != SENTENCE


def test_entities_change_names_inside_sentences_only():
    after = text_of("entities", SENTENCE, 3).split(" ")
    changed = [(old, new) for old, new in zip(SENTENCE.split(" "), after, strict=True) if old != new]
    assert [old for old, _ in changed] == ["Maria", "Geneva"]
    assert all(new in NAMES for _, new in changed)


@pytest.mark.parametrize(
    ("share", "left"), [(0.1, "a b c d e f g h i"), (0.5, "a b c d e"), (0.99, "a"), (1.0, "a")]
)
def test_truncation_keeps_the_first_words(share, left):
    assert cut_end("a b c d e f g h i j.", share) == left


def test_a_single_word_is_not_cut():
    assert cut_end("help!", 0.5) == "help!"


def test_jitter_is_small_and_leaves_whole_numbers_whole_and_missing_ones_missing():
    before, after = rows(2000), perturb("jitter", rows(2000), 3)
    moved = np.array(after["age"], dtype=float)
    assert np.isnan(moved[3])
    assert np.isnan(moved).sum() == 1
    assert np.all(np.nan_to_num(moved) == np.rint(np.nan_to_num(moved)))
    shift = np.array(after["price"]) - np.array(before["price"])
    quarters = np.subtract(*np.quantile(before["price"], [0.75, 0.25])) / 1.349
    assert shift.std() == pytest.approx(0.1 * quarters, rel=0.08)


def test_jitter_leaves_a_column_that_is_mostly_one_value():
    mostly = {**rows(10), "age": [0.5] * 9 + [7.0]}
    assert perturb("jitter", mostly, 3)["age"] == mostly["age"]


def test_each_row_has_one_number_in_another_unit():
    before, after = rows(50), perturb("unit_scale", rows(50), 2)
    ratio = np.array(
        [np.array(after[name], float) / np.array(before[name], float) for name in ("age", "price")]
    )
    assert set(np.round(ratio[:, np.arange(50) != 3], 9).ravel()) == {1.0, 100.0}
    assert np.all((ratio == 1).sum(axis=0)[np.arange(50) != 3] == 1)
