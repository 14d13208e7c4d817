"""Laws of same meaning: planted paraphrases are told once, copies by letters are not, nothing ever fails."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.quality.semantic import SAME_MEANING, derive_bound, inspect_semantic
from smallcraft.errors import InvalidInputError
from smallcraft.records import Outcome


def turned(rows: np.ndarray, cosine: float, rng: np.random.Generator) -> np.ndarray:
    """Each row turned away to this cosine."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    away = rng.normal(size=rows.shape)
    away -= (away * unit).sum(1, keepdims=True) * unit
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return (cosine * unit + np.sqrt(1 - cosine**2) * away).astype(np.float32)


RNG = np.random.default_rng(0)
TRAIN = RNG.normal(size=(60, 32)).astype(np.float32)
FRESH = RNG.normal(size=(20, 32)).astype(np.float32)
CERT = np.concatenate([FRESH, turned(TRAIN[:5], 0.97, RNG)])
LABELS = {
    "train": pl.Series([f"l{at % 4}" for at in range(60)]),
    "cert": pl.Series(["l9"] * 20 + ["l0", "l1", "l2", "l3", "wrong"]),
}
VECTORS = {"train": TRAIN, "cert": CERT}


def test_planted_paraphrases_are_flagged_beside_their_original():
    result = inspect_semantic(VECTORS, LABELS, least=0.95, about="a test")
    assert result.outcome is Outcome.UNDECIDED
    assert (result.numbers["rows_cert_in_train"], result.numbers["share_cert_in_train"]) == (5, 0.2)
    assert result.numbers["label_agreement_cert_in_train"] == 0.8
    flagged = {part.kind: part for part in result.flagged}
    assert sorted(flagged["same meaning"].rows.tolist()) == [20, 21, 22, 23]
    other = flagged["same meaning, other label"]
    assert (other.split, other.rows.tolist(), other.partner_split, other.partner.tolist()) == (
        *("cert", [24]),
        *("train", [4]),
    )
    assert (flagged["same meaning"].score < 0.05).all()


def test_the_worst_are_told_first_in_words():
    told = inspect_semantic(VECTORS, LABELS, least=0.95).findings
    assert told[0].what.startswith("row 24 of cert means what row 4 of train does (cosine 0.97")
    assert told[0].what.endswith("under another label")
    assert [finding.kind for finding in told[1:]] == ["same meaning"] * 4


def test_shares_and_agreement_are_estimates_with_intervals():
    found = {
        (measured.name, measured.slice): measured
        for measured in inspect_semantic(VECTORS, LABELS, least=0.95).measurements
    }
    share = found["same_meaning_share", "cert in train"]
    agreement = found["same_meaning_label_agreement", "cert in train"]
    assert (share.value, share.n, share.split) == (0.2, 25, "cert")
    assert (agreement.value, agreement.n) == (0.8, 5)
    assert share.low < 0.2 < share.high
    assert agreement.low < 0.8 < agreement.high
    assert ("same_meaning_label_agreement", "within train") not in found


def test_rows_without_a_neighbour_pass():
    result = inspect_semantic(
        {"train": TRAIN, "dev": FRESH}, {"train": LABELS["train"], "dev": LABELS["cert"][:20]}
    )
    assert result.outcome is Outcome.PASS
    assert result.flagged == ()
    assert result.numbers["label_agreement_dev_in_train"] is None


def test_within_a_split_only_other_labels_need_a_look():
    rows = np.concatenate([FRESH, turned(FRESH[:3], 0.98, RNG)])
    same, other = pl.Series(["a"] * 23), pl.Series(["a"] * 22 + ["b"])
    assert inspect_semantic({"all": rows}, {"all": same}).outcome is Outcome.PASS
    result = inspect_semantic({"all": rows}, {"all": other})
    assert result.outcome is Outcome.UNDECIDED
    assert result.numbers["rows_within_all"] == 3
    assert "3 of 23 rows mean what an earlier row of the data does (1 under another label)" in result.summary


def test_copies_by_letters_are_left_to_the_checks_that_tell_them():
    texts = {
        "train": [f"a sentence about thing number {at * 7919}" for at in range(60)],
        "cert": [f"quite another one on matter {at * 104729}" for at in range(25)],
    }
    texts["cert"][20] = texts["train"][0].upper() + "!"
    texts["cert"][21] = texts["train"][1] + "s"
    every = inspect_semantic(VECTORS, LABELS, least=0.95)
    unlike = inspect_semantic(VECTORS, LABELS, least=0.95, texts=texts)
    assert every.numbers["rows_cert_in_train"] == 5
    assert unlike.numbers["rows_cert_in_train"] == 3


def test_the_bound_is_the_median_cosine_of_near_copies():
    rng = np.random.default_rng(3)
    base = rng.normal(size=(30, 64)).astype(np.float32)
    cosines = np.linspace(0.80, 0.99, 30)
    near = np.concatenate([turned(base[at : at + 1], cosines[at], rng) for at in range(30)])
    words = rng.choice(list("abcdefghij"), size=(30, 25))
    texts = [" ".join(row) + " and something long that stays" for row in words]
    found = derive_bound(
        {"train": base, "dev": near}, {"train": texts, "dev": [text + "s" for text in texts]}
    )
    assert found.least == pytest.approx(np.median(cosines), abs=1e-6)
    assert found.reason == "as alike as half of 30 near copies by letters"


@pytest.mark.parametrize("texts", [None, {"train": [f"number {at * 7919}" for at in range(60)]}])
def test_without_near_copies_the_bound_is_the_stated_constant(texts):
    found = derive_bound({"train": TRAIN}, texts)
    assert found.least == SAME_MEANING
    assert "by default" in found.reason


def test_an_earlier_split_is_the_one_that_is_copied_whatever_the_order_given():
    turned_round = {split: VECTORS[split] for split in ("cert", "train")}
    one, other = (inspect_semantic(vectors, LABELS, least=0.95) for vectors in (VECTORS, turned_round))
    assert one.numbers == other.numbers
    assert {part.split for part in other.flagged} == {"cert"}


def test_no_rows_are_undecided():
    assert inspect_semantic({}, {}).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("labels", "texts", "message"),
    [
        ({"train": LABELS["train"]}, None, "labels must have the 25 rows of the embeddings of cert, got 0"),
        (LABELS, {"train": ["a"] * 60, "cert": ["a"]}, "texts must have the 25 rows .* got 1"),
    ],
)
def test_rows_that_do_not_fit_are_refused(labels, texts, message):
    with pytest.raises(InvalidInputError, match=message):
        inspect_semantic(VECTORS, labels, texts=texts)
