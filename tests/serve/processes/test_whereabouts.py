"""Where a server can be found, and that one at a time has a state folder."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.serve.processes.whereabouts import (
    LONGEST_SOCKET_PATH,
    Whereabouts,
    forget_whereabouts,
    hold_state_folder,
    make_run_folder,
    read_whereabouts,
    remove_run_folder,
    write_whereabouts,
)

WHERE = Whereabouts(12, "/run/x", "127.0.0.1", 8080)


def test_a_server_is_found_where_it_says_until_it_has_ended(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft serve"):
        read_whereabouts(tmp_path)
    write_whereabouts(tmp_path, WHERE)
    assert read_whereabouts(tmp_path) == WHERE
    assert str(WHERE.admin) == "/run/x/admin.sock"
    assert str(WHERE.control) == "/run/x/control.sock"
    forget_whereabouts(tmp_path)
    forget_whereabouts(tmp_path)
    with pytest.raises(NotFoundError):
        read_whereabouts(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', "\0"])
def test_a_damaged_file_is_as_good_as_none(tmp_path, content):
    (tmp_path / "serving.json").write_text(content)
    with pytest.raises(NotFoundError):
        read_whereabouts(tmp_path)


def test_one_server_at_a_time_has_a_state_folder(tmp_path):
    state = tmp_path / "a" / "state"
    with hold_state_folder(state):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        with pytest.raises(InvalidInputError, match="another server"), hold_state_folder(state):
            pass
    with hold_state_folder(state):
        pass


def test_a_state_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="name another"), hold_state_folder(tmp_path / "file"):
        pass


def test_the_folder_of_sockets_is_this_users_alone_and_its_paths_are_short():
    run = make_run_folder()
    try:
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        assert len(os.fsencode(run / f"{'d' * 12}-1234567.sock")) <= LONGEST_SOCKET_PATH
    finally:
        remove_run_folder(run)
    assert not run.exists()


def test_a_long_temporary_folder_is_refused_with_the_remedy(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(InvalidInputError, match="TMPDIR"):
        make_run_folder()
    assert list(long.iterdir()) == []


def test_only_folders_of_sockets_are_removed(tmp_path):
    kept = tmp_path / "mine"
    kept.mkdir()
    remove_run_folder(kept)
    assert kept.exists()
