"""The words that people read on the page are those of the rows that they were asked about."""

from __future__ import annotations

import pytest
from tests.dashboard.watched import campaign_of

from smallcraft.dashboard.rows import texts_of_rows
from smallcraft.dashboard.sources import Sources
from smallcraft.data.load import read_source


@pytest.mark.slow
def test_every_row_that_is_asked_about_has_its_words(watched_once):
    texts = texts_of_rows(Sources(watched_once))
    asked = {ask.item for ask in campaign_of(watched_once).asks}
    assert asked
    assert asked <= set(texts)
    messages = set(read_source(watched_once / "rows.csv", None).frame["message"])
    own = [texts[ask.item] for ask in campaign_of(watched_once).asks if texts[ask.item] in messages]
    assert own, "rows of the table are read as they stand in it"


@pytest.mark.slow
def test_rows_are_read_again_only_when_a_file_changed(watched):
    sources = Sources(watched)
    once = texts_of_rows(sources)
    assert texts_of_rows(sources) is once
    (watched / "smallcraft.toml").touch()
    assert texts_of_rows(sources) is not once
