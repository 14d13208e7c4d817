"""Boot on whatever is there: a whole file, none, garbage, a disk that refuses."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.serve.rolling import counts, in_canary, server
from tests.serve.rollout.test_receipts import chain
from tests.serve.state.test_store import keep

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.rollout.stored_form import to_form
from smallcraft.serve.state import opening
from smallcraft.serve.state.database import FILE_NAME, connect_to_read
from smallcraft.serve.state.opening import find_receipt, find_receipts, find_rollout, open_state
from smallcraft.serve.state.store import Outcome, epoch_file

NOBODY = 65534


def keep_chain(folder: Path):
    """A folder with a rollout that was rolled back; its state."""
    opened = open_state(folder)
    receipts, state = chain()
    keep(opened.store, state, receipts)
    opened.store.close()
    return state


@pytest.fixture
def kept(tmp_path):
    return keep_chain(tmp_path)


@contextlib.contextmanager
def unwritable(folder: Path):
    """As a user who may read the folder and not write to it."""
    is_root = os.geteuid() == 0
    for path in (folder, *folder.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture
def open_folder():
    """A folder that any user may reach, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="smallcraft-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_first_boot_begins_with_nothing_and_no_alarm(tmp_path):
    opened = open_state(tmp_path / "new" / "state")
    assert (opened.stored.state, opened.alarm, opened.stored.lost) == (None, "", "")
    assert opened.store.epoch == 1
    opened.store.close()


def test_a_second_boot_reads_all_and_takes_the_lease(tmp_path, kept):
    opened = open_state(tmp_path)
    assert to_form(opened.stored.state) == to_form(kept)
    assert (opened.store.epoch, opened.alarm) == (2, "")
    assert epoch_file(tmp_path).read_text() == "2\n"
    opened.store.close()


def overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: overwrite(path, b"garbage" * 5000),
        lambda path: overwrite(path, path.read_bytes()[:9000]),
        lambda path: overwrite(path, path.read_bytes().replace(b"rolled_back", b"rolled_over")),
        lambda path: overwrite(path, b""),
        lambda path: path.unlink(),
    ],
    ids=["garbage", "cut", "changed", "emptied", "gone"],
)
def test_a_file_that_cannot_be_understood_is_kept_aside_and_told(tmp_path, kept, damage):
    path = tmp_path / FILE_NAME
    # A log of a database that is gone is a sign that there was one.
    (tmp_path / f"{FILE_NAME}-wal").write_bytes(b"what is left of a log")
    damage(path)
    before = path.read_bytes() if path.exists() else b"what is left of a log"
    opened = open_state(tmp_path)
    assert "bad-1" in opened.alarm
    assert opened.stored.lost == opened.alarm
    assert opened.stored.state is None
    assert opened.store.epoch == 2
    assert before in {kept_aside.read_bytes() for kept_aside in tmp_path.glob(f"{FILE_NAME}.bad-1*")}
    opened.store.close()


def test_a_first_boot_that_was_killed_before_there_were_tables_has_lost_nothing(tmp_path):
    (tmp_path / FILE_NAME).touch()
    opened = open_state(tmp_path)
    assert (opened.stored.lost, opened.alarm, opened.store.epoch) == ("", "", 1)
    opened.store.close()


def test_a_loss_is_remembered_until_a_person_knows(tmp_path, kept):
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 5000)
    first = open_state(tmp_path)
    first.store.close()
    second = open_state(tmp_path)
    assert second.stored.lost == first.stored.lost
    second.store.write(lambda writing: writing.set_lost(""))
    second.store.close()
    third = open_state(tmp_path)
    assert (third.stored.lost, third.alarm) == ("", "")
    third.store.close()


def test_a_second_loss_keeps_the_first_one_too(tmp_path, kept):
    for number in (1, 2):
        (tmp_path / FILE_NAME).write_bytes(f"garbage {number}".encode() * 5000)
        open_state(tmp_path).store.close()
    names = {path.name for path in tmp_path.glob("*.bad-*") if not path.name.endswith(("-wal", "-shm"))}
    assert names == {f"{FILE_NAME}.bad-1", f"{FILE_NAME}.bad-2"}


def test_after_a_loss_the_epoch_still_rises(tmp_path):
    for _ in range(5):
        open_state(tmp_path).store.close()
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 5000)
    opened = open_state(tmp_path)
    assert opened.store.epoch == 6
    opened.store.close()


