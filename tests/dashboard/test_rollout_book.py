"""The book holds the receipts of every model, is read again when a server wrote, tells what is unreadable."""

from __future__ import annotations

import pytest
from tests.dashboard.projects import release_bare

from smallcraft.dashboard.rollout_book import read_book
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.serve.state.database import FILE_NAME
from smallcraft.serve.state.opening import open_state


def test_before_a_server_ran_there_is_no_book(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft serve"):
        read_book(Sources(tmp_path))


def test_a_server_that_rolled_nothing_out_has_an_empty_page_in_it(tmp_path):
    release_bare(tmp_path, 1)
    sources = Sources(tmp_path)
    opened = open_state(sources.served.state / "rows")
    assert opened.store is not None
    opened.store.close()
    assert dict(read_book(sources)) == {"rows": ()}


def test_a_file_that_is_no_state_is_told_and_never_taken_for_empty(tmp_path):
    sources = Sources(tmp_path)
    folder = sources.served.state / "rows"
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_bytes(b"x" * 4096)
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_book(sources)


def test_a_book_is_read_again_when_another_model_came(tmp_path):
    sources = Sources(tmp_path)
    for count, name in enumerate(("rows", "tickets"), start=1):
        opened = open_state(sources.served.state / name)
        assert opened.store is not None
        opened.store.close()
        assert len(read_book(sources)) == count
