from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.evaluate.harness.openers.toy_models import LABELS, TEXTS, names, text_questions

from smallcraft.errors import DataError
from smallcraft.evaluate.harness.answers import Answers
from smallcraft.evaluate.harness.openers import BUILTIN
from smallcraft.evaluate.harness.openers.opener import OpenOptions

IDS = ["r5", "r3", "r1", "r2", "r4", "r6"]
POS = [0.9, 0.2, 0.75, 0.4, 0.6, 0.1]


def answers(
    folder, frame: pl.DataFrame, *, suffix: str = ".csv", id_column: str | None = None, **more: object
) -> Answers:
    path = folder / f"answers{suffix}"
    if suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path)
    model = BUILTIN["predictions"].open(str(path), OpenOptions(id_column=id_column))
    assert model.whole
    assert model.cost == "none"
    return model.answer(text_questions(**more))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("column", ["label", "prediction"])
def test_labels_are_read_from_every_format_in_the_order_of_rows(tmp_path, suffix, column):
    found = answers(tmp_path, pl.DataFrame({column: LABELS}), suffix=suffix)
    assert names(found) == LABELS
    assert found.labels_only
    assert found.notes == ("rows joined by their order",)


@pytest.mark.parametrize("prefix", ["", "prob_"])
def test_a_probability_column_a_class(tmp_path, prefix):
    frame = pl.DataFrame({f"{prefix}pos": POS, f"{prefix}neg": [1 - p for p in POS], "confidence": POS})
    found = answers(tmp_path, frame)
    assert names(found) == LABELS
    assert not found.labels_only
    assert found.probs[:, found.classes.index("pos")] == pytest.approx(np.array(POS))


def test_rows_are_joined_by_an_id_that_both_have_whatever_their_order(tmp_path):
    order = [3, 0, 5, 1, 4, 2]
    frame = pl.DataFrame({"id": [IDS[i] for i in order], "prediction": [LABELS[i] for i in order]})
    found = answers(tmp_path, frame, id=IDS)
    assert names(found) == LABELS
    assert found.notes == ("rows joined by 'id'",)
    named = answers(tmp_path, frame.rename({"id": "ticket"}), ticket=IDS, id_column="ticket")
    assert names(named) == LABELS


def test_an_id_that_repeats_joins_nothing_unless_it_was_named(tmp_path):
    frame = pl.DataFrame({"id": ["a"] * 6, "prediction": LABELS})
    assert answers(tmp_path, frame, id=IDS).notes == ("rows joined by their order",)
    with pytest.raises(DataError, match="must be different in every row"):
        answers(tmp_path, frame, id=IDS, id_column="id")


@pytest.mark.parametrize(
    ("frame", "more", "what"),
    [
        ({"label": LABELS[:5]}, {}, "has 5 rows and the data 6"),
        ({"label": [*LABELS, "pos"]}, {}, "has 7 rows and the data 6"),
        (
            {"id": [*IDS[:5], "r9"], "label": LABELS},
            {"id": IDS},
            "no prediction for row 6, whose 'id' is 'r6'",
        ),
        ({"label": [*LABELS[:3], None, *LABELS[4:]], "n": IDS}, {}, "row 4 has no label"),
        ({"score": POS}, {}, "must hold a column 'prediction' or 'label'"),
        ({"prob_pos": POS, "prob_neg": POS}, {}, "sum to 1"),
        ({"prob_pos": ["x"] * 6, "prob_neg": POS}, {}, "row 1 must hold a probability, got 'x'"),
        ({"pos": [*POS[:5], None], "neg": [1 - p for p in POS]}, {}, "row 6 must hold a probability"),
        ({"message": [TEXTS[1], TEXTS[0], *TEXTS[2:]], "label": LABELS}, {}, "another 'message' in row 1"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_row_and_remedy(tmp_path, frame, more, what):
    with pytest.raises(DataError, match=what):
        answers(tmp_path, pl.DataFrame(frame), **more)


def test_a_label_that_is_not_the_most_probable_class_is_refused_and_a_tie_is_not(tmp_path):
    probs = {"prob_pos": POS, "prob_neg": [1 - p for p in POS]}
    said = ["pos", "neg", "neg", "neg", "pos", "neg"]
    with pytest.raises(DataError, match=r"not the most probable class in 1 rows, first in row 3 \('neg'"):
        answers(tmp_path, pl.DataFrame({"prediction": said, **probs}))
    tied = {"prob_pos": [0.5] * 6, "prob_neg": [0.5] * 6}
    assert not answers(tmp_path, pl.DataFrame({"prediction": said, **tied})).labels_only


def test_prediction_goes_before_label_so_a_file_may_carry_the_truth(tmp_path):
    flipped = ["neg" if label == "pos" else "pos" for label in LABELS]
    assert names(answers(tmp_path, pl.DataFrame({"label": LABELS, "prediction": flipped}))) == flipped


@pytest.mark.parametrize(("content", "what"), [("", "empty"), ("label\n", "no rows|header")])
def test_an_empty_file_is_refused(tmp_path, content, what):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=what):
        BUILTIN["predictions"].open(str(tmp_path / "a.csv"), OpenOptions())