def test_a_folder_that_cannot_be_written_is_read_and_told(open_folder):
    state = keep_chain(open_folder)
    with unwritable(open_folder):
        opened = open_state(open_folder)
    assert opened.store is None
    assert to_form(opened.stored.state) == to_form(state)
    assert (opened.stored.lost, "cannot be written" in opened.alarm) == ("", True)
    again = open_state(open_folder, kept_epoch=opened.stored.epoch)
    assert (again.store.epoch, again.alarm) == (2, "")
    again.store.close()


def test_what_another_controller_took_meanwhile_is_not_taken_back(open_folder):
    keep_chain(open_folder)
    with unwritable(open_folder):
        opened = open_state(open_folder)
    open_state(open_folder).store.close()
    again = open_state(open_folder, kept_epoch=opened.stored.epoch)
    assert (again.store, again.is_deposed) == (None, True)
    assert "another controller took over" in again.alarm


def test_a_folder_that_cannot_be_made_is_told_as_lost(tmp_path):
    (tmp_path / "file").write_text("in the way")
    opened = open_state(tmp_path / "file" / "state")
    assert (opened.store, opened.stored.state) == (None, None)
    assert "cannot be used" in opened.stored.lost


def test_a_first_boot_on_a_folder_that_cannot_be_written_has_lost_nothing(open_folder):
    with unwritable(open_folder):
        opened = open_state(open_folder)
    assert (opened.store, opened.stored.lost) == (None, "")
    assert "cannot be written" in opened.alarm


def test_a_read_only_disk_is_read_and_told_until_it_can_be_written(small_disk):
    folder = small_disk / "state"
    state = keep_chain(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        opened = open_state(folder)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert opened.store is None
    assert to_form(opened.stored.state) == to_form(state)
    again = open_state(folder, kept_epoch=opened.stored.epoch)
    assert again.store is not None
    again.store.close()


def test_receipts_are_found_by_name_from_another_process(tmp_path, kept):
    assert to_form(find_rollout(tmp_path)) == to_form(kept)
    assert [receipt.number for receipt in find_receipts(tmp_path)] == [1, 2, 3, 4]
    assert find_receipt(tmp_path, f"{kept.id}/4").digest == kept.last_receipt
    assert find_receipt(tmp_path, "4").digest == kept.last_receipt
    with pytest.raises(NotFoundError, match="receipts 1 to 4"):
        find_receipt(tmp_path, f"{kept.id}/9")
    with pytest.raises(NotFoundError, match=f"it has {kept.id}"):
        find_rollout(tmp_path, "helpdesk-4-other")


def test_another_process_reads_what_was_at_one_moment_whoever_writes_meanwhile(tmp_path, monkeypatch):
    opened, whole = open_state(tmp_path), in_canary()
    keep(opened.store, replace(whole, steps=whole.steps[:1]))

    def goes_on(statement: str) -> None:
        if "FROM steps" in statement:
            opened.store.write(lambda writing: (writing.save_state(whole), writing.save_step(whole, 1)))

    def connect(path):
        database = connect_to_read(path)
        database.set_trace_callback(goes_on)
        return database

    monkeypatch.setattr(opening, "connect_to_read", connect)
    assert len(find_rollout(tmp_path).steps) == 1
    assert to_form(find_rollout(tmp_path)) == to_form(whole)


def test_where_there_is_no_state_that_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="holds no state"):
        find_rollout(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 5000)
    with pytest.raises(IntegrityError, match="cannot be read"):
        find_rollout(tmp_path)


def test_a_lease_that_another_took_refuses_what_the_first_one_writes(tmp_path):
    first, second = open_state(tmp_path), open_state(tmp_path)
    assert first.store.write(lambda writing: writing.accept("r", 1)).outcome is Outcome.DEPOSED
    assert second.store.write(lambda writing: writing.accept("r", 1)).outcome is Outcome.WRITTEN
    first.store.close()
    second.store.close()


def test_a_rollback_on_overwhelming_evidence_is_read_at_the_next_boot(tmp_path):
    made = server(tmp_path)
    made.start()
    made.pass_shadow()
    made.serve(counts(stable=270, canary=30, errors=(0, 25)))
    assert made.state.phase == "rolled_back"
    made.controller.close()
    opened = open_state(tmp_path)
    opened.store.close()
    assert opened.stored.lost == ""
    assert opened.stored.state.phase == "rolled_back"
    assert replay(find_receipts(tmp_path)[-1]).agrees
