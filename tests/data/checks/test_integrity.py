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


def test_giveaways_are_not_looked_for_in_cert():
    splits = {"train": features(400, 1), "cert": features(100, 3)}
    result = Integrity().inspect(splits, Roles(label="label", features=("answer",)))
    assert result.numbers["best_feature_error_explained"] is None
    assert result.outcome is Outcome.PASS
