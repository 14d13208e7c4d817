"""Rows that people can be asked about: each once, none of dev or cert, by one id wherever it comes from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.pipeline.labelling.projects import LABELS, judged_of, plant, prepared_of, write_people
from tests.projects import message_rows, write_rows

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.project import released_bundle
from smallcraft.pipeline.labelling.rows import (
    KeptAnswer,
    NewRows,
    as_trained,
    gather_rows,
    row_items,
)
from smallcraft.pipeline.stages.quality import Judged


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows") / "p"
    plant(folder)
    return prepared_of(folder)


@pytest.fixture(scope="module")
def bundle(tiny_built):
    return released_bundle(load_config(tiny_built))


def judged(prepared):
    return judged_of(prepared, classes=LABELS)


def new(messages, *, source="pool.csv", **told):
    return NewRows(source, pl.DataFrame({"message": messages}), **told)


def test_a_row_stands_once_with_its_copies_beside_it(tmp_path):
    rows = message_rows(60)
    twice = {name: [*values, *values[:3]] for name, values in rows.items()}
    folder = write_rows(tmp_path / "p", twice, data='text = "message"\nlabel = "intent"')
    prepared = prepared_of(folder)
    table = gather_rows(prepared, judged(prepared))
    assert len(set(table.items)) == len(table.items) == table.frame.height == len(table.seen.truth)
    positions = sorted(at for copies in table.copies.values() for at in copies)
    assert len(positions) == prepared.splits.frames["train"].height
    raw = pl.read_csv(folder / "rows.csv")["message"]
    for item, copies in table.copies.items():
        assert {raw[at] for at in copies} == {table.texts()[item]}
    assert max(map(len, table.copies.values())) <= 2


def test_no_row_of_dev_or_cert_is_there_even_as_a_new_one(project, bundle):
    frames = project.splits.frames
    sealed = [*frames["dev"]["message"].to_list(), *frames["cert"]["message"].to_list()]
    table = gather_rows(project, judged(project), (new([*sealed, "where is my parcel"]),), bundle=bundle)
    assert set(sealed).isdisjoint(table.texts().values())
    assert table.sources.count("pool.csv") == 1


def test_new_rows_stand_once_behind_those_of_train_with_no_label(project, bundle):
    first, second = new(["a new one", "", "  ", "another"]), new(["another", "a third"], source="abstained")
    table = gather_rows(project, judged(project), (first, second), bundle=bundle)
    told = [(table.texts()[item], table.sources[row]) for item, row in table.place.items()]
    assert told[-3:] == [("a new one", "pool.csv"), ("another", "pool.csv"), ("a third", "abstained")]
    assert table.seen.truth[-3:].tolist() == [-1, -1, -1]
    assert np.allclose(table.seen.probs.sum(axis=1), 1)
    assert set(table.items[-3:]).isdisjoint(table.copies)


def test_a_kept_answer_stays_with_its_row(project, bundle):
    told = KeptAnswer("rows@1", "k1", 3600, "login", "random", 0.25)
    rows = new(["a new one", "a new one", "another"], kept=(told, told, None))
    table = gather_rows(project, judged(project), (rows,), bundle=bundle)
    (item,) = table.kept
    assert (table.texts()[item], table.kept[item]) == ("a new one", told)


def test_classes_of_a_release_are_found_by_name_and_what_it_does_not_know_has_no_chance(project, bundle):
    assert bundle.classes == LABELS
    classes = ("parcel", "returns", "login", "billing")
    wider = judged_of(project, classes=classes)
    message = "password login locked account"
    table = gather_rows(project, wider, (new([message]),), bundle=bundle)
    own = np.asarray(bundle.predict_proba([message]))[0]
    assert table.seen.probs[-1] == pytest.approx([own[2], 0.0, own[1], own[0]])


def test_new_rows_without_a_release_are_refused_with_the_next_step(project):
    with pytest.raises(InvalidInputError, match=r"rows of pool.csv are ranked .* `smallcraft build` first"):
        gather_rows(project, judged(project), (new(["a new one"]),))


def test_rows_that_no_model_judged_are_refused_with_the_reason(project):
    with pytest.raises(InvalidInputError, match="no model judged the rows of train: none: nothing to read"):
        gather_rows(project, Judged({}, "none: nothing to read", {}, {}))


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_several_labels_and_numbers_are_refused_with_the_way_out(tmp_path, task):
    labels = ["a|b", "b", "a", "b|a"] if task == "multilabel" else [1.5, 2.5, 3.25, 4.0]
    rows = {"message": message_rows(60)["message"], "mark": labels * 15}
    data = f'text = "message"\nlabel = "mark"\ntask = "{task}"'
    prepared = prepared_of(write_rows(tmp_path / "p", rows, data=data, more=""))
    with pytest.raises(
        InvalidInputError, match=f"one class a row, but the task is {task}; label such rows else"
    ):
        gather_rows(prepared, Judged({}, "", {}, {}))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_people(tmp_path_factory.mktemp("people") / "p")


def test_what_stands_beside_the_inputs_is_held_and_is_no_part_of_the_id(people):
    train, roles = people.splits.frames["train"], people.table.roles
    table = gather_rows(people, judged_of(people, classes=("0", "1")))
    assert table.frame.columns == ["age", "job", "insured", "town", "who", "seen"]
    moved = train.with_columns(pl.lit("Bonn").alias("town"), pl.lit("x").alias("who"))
    assert row_items(moved, roles) == row_items(train, roles)
    bare = as_trained(train.select("age", "job", "insured", "seen"), train, roles, source="f")
    assert bare["town"].null_count() == bare.height


def test_a_person_reads_each_feature_on_a_line(people):
    table = gather_rows(people, judged_of(people, classes=("0", "1")))
    row = next(row for row in range(len(table.items)) if table.frame["job"][row] is None)
    age, insured = table.frame["age"][row], table.frame["insured"][row]
    shown = "(missing)" if age is None else f"{age}"
    assert table.texts()[table.items[row]] == f"age: {shown}\njob: (missing)\ninsured: {str(insured).lower()}"
