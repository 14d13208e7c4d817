"""`drift`: two files compared, told to people and to scripts, with exit codes that say what was found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "drift.json").read_text(encoding="utf-8")
)


@pytest.fixture
def files(tmp_path):
    def write(name: str, *, seed: int, shift: float = 0.0, rows: int = 1500) -> Path:
        rng = np.random.default_rng(seed)
        frame = {
            "age": rng.normal(40 + shift, 10, rows),
            "region": rng.choice(["north", "south"], rows),
            "note": [f"a note of its own, [bold]{seed}-{row}" for row in range(rows)],
        }
        pl.DataFrame(frame).write_csv(tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("shift", "code"), [(0.0, 0), (6.0, 2)])
def test_the_exit_code_says_whether_a_column_drifted(shift, code, files, told):
    said = told("drift", files("a.csv", seed=1), files("b.csv", seed=2, shift=shift), code=code)
    assert bool(re.search(r"^age +yes", said, re.MULTILINE)) is bool(code)
    assert "left out, free text: note" in said
    assert ("FAIL" if code else "PASS") in said


def test_too_few_rows_are_undecided(files, told):
    arguments = ("drift", files("a.csv", seed=1, rows=20), files("b.csv", seed=2, rows=20), "--column", "age")
    assert "UNDECIDED" in told(*arguments, code=3)


def test_what_scripts_read_keeps_to_its_schema(files, told):
    reference, current = files("a.csv", seed=1), files("b.csv", seed=2, shift=6.0)
    for more in ((), ("--metric", "kl", "--threshold", "0.05"), ("--column", "age", "--tolerance-sd", "0")):
        found = json.loads(told("drift", reference, current, *more, "--json", code=2))
        jsonschema.validate(found, SCHEMA)
        assert found["drifted"] == ["age"]
        assert (found["rule"] is None) is (more[:1] != ("--metric",))


def test_a_plain_rule_is_told_with_what_it_means(files, told):
    paths = files("a.csv", seed=1), files("b.csv", seed=2, shift=6.0)
    said = told("drift", *paths, "--metric", "kl", "--threshold", 0.05, code=2)
    assert "rule: kl > 0.05, a shift of 0.32 sd; it fires for" in said
    assert "of these columns on no drift at all" in said


def test_several_files_are_one_side(files, told, tmp_path):
    reference = files("a.csv", seed=1)
    files("b-1.csv", seed=2)
    files("b-2.csv", seed=3)
    assert "3,000 rows beside 1,500" in told("drift", reference, tmp_path / "b-*.csv")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.csv", "nosuch.csv"), "there is no file"),
        (("a.csv", "b.csv", "--column", "agee"), "did you mean 'age'"),
        (("a.csv", "b.csv", "--metric", "psy", "--threshold", "1"), "did you mean 'psi'"),
        (("a.csv", "b.csv", "--metric", "psi"), "give both"),
        (("a.csv", "broken.csv"), "broken.csv"),
    ],
)
def test_what_cannot_be_compared_is_one_line_with_the_remedy(
    arguments, said, files, told, tmp_path, monkeypatch
):
    files("a.csv", seed=1, rows=60)
    files("b.csv", seed=2, rows=60)
    (tmp_path / "broken.csv").write_text("age,region,note\n1,2\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    message = told("drift", *arguments, code=1)
    assert message.startswith("error: ")
    assert said in message
