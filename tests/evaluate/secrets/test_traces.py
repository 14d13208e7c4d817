"""What a bundle's files spell out is found; a clean one is clean."""

from __future__ import annotations

import pytest
from tests.models.tinybert import write_backbone
from tests.models.toys import MIXED, TABLE, TEXT, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.errors import NotFoundError
from smallcraft.evaluate.secrets.traces import rows_with_personal_data, traces_in_bundle
from smallcraft.models.backbone import find_backbone
from smallcraft.models.ladder import fit_rung
from smallcraft.models.workshop import Workshop


def bundle_of(workshop: Workshop, folder, rung: str = "ngram"):
    return fit_rung(rung, workshop, folder / "bundles", about={}).bundle


def with_texts(workshop: Workshop, texts: list[str]) -> Workshop:
    from dataclasses import replace

    return replace(workshop, parts=(("train", read_inputs({"message": texts}, TEXT)),))


def test_rows_with_personal_data_are_found_by_position():
    texts = ["nothing here", "write to jane.doe@mail.example", "", "card 4242 4242 4242 4242"]
    assert rows_with_personal_data(texts) == [1, 3]


@pytest.mark.parametrize("rung", ["ngram", "cascade"])
def test_a_vocabulary_of_plain_words_leaves_no_trace(tmp_path, rung):
    backbone = find_backbone(str(write_backbone(tmp_path / "tiny")))
    workshop = toy_workshop(tmp_path, TEXT, backbone=backbone)
    assert traces_in_bundle(bundle_of(workshop, tmp_path, rung), workshop.texts) == ()


def test_a_category_that_is_an_address_is_found_masked(tmp_path):
    from dataclasses import replace

    workshop = toy_workshop(tmp_path, TABLE)
    given = workshop.parts[0][1]
    people = ["jane.doe@mail.example" if place % 3 else "nobody" for place in range(given.n)]
    columns = {"age": [1.0] * given.n, "amount": [2.0] * given.n, "plan": people, "city": people}
    workshop = replace(workshop, parts=(("train", read_inputs(columns, TABLE)),))
    found = traces_in_bundle(bundle_of(workshop, tmp_path, "linear"), [])
    assert [trace.kind for trace in found] == ["email"]
    assert found[0].masked == "j***@m***.example"


def test_a_number_that_one_row_says_twice_is_a_piece_of_the_shipped_tokenizer(tmp_path):
    """The tokenizer learns pairs seen twice, and once in one text twice is enough."""
    workshop = toy_workshop(tmp_path)
    texts = list(workshop.texts)
    texts[7] = "my contract 83749215 please, I repeat: 83749215"
    found = traces_in_bundle(bundle_of(with_texts(workshop, texts), tmp_path), texts)
    assert {trace.kind for trace in found} == {"rare number"}
    assert {trace.row for trace in found} == {7}
    assert "83749215" not in repr(found)
    assert any(trace.masked == "*** 15" for trace in found)


def test_a_number_that_many_rows_say_is_a_word_like_any_other(tmp_path):
    workshop = toy_workshop(tmp_path)
    texts = [f"{text} since 2024" for text in workshop.texts]
    assert traces_in_bundle(bundle_of(with_texts(workshop, texts), tmp_path), texts) == ()


def test_columns_beside_a_text_are_looked_through_too(tmp_path):
    workshop = toy_workshop(tmp_path, MIXED)
    assert traces_in_bundle(bundle_of(workshop, tmp_path), workshop.texts) == ()


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(NotFoundError):
        traces_in_bundle(tmp_path, [])
