"""Two files side by side: columns typed alike, free texts left out, nothing changed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.drifting import compare_files
from smallcraft.records import Outcome


def rows(n, *, seed, shift=0.0, share=0.5):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": rng.normal(40 + shift, 10, n),
            "region": np.where(rng.random(n) < share, "north", "south"),
            "note": [f"a text of its own, {seed}-{place}" for place in range(n)],
        }
    )


@pytest.fixture
def files(tmp_path):
    def write(**changed):
        paths = tmp_path / "reference.csv", tmp_path / "current.csv"
        rows(2000, seed=1).write_csv(paths[0])
        rows(2000, seed=2, **changed).write_csv(paths[1])
        return paths

    return write


def test_the_same_kind_of_rows_did_not_drift(files):
    answer = compare_files(*files())
    assert (answer.drift.outcome, answer.exit_code) == (Outcome.PASS, 0)
    assert {column.column: column.kind for column in answer.drift.columns} == {
        "age": "numbers",
        "region": "categories",
    }
    assert answer.free_texts == ("note",)


@pytest.mark.parametrize(("changed", "drifted"), [({"shift": 5.0}, ("age",)), ({"share": 0.7}, ("region",))])
def test_a_column_that_moved_is_named_and_no_other(files, changed, drifted):
    answer = compare_files(*files(**changed))
    assert (answer.drift.drifted, answer.exit_code) == (drifted, 2)
    assert {part.column for part in answer.drift.slices} == set(drifted)


def test_a_shift_within_the_tolerance_is_none(files):
    assert compare_files(*files(shift=5.0), tolerance_sd=0.8).drift.outcome is Outcome.PASS


def test_a_plain_rule_decides_in_place_of_the_verdict(files):
    paths = files(shift=5.0)
    assert compare_files(*paths, metric="kl", threshold=0.05).exit_code == 2
    strict = compare_files(*paths, metric="kl", threshold=5.0)
    assert strict.exit_code != 2
    assert strict.as_json()["rule"]["metric"] == "kl"


def test_a_column_of_numbers_with_one_word_in_it_is_compared_as_categories_in_both(tmp_path):
    reference, current = tmp_path / "a.csv", tmp_path / "b.csv"
    pl.DataFrame({"x": ["1", "2"] * 200}).write_csv(reference)
    pl.DataFrame({"x": ["1", "two"] * 200}).write_csv(current)
    (column,) = compare_files(reference, current).drift.columns
    assert (column.kind, column.has_drifted) == ("categories", True)


def test_a_column_that_is_gone_is_drift(files, tmp_path):
    reference, _ = files()
    pl.read_csv(reference).drop("age").write_csv(tmp_path / "without.csv")
    answer = compare_files(reference, tmp_path / "without.csv")
    assert answer.drift.missing == ("age",)
    assert answer.exit_code == 2


def test_few_rows_are_undecided(tmp_path):
    for name, seed in (("a.csv", 1), ("b.csv", 2)):
        rows(20, seed=seed).write_csv(tmp_path / name)
    answer = compare_files(tmp_path / "a.csv", tmp_path / "b.csv", columns=["age"])
    assert (answer.drift.outcome, answer.exit_code) == (Outcome.UNDECIDED, 3)


def test_what_cannot_be_compared_is_refused_with_the_remedy(files, tmp_path):
    reference, current = files()
    empty = tmp_path / "empty.csv"
    empty.write_text("age,region,note\n", encoding="utf-8")
    with pytest.raises(DataError, match="no rows"):
        compare_files(reference, empty)
    with pytest.raises(DataError, match="agee"):
        compare_files(reference, current, columns=["agee"])
    with pytest.raises(InvalidInputError, match="did you mean 'psi'"):
        compare_files(reference, current, metric="psy", threshold=0.1)
    with pytest.raises(InvalidInputError, match="give both"):
        compare_files(reference, current, metric="psi")


def spread(folder, *, rows: int, shift: float, parts: int = 6) -> str:
    """A table in files of several kinds."""
    rng = np.random.default_rng(rows)
    table = pl.DataFrame(
        {
            "amount": rng.normal(shift, 1, rows),
            "colour": rng.choice(["red", "green", "blue"], rows),
            "code": rng.integers(0, 50, rows),
            "note": [f"note {number}" for number in range(rows)],
        }
    )
    folder.mkdir()
    for number, part in enumerate(table.iter_slices(rows // parts + 1)):
        if number % 3 == 0:
            part.write_parquet(folder / f"{number}.parquet")
        elif number % 3 == 1:
            part.write_csv(folder / f"{number}.csv")
        else:
            part.write_ndjson(folder / f"{number}.jsonl")
    table.write_parquet(folder.with_suffix(".parquet"))
    return str(folder)


def test_a_table_in_many_files_drifts_like_the_same_table_in_one(tmp_path):
    before = spread(tmp_path / "before", rows=6_000, shift=0.0)
    after = spread(tmp_path / "after", rows=5_000, shift=0.3)
    parts = compare_files(before, after)
    whole = compare_files(f"{before}.parquet", f"{after}.parquet")
    assert parts.drift == whole.drift
    assert parts.drift.drifted == ("amount",)
    assert parts.free_texts == whole.free_texts == ("note",)


def test_the_answer_is_the_same_in_processes(tmp_path, monkeypatch):
    before = spread(tmp_path / "before", rows=3_000, shift=0.0)
    after = spread(tmp_path / "after", rows=3_000, shift=0.3)
    here = compare_files(before, after)
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)
    told = []
    with Engine(workers=2) as engine:
        away = compare_files(before, after, engine=engine, progress=lambda *one: told.append(one))
    assert away == here
    assert told[-1] == (f"reading {after}", 1.0)


def test_text_in_one_file_makes_the_column_one_of_categories_in_all(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    pl.DataFrame({"code": [1, 2, 3] * 40}).write_parquet(folder / "1.parquet")
    pl.DataFrame({"code": ["1", "none", "3"] * 40}).write_csv(folder / "2.csv")
    answer = compare_files(folder, folder)
    assert [(one.column, one.kind, one.n) for one in answer.drift.columns] == [("code", "categories", 240)]


def test_a_bad_row_in_one_of_many_files_is_told_by_its_place(tmp_path):
    folder = spread(tmp_path / "before", rows=600, shift=0.0)
    (tmp_path / "before" / "1.csv").write_text("amount,colour,code,note\n1,red,3,x\n2,blue\n")
    with pytest.raises(DataError, match=r"1\.csv, line 3"):
        compare_files(folder, folder)
