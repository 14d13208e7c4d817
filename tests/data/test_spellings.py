"""Laws of spellings: one class however it is written; nothing but the odd labels changes."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.spellings import find_spellings, write_one_spelling
from smallcraft.errors import DataError, InvalidInputError

words = st.sampled_from(
    ["Refund", "refund", "REFUND", "return label", "Return_Label", "return-label", "other"]
)
MESSY = '\ufeffNo;Text;Kind\r\n1;"a; b";Refund\r\n2;c;refund \r\n\r\n3;d;Refund\r\n4;e;Other\r\n5;f;\r\n'


@given(st.lists(words, min_size=1))
def test_after_the_change_each_class_has_one_spelling_and_it_was_there(labels):
    found = find_spellings(pl.Series(labels))
    kept = [found.get(label, label) for label in labels]
    assert set(kept) <= set(labels)
    assert find_spellings(pl.Series(kept)) == {}
    assert len(set(kept)) == len({label.casefold().replace("_", " ").replace("-", " ") for label in labels})


@given(st.lists(words, min_size=1))
def test_the_commonest_spelling_stays(labels):
    for odd, usual in find_spellings(pl.Series(labels)).items():
        assert labels.count(usual) >= labels.count(odd)


def test_the_copy_differs_in_the_odd_labels_alone(tmp_path):
    source, target = tmp_path / "t.csv", tmp_path / "t-one-spelling.csv"
    source.write_text(MESSY, encoding="utf-8", newline="")
    assert write_one_spelling(str(source), "Kind", target) == 1
    assert target.read_bytes() == MESSY.replace("refund ", "Refund").encode()
    assert source.read_bytes() == MESSY.encode()


def test_a_copy_is_never_written_over_and_never_made_for_nothing(tmp_path):
    source, target = tmp_path / "t.csv", tmp_path / "new.csv"
    source.write_text("Text,Kind\na,x\nb,y\n", encoding="utf-8")
    with pytest.raises(DataError, match="has one spelling; leave --one-spelling out"):
        write_one_spelling(str(source), "Kind", target)
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="is there already"):
        write_one_spelling(str(source), "Kind", target)
