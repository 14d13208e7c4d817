"""A label column reads alike from every format, and its strata keep the rare in every split."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.load import load_table
from smallcraft.data.split import split_table
from smallcraft.data.table import make_table
from smallcraft.data.targets import (
    classes_of,
    comparable_labels,
    encode_labels,
    label_counts,
    strata_of,
    written_tags,
    written_values,
)
from smallcraft.errors import DataError
from smallcraft.records import Roles

TAGS = Roles(label="tags", text="text", task="multilabel")
VALUE = Roles(label="price", features=("size",), task="regression")
NAMES = st.lists(
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=4), max_size=4
)


def labelled(tags: list[list[str]]) -> pl.DataFrame:
    return pl.DataFrame({"text": [f"row {at} of many" for at in range(len(tags))], "tags": tags})


@given(NAMES)
def test_spelling_labels_twice_changes_nothing_and_order_does_not_matter(names):
    once = written_tags(pl.Series(["|".join(names) or "|"]), "|").text
    again = written_tags(once, "|").text
    backwards = written_tags(pl.Series([" | ".join(reversed(names)) or "|"]), "|").text
    assert once.to_list() == again.to_list() == backwards.to_list()


def test_one_table_has_one_digest_from_lists_and_from_text(tmp_path):
    tags = [["b", "a"], [], ["a"], ["c", "b"], ["c"], []] * 3
    frame = labelled(tags)
    frame.write_parquet(tmp_path / "rows.parquet")
    lines = [json.dumps(row, ensure_ascii=False) for row in frame.to_dicts()]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    joined = frame.with_columns(pl.Series("tags", ["|".join(names) or "|" for names in tags]))
    joined.write_csv(tmp_path / "rows.csv")
    tables = [load_table(tmp_path / f"rows.{kind}", TAGS) for kind in ("parquet", "jsonl", "csv")]
    assert len({table.ref.digest for table in tables}) == 1
    assert tables[0].frame["tags"].to_list()[:2] == ["a|b", "|"]


def test_a_list_is_read_for_the_label_of_several_and_refused_elsewhere(tmp_path):
    labelled([["a"], ["b"], ["a", "b"]] * 2).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="plain values were wanted, got the nested"):
        load_table(tmp_path / "rows.parquet", Roles(label="tags", text="text"))


def test_what_is_no_number_and_what_holds_the_separator_are_faults_of_their_rows(tmp_path):
    (tmp_path / "prices.csv").write_text("size,price\n1,2.50\n2,many\n3,4\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"'many' is no finite number.*task = .multiclass."):
        load_table(tmp_path / "prices.csv", VALUE)
    labelled([["a|b"], ["a"], ["b"]] * 2).write_parquet(tmp_path / "tags.parquet")
    with pytest.raises(DataError, match=r"holds the separator.*label_separator"):
        load_table(tmp_path / "tags.parquet", TAGS)
    assert written_values(pl.Series(["2.50", "1.0", "", "-0.0"])).text.to_list() == ["2.5", "1", None, "0"]


def test_labels_become_numbers_by_their_task():
    tags = pl.Series("tags", ["a|b", "|", "b"])
    assert classes_of(tags, TAGS) == ("a", "b")
    assert encode_labels(tags, TAGS, ("a", "b")).tolist() == [[1, 1], [0, 0], [0, 1]]
    assert label_counts(tags, TAGS) == {"a": 1, "b": 2}
    prices = pl.Series("price", ["2.5", "-1"])
    assert classes_of(prices, VALUE) == ("price",)
    assert encode_labels(prices, VALUE, ("price",)).tolist() == [2.5, -1.0]
    assert label_counts(prices, VALUE) == {}


def test_strata_are_the_rarest_label_and_bins_of_equal_size():
    tags = pl.Series("tags", ["a|b", "a", "a|b|c", "|", "a"])
    assert strata_of(tags, TAGS).to_list() == ["b", "a", "c", "|", "a"]
    values = pl.Series("price", [str(value) for value in np.random.default_rng(0).normal(size=400)])
    sizes = strata_of(values, VALUE).value_counts()["count"].to_list()
    assert len(sizes) == 10
    assert max(sizes) - min(sizes) <= 1


def test_splits_keep_every_label_in_train_and_the_values_in_proportion():
    rng = np.random.default_rng(1)
    tags = [
        [name for name in "abc" if rng.random() < 0.4] + (["rare"] if at % 40 == 0 else [])
        for at in range(240)
    ]
    joined = pl.Series("tags", ["|".join(sorted(names)) or "|" for names in tags])
    text = [" ".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 12)) for _ in tags]
    splits = split_table(
        make_table(pl.DataFrame({"text": text, "tags": joined}), TAGS, source="made up"), seed=0
    )
    assert all("rare" in label_counts(frame["tags"], TAGS) for frame in splits.frames.values())
    values = pl.DataFrame({"size": rng.normal(size=400), "price": [str(v) for v in rng.normal(10, 3, 400)]})
    splits = split_table(make_table(values, VALUE, source="made up"), seed=0)
    means = [frame["price"].cast(pl.Float64).mean() for frame in splits.frames.values()]
    assert max(means) - min(means) < 0.8


def test_a_label_seen_once_and_a_value_that_never_differs_are_refused(tmp_path):
    (tmp_path / "once.csv").write_text("text,tags\none,a\ntwo,a|b\nthree,a|c\nfour,c\n", encoding="utf-8")
    with pytest.raises(DataError, match="the label 'b' is seen once"):
        load_table(tmp_path / "once.csv", TAGS)
    (tmp_path / "same.csv").write_text("size,price\n1,2\n2,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="every row has the one value 2"):
        load_table(tmp_path / "same.csv", VALUE)


def test_equal_rows_may_differ_in_a_number_and_not_in_a_label():
    frame = pl.DataFrame({"price": ["1", "2", None]})
    assert comparable_labels({"all": frame}, VALUE)["all"]["price"].to_list() == ["number", "number", None]
    assert comparable_labels({"all": frame}, Roles(label="price", text="x"))["all"] is frame
