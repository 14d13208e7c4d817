"""From files to splits: every row is accounted for, and what the user decided stands."""

from __future__ import annotations

import polars as pl
import pytest
from tests.projects import MESSAGES, message_rows, save_rows, write_messages, write_rows

from smallcraft.data.split import DEALT_ANEW, DEALT_BY_NUMBER
from smallcraft.errors import DataError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.prepare import prepare_data


class Notes(SilentListener):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.checks: list[str] = []

    def note(self, sentence):
        self.notes.append(sentence)

    def checked(self, result):
        self.checks.append(result.check)


def prepared(folder, listener=None):
    return prepare_data(load_config(folder), listener or SilentListener())


def rows_in(found):
    return {name: frame.height for name, frame in found.splits.frames.items()}


def assert_all_rows_are_accounted_for(found):
    held_out = found.splits.removed.height
    assert sum(rows_in(found).values()) + held_out + found.rows_quarantined == found.rows_read


def test_every_row_is_in_one_split_or_held_out_or_set_aside(tmp_path):
    rows = message_rows(150)
    rows["message"][3:6] = ["", " ", "copy of a copy of a copy of a message about an invoice refund"]
    rows["message"][7:9] = [rows["message"][5]] * 2
    folder = write_rows(tmp_path, rows, data=f'{MESSAGES}\non_bad_rows = "quarantine"')
    found = prepared(folder)
    assert (found.rows_read, found.rows_quarantined) == (150, 2)
    assert_all_rows_are_accounted_for(found)


def test_bad_rows_are_set_aside_with_their_reason_when_the_project_says_so(tmp_path):
    rows = message_rows(150)
    rows["intent"][10] = ""
    folder = write_rows(tmp_path, rows, data=f'{MESSAGES}\non_bad_rows = "quarantine"')
    listener = Notes()
    found = prepared(folder, listener)
    assert found.splits.refs["train"].rows > 0
    aside = pl.read_parquet(folder / "quarantine.parquet")
    assert aside.select("line", "column", "reason").rows() == [(12, "intent", "the label is missing")]
    assert any(
        "1 of 150 rows were set aside" in note and "quarantine.parquet" in note for note in listener.notes
    )


def test_bad_rows_are_refused_when_the_project_does_not_say_so(tmp_path):
    rows = message_rows(150)
    rows["intent"][10] = ""
    folder = write_rows(tmp_path, rows, data=MESSAGES)
    with pytest.raises(DataError, match="line 12, column 'intent': the label is missing"):
        prepared(folder)
    assert not (folder / "quarantine.parquet").exists()


def test_the_users_own_dev_and_cert_are_used_as_they_are(tmp_path):
    folder = write_messages(tmp_path, data=f'{MESSAGES}\ndev = "own/dev.csv"\ncert = "own/cert.jsonl"')
    (folder / "own").mkdir()
    save_rows(folder / "own" / "dev.csv", message_rows(30, seed=5))
    save_rows(folder / "own" / "cert.jsonl", message_rows(36, seed=6))
    found = prepared(folder)
    assert rows_in(found) == {"train": 150, "dev": 30, "cert": 36}
    assert found.splits.frames["cert"]["message"].to_list() == message_rows(36, seed=6)["message"]
    assert found.rows_read == 216
    assert_all_rows_are_accounted_for(found)


def test_bad_rows_of_the_users_own_split_have_a_file_of_their_own(tmp_path):
    data = f'{MESSAGES}\ncert = "cert.csv"\non_bad_rows = "quarantine"'
    folder = write_messages(tmp_path, data=data)
    rows = message_rows(36, seed=6)
    rows["message"][0] = ""
    save_rows(folder / "cert.csv", rows)
    found = prepared(folder)
    assert rows_in(found)["cert"] == 35
    assert pl.read_parquet(folder / "quarantine-cert.parquet").height == 1
    assert_all_rows_are_accounted_for(found)


def test_the_users_split_column_decides_and_is_no_input(tmp_path):
    rows = message_rows(150)
    rows["part"] = [("train", "train", "train", "validation", "test")[row // 3 % 5] for row in range(150)]
    folder = write_rows(tmp_path, rows, data=f'{MESSAGES}\nsplit = "part"')
    found = prepared(folder)
    assert rows_in(found) == {"train": 90, "dev": 30, "cert": 30}
    assert set(found.splits.frames["cert"]["part"]) == {"test"}
    assert_all_rows_are_accounted_for(found)


def test_rows_of_one_key_stay_together_and_cert_is_the_latest(tmp_path):
    rows = message_rows(150)
    rows["customer"] = [f"c{row // 3}" for row in range(150)]
    rows["sent"] = [f"2026-03-{1 + row // 6:02d}" for row in range(150)]
    folder = write_rows(tmp_path, rows, data=f'{MESSAGES}\nkey = "customer"\ntime = "sent"')
    found = prepared(folder)
    keys = {name: set(frame["customer"]) for name, frame in found.splits.frames.items()}
    assert not keys["train"] & keys["dev"]
    assert not (keys["train"] | keys["dev"]) & keys["cert"]
    latest = max(max(found.splits.frames[name]["sent"]) for name in ("train", "dev"))
    assert latest <= min(found.splits.frames["cert"]["sent"])


def test_files_are_named_as_the_project_names_them_so_that_nothing_tells_where_they_lie(tmp_path):
    folder = write_messages(tmp_path, data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(folder / "cert.csv", message_rows(36, seed=6))
    found = prepared(folder)
    assert any("cert is cert.csv" in note for note in found.splits.notes)
    assert str(tmp_path) not in " ".join((*found.splits.notes, found.table.source))


def test_every_check_is_told_as_it_is_done_and_handed_on(tmp_path):
    listener = Notes()
    found = prepared(write_messages(tmp_path), listener)
    assert listener.checks == [result.check for result in found.checks]
    assert {"row_counts", "duplicates", "leakage"} <= set(listener.checks)


def test_rows_are_dealt_as_a_release_was_where_that_is_asked_for(tmp_path):
    config = load_config(write_messages(tmp_path / "p"))
    now, before = (
        prepare_data(config, SilentListener(), dealing=dealing).splits
        for dealing in (DEALT_BY_NUMBER, DEALT_ANEW)
    )
    assert (now.dealing, before.dealing) == (DEALT_BY_NUMBER, DEALT_ANEW)
    assert now.refs["train"].digest != before.refs["train"].digest
    assert prepare_data(config, SilentListener()).splits.refs == now.refs


def test_the_seed_moves_rows_between_splits_and_the_same_seed_does_not(tmp_path):
    folder = write_messages(tmp_path)
    first, again = prepared(folder), prepared(folder)
    assert first.splits.refs == again.splits.refs
    project = folder / "smallcraft.toml"
    project.write_text("seed = 3\n" + project.read_text(encoding="utf-8"), encoding="utf-8")
    assert prepared(folder).splits.refs["train"].digest != first.splits.refs["train"].digest
