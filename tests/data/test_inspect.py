"""Laws of guessing: good guesses on known files, a reason for every column, candidates where unsure."""

from __future__ import annotations

from pathlib import Path

import pytest

from smallcraft.data.inspect import inspect_file
from smallcraft.data.load import load_table
from smallcraft.errors import DataError

HELPDESK = "message,intent,customer_id,created_at,region,ann_a,ann_b,ann_c\n" + "".join(
    f"please help me with thing {at},{'abc'[at % 3]},c{at % 20},2026-01-{at % 28 + 1:02} 10:00:00,"
    f"{('eu', 'us')[at % 2]},{'abc'[at % 3]},{'abc'[(at + at // 9) % 3]},{'a' if at % 4 else ''}\n"
    for at in range(90)
)


def write(folder: Path, content: str) -> Path:
    path = folder / "t.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_helpdesk_export_is_understood(tmp_path):
    guess = inspect_file(write(tmp_path, HELPDESK))
    roles = guess.roles
    assert (roles.text, roles.label, roles.key, roles.time) == (
        "message",
        "intent",
        "customer_id",
        "created_at",
    )
    assert (roles.votes, roles.groups, roles.features) == (("ann_a", "ann_b", "ann_c"), ("region",), ())
    assert (guess.rows, dict(guess.class_counts), guess.metric) == (
        90,
        {"a": 30, "b": 30, "c": 30},
        "accuracy",
    )


def test_every_column_has_a_reason_in_file_order(tmp_path):
    guess = inspect_file(write(tmp_path, HELPDESK))
    assert list(guess.reasons) == HELPDESK.split("\n", 1)[0].split(",")
    assert all(reason for reason in guess.reasons.values())


def test_a_guess_can_be_loaded(tmp_path):
    path = write(tmp_path, HELPDESK)
    assert load_table(path, inspect_file(path).roles).ref.rows == 90


def test_columns_that_number_rows_are_never_features(tmp_path):
    header = "id,ticket_no,uuid,serial,age,income\n"
    rows = "".join(f"{at},{at * 3},u{at},{at + 7},{at % 50},{'lh'[at % 2]}\n" for at in range(100))
    guess = inspect_file(write(tmp_path, header + rows))
    assert guess.roles.features == ("age",)
    assert guess.roles.key is None
    assert "numbers rows" in guess.reasons["serial"]


def test_a_measurement_that_differs_in_every_row_is_a_feature(tmp_path):
    rows = "".join(f"{at * 0.37:.2f},{'lh'[at % 2]}\n" for at in range(100))
    assert inspect_file(write(tmp_path, "weight,class\n" + rows)).roles.features == ("weight",)


def test_the_last_column_of_classes_is_the_label_of_a_plain_table(tmp_path):
    rows = "".join(f"{at % 7 + 0.5},{'xyz'[at % 3]},{'lh'[at % 2]}\n" for at in range(60))
    guess = inspect_file(write(tmp_path, "size,shape,verdict\n" + rows))
    assert guess.roles.label == "verdict"
    assert guess.reasons["verdict"] == "label: it stands last; 2 classes"
    assert guess.roles.features == ("size", "shape")


def test_a_named_label_and_text_are_taken(tmp_path):
    guess = inspect_file(write(tmp_path, HELPDESK), label="region", text="message")
    assert (guess.roles.label, guess.reasons["region"]) == ("region", "label: you named it")


def test_an_unclear_label_is_refused_with_the_candidates_and_the_option(tmp_path):
    rows = "".join(f"a longer text here {at},{'xy'[at % 2]},{'pqr'[at % 3]}\n" for at in range(60))
    path = write(tmp_path, "note,mood,team\n" + rows)
    with pytest.raises(DataError, match=r"it could be 'mood' \(2 .*'team' \(3 values\); .*--label mood"):
        inspect_file(path)
    assert inspect_file(path, label="team").roles.text == "note"


def test_a_file_without_classes_is_refused(tmp_path):
    with pytest.raises(DataError, match="no column has a few values that repeat"):
        inspect_file(write(tmp_path, "a,b\n1,2\n3,4\n5,6\n"))


def test_a_named_label_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="did you mean 'intent'"):
        inspect_file(write(tmp_path, HELPDESK), label="intnet")


def test_a_label_with_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="no column is left for a model to read"):
        inspect_file(write(tmp_path, "id,label\n" + "".join(f"{at},{'xy'[at % 2]}\n" for at in range(9))))


@pytest.mark.realdata
def test_real_files_are_understood(shared_data, tmp_path):
    banking = inspect_file(shared_data / "banking77" / "train.csv")
    assert (banking.roles.text, banking.roles.label, banking.metric) == ("text", "category", "macro_f1")
    assert (banking.rows, len(banking.class_counts)) == (10_003, 77)
    hate = inspect_file(shared_data / "hatecheck" / "all_annotations.csv")
    assert (hate.roles.text, hate.roles.label, len(hate.roles.votes)) == ("test_case", "label_gold", 10)
    names = (
        "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,"
        "capital-gain,capital-loss,hours-per-week,native-country,income\n"
    )
    adult = inspect_file(write(tmp_path, names + (shared_data / "adult" / "adult.data").read_text("utf-8")))
    assert (adult.roles.label, adult.roles.text, len(adult.roles.features)) == ("income", None, 14)
    assert set(adult.roles.groups) == {"race", "sex", "native-country"}
    assert dict(adult.class_counts) == {"<=50K": 24_720, ">50K": 7_841}


EXPORT = "Ticket No.;Customer Message ;Ticket Category;Sales Region;Date Received;Notes\n" + "".join(
    f"T-{at};please help me with thing {at};{('Refund', 'refund', 'Return label')[at % 3]};"
    f"{('EU', 'US', 'UK')[at // 2 % 3]};{at % 28 + 1:02}.01.2026 10:00;\n"
    for at in range(90)
)


def test_an_export_with_semicolons_and_names_of_several_words_is_understood(tmp_path):
    guess = inspect_file(write(tmp_path, "\ufeff" + EXPORT))
    assert (guess.roles.label, guess.roles.text) == ("Ticket Category", "Customer Message")
    assert guess.roles.groups == ("Sales Region",)
    assert "written so they could be the time" in guess.reasons["Date Received"]
    assert guess.reasons["Notes"] == "nothing: it is empty"
    assert dict(guess.spellings) == {"refund": "Refund"}
    assert guess.bad_rows == 0


def test_rows_that_cannot_be_used_are_counted_and_do_not_stop_a_guess(tmp_path):
    guess = inspect_file(write(tmp_path, HELPDESK + ",,,,,,,\n,a,,,,,,\nbroken\n"))
    assert guess.bad_rows == 3


def test_a_file_that_is_mostly_broken_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"line 3: 1 fields where the header has 2.*1 more bad rows"):
        inspect_file(write(tmp_path, "text,label\na,x\nb\nc\n"))
