"""Laws of the check: planted rows are flagged by split and kind, real clean data pass, values stay masked."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from smallcraft.data.checks.personal_data import PersonalData
from smallcraft.records import Outcome, Roles

TEXT = Roles(label="label", text="text")
SECRETS = ["jane.doe@mail.example", "4242424242424242", "DE89370400440532013000", "+44 20 7946 0958"]


def frame(*texts: str | None, **columns: list) -> pl.DataFrame:
    rows = {"text": pl.Series(texts, dtype=pl.String), "label": ["x"] * len(texts)}
    return pl.DataFrame(rows | columns)


def inspect(splits, roles=TEXT):
    return PersonalData().inspect(splits, roles)


def test_rows_are_flagged_by_kind_and_split():
    train = frame("hi", f"mail {SECRETS[0]}", None, f"{SECRETS[0]} and {SECRETS[1]}")
    result = inspect({"train": train, "dev": frame("nothing"), "cert": frame(SECRETS[3])})
    assert result.outcome is Outcome.UNDECIDED
    flagged = {(entry.split, entry.kind): entry.rows.tolist() for entry in result.flagged}
    assert flagged == {("train", "card"): [3], ("train", "email"): [1, 3], ("cert", "phone"): [0]}
    numbers = result.numbers
    assert (numbers["email"], numbers["card"], numbers["phone"], numbers["iban"]) == (2, 1, 1, 0)
    assert [numbers[f"rows_with_personal_data_{split}"] for split in ("train", "dev", "cert")] == [2, 0, 1]


def test_a_value_is_never_told_in_full():
    result = inspect({"all": frame(*SECRETS)})
    told = json.dumps([result.summary, [vars(finding) for finding in result.findings]])
    assert len(result.findings) == len(SECRETS)
    assert not any(secret in told for secret in SECRETS)
    assert "row 0 holds an e-mail address: j***@m***.example" in told


def test_clean_rows_pass():
    result = inspect({"train": frame("order 1234567890123 of 2026-01-31", "", None)})
    assert (result.outcome, result.flagged, result.findings) == (Outcome.PASS, (), ())


def test_categories_groups_and_keys_are_read_too():
    rows = frame("a", "b", job=["clerk", SECRETS[0]], region=[SECRETS[3], "eu"], customer=["c1", SECRETS[2]])
    roles = replace(TEXT, features=("job",), groups=("region",), key="customer")
    result = inspect({"train": rows}, roles)
    assert {(finding.column, finding.row, finding.kind) for finding in result.findings} == {
        ("job", 1, "email"),
        ("region", 0, "phone"),
        ("customer", 1, "iban"),
    }


def test_categorical_features_are_read_and_numbers_are_not():
    rows = frame("a", job=pl.Series([SECRETS[0]], dtype=pl.Categorical), amount=[4242424242424242.0])
    result = inspect({"train": rows}, replace(TEXT, features=("job", "amount")))
    assert [finding.column for finding in result.findings] == ["job"]


def test_findings_are_a_hundred_at_most_and_show_every_kind():
    result = inspect({"train": frame(*[SECRETS[0]] * 500, SECRETS[1])})
    assert {finding.kind for finding in result.findings} == {"email", "card"}
    assert len(result.findings) <= 100
    assert len(result.flagged[1].rows) == 500


def banking(shared_data):
    return [pl.read_csv(shared_data / "banking77" / f"{part}.csv")["text"] for part in ("train", "test")]


def intents(shared_data):
    parts = json.loads((shared_data / "clinc150" / "data_full.json").read_text("utf-8"))
    return [pl.Series([text for text, _ in rows]) for rows in parts.values()]


@pytest.mark.realdata
@pytest.mark.parametrize("read", [banking, intents])
def test_clean_real_data_pass(shared_data, read):
    texts = pl.concat(read(shared_data))
    result = inspect({"all": frame(*texts)})
    assert len(texts) > 10_000
    assert result.outcome is Outcome.PASS, result.findings
