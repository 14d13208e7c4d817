"""Laws of integrity: planted damage is found where it was planted, clean rows are left alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.checks.integrity import Integrity
from smallcraft.records import Outcome, Roles

TEXT = Roles(label="label", text="text")
CLEAN = ["Ñandú, Ångström, SÃO PAULO", "naïve café — “quoted”…", "tab\tand\nnew line", "价格 ¿qué? ÀÉÎ"]


def texts(*values: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"text": values, "label": ["x"] * len(values)}, {"text": pl.String, "label": pl.String}
    )


def inspect_texts(*values: str | None):
    return Integrity().inspect({"train": texts(*CLEAN), "cert": texts(*CLEAN, *values)}, TEXT)


def test_clean_rows_of_many_languages_pass():
    result = inspect_texts()
    assert result.outcome is Outcome.PASS
    assert result.numbers["share_failing"] == 0


@pytest.mark.parametrize(
    ("text", "kind", "outcome"),
    [
        (None, "blank_text", Outcome.FAIL),
        (" \t", "blank_text", Outcome.FAIL),
        ("caf\ufffd", "replacement_characters", Outcome.UNDECIDED),
        ("café".encode().decode("cp1252"), "mojibake", Outcome.UNDECIDED),
        ("“so”".encode().decode("cp1252", "replace"), "mojibake", Outcome.UNDECIDED),
        ("a\x00b", "control_characters", Outcome.UNDECIDED),
        ("a\x85b", "control_characters", Outcome.UNDECIDED),
    ],
)
def test_damage_is_found_in_its_row(text, kind, outcome):
    result = inspect_texts(text)
    assert result.outcome is outcome
    assert result.numbers[kind] == 1
    assert (result.numbers["rows_failing_train"], result.numbers["rows_failing_cert"]) == (0, 1)
    assert {(finding.split, finding.row) for finding in result.findings} == {("cert", len(CLEAN))}


def test_every_failing_row_is_flagged_by_its_fault():
    damaged = texts(*["caf\ufffd", "fine", None, "a\x00b\ufffd"] * 60)
    result = Integrity().inspect({"train": texts(*CLEAN), "cert": damaged}, TEXT)
    flagged = {(entry.split, entry.kind): entry.rows.tolist() for entry in result.flagged}
    assert flagged == {
        ("cert", "blank_text"): list(range(2, 240, 4)),
        ("cert", "replacement_characters"): sorted([*range(0, 240, 4), *range(3, 240, 4)]),
        ("cert", "control_characters"): list(range(3, 240, 4)),
    }
    assert result.numbers["rows_failing_cert"] == 180
    assert {finding.kind for finding in result.findings} <= {kind for _, kind in flagged}


def test_a_row_damaged_in_two_columns_is_flagged_once():
    frame = texts("caf\ufffd", "b").with_columns(job=pl.Series(["cl\ufffd", "clerk"]))
    result = Integrity().inspect({"all": frame}, Roles(label="label", text="text", features=("job",)))
    assert [entry.rows.tolist() for entry in result.flagged] == [[0]]
    assert (result.numbers["replacement_characters"], result.numbers["rows_failing_all"]) == (2, 1)


def labelled(*labels: str | None) -> pl.DataFrame:
    return pl.DataFrame({"text": [f"text {at}" for at in range(len(labels))], "label": labels})


@pytest.mark.parametrize(
    ("common", "rare"),
    [
        ("refund", "Refund"),
        ("refund", "refund "),
        ("lost_card", "lost-card"),
        ("lost_card", "LostCard"),
        ("lost card", "lost  card."),
        ("C++", "c++"),
    ],
)
def test_labels_that_differ_only_in_writing_are_undecided(common, rare):
    splits = {"train": labelled(common, common, "other", rare), "cert": labelled(rare, "other", None, common)}
    result = Integrity().inspect(splits, TEXT)
    (finding,) = [finding for finding in result.findings if finding.kind == "label_spelling"]
    assert finding.what == f"labels '{common}' (3) and '{rare}' (2) differ only by case, space or punctuation"
    assert finding.suggested == common
    flagged = [entry for entry in result.flagged if entry.kind == "label_spelling"]
    assert [(entry.split, entry.rows.tolist(), entry.suggested) for entry in flagged] == [
        ("train", [3], (common,)),
        ("cert", [0], (common,)),
    ]
    assert (result.numbers["label_spelling"], result.numbers["rows_failing_train"]) == (2, 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [("C", "C++"), ("A", "A-"), ("1", "-1"), ("1.0", "10"), ("cafe", "café"), ("c#", "c"), ("+", "-")],
)
def test_labels_whose_signs_mean_something_are_different(one, other):
    result = Integrity().inspect({"all": labelled(one, other, one, other)}, TEXT)
    assert result.outcome is Outcome.PASS


def test_a_missing_label_fails():
    frame = texts("a", "b").with_columns(label=pl.Series(["x", None]))
    result = Integrity().inspect({"train": frame}, TEXT)
    assert result.outcome is Outcome.FAIL
    assert result.numbers["missing_label"] == 1


def features(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.choice(["a", "b", "c"], n)
    return pl.DataFrame(
        {
            "label": label,
            "noise": rng.normal(size=n),
            "constant": ["same"] * n,
            "serial": np.arange(n) + seed * n,
            "code": [f"code-{at}-{seed}" for at in range(n)],
            "answer": [f"is {name}" for name in label],
            "amount": np.searchsorted(["a", "b", "c"], label) * 10.0 + rng.random(n),
        }
    )


def inspect_features(*names: str):
    splits = {"train": features(400, 1), "dev": features(100, 2), "cert": features(100, 3)}
    return Integrity().inspect(splits, Roles(label="label", features=names))


def test_a_measurement_is_not_suspicious():
    result = inspect_features("noise")
    assert result.outcome is Outcome.PASS
    assert result.numbers["best_feature_error_explained"] < 0.3


@pytest.mark.parametrize(
    ("name", "what"),
    [("constant", "one value only"), ("serial", "differs in every row"), ("code", "differs in every row")],
)
def test_useless_columns_are_undecided(name, what):
    result = inspect_features("noise", name)
    assert result.outcome is Outcome.UNDECIDED
    assert [(finding.column, what in finding.what) for finding in result.findings] == [(name, True)]


@pytest.mark.parametrize("name", ["answer", "amount"])
def test_a_feature_that_gives_the_label_away_fails(name):
    result = inspect_features("noise", name)
    assert result.outcome is Outcome.FAIL
    assert result.findings[0].column == name
    assert result.numbers["best_feature_error_explained"] == pytest.approx(1.0)


def test_rows_that_are_not_split_yet_are_judged_by_halves():
    roles = Roles(label="label", features=("noise", "answer"))
    result = Integrity().inspect({"all": features(400, 1)}, roles)
    assert [(finding.split, finding.kind, finding.column) for finding in result.findings] == [
        ("all", "giveaway feature", "answer")
    ]


def test_rows_that_are_not_split_yet_are_told_by_their_number():
    result = Integrity().inspect({"all": texts(*CLEAN, None)}, TEXT)
    assert result.findings[0].what == "row 4: the text is missing or blank"
    assert result.numbers["rows_failing_all"] == 1


def test_columns_are_told_by_kind():
    result = inspect_features("constant", "serial", "answer")
    assert {finding.column: finding.kind for finding in result.findings} == {
        "constant": "constant column",
        "serial": "id-like column",
        "answer": "giveaway feature",
    }


def test_giveaways_are_not_looked_for_in_cert():
    splits = {"train": features(400, 1), "cert": features(100, 3)}
    result = Integrity().inspect(splits, Roles(label="label", features=("answer",)))
    assert result.numbers["best_feature_error_explained"] is None
    assert result.outcome is Outcome.PASS
