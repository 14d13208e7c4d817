"""What a process is told to load survives being told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.loading.hostile import harmless_graph, write_graph_bundle

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.trunk.task import PACK
from smallcraft.canonical import digest_file
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.serve.loading.source import (
    HeadSource,
    ModelSource,
    description_name,
    head_of_folder,
    read_source,
    source_of_folder,
    write_source,
)

WORDS = st.text(min_size=1, max_size=8)
PATHS = WORDS.filter(lambda text: "/" not in text and "\0" not in text).map(Path)
HEADS = st.builds(HeadSource, WORDS, WORDS, WORDS, PATHS, WORDS, st.booleans(), st.none() | WORDS)
SOURCES = st.builds(
    ModelSource,
    WORDS,
    WORDS,
    PATHS,
    WORDS,
    st.lists(HEADS, max_size=3).map(tuple),
    st.integers(0),
    st.none() | WORDS,
)


@given(source=SOURCES)
def test_a_source_is_read_as_it_was_written(source):
    read = read_source(json.loads(json.dumps(write_source(source))))
    assert read == source
    assert read.mended_copies() == source.mended_copies()


@pytest.mark.parametrize("change", [{"folder": None}, {"heads": 3}, {"surprise": 1}])
def test_what_is_no_source_is_refused(change):
    plain = write_source(ModelSource("helpdesk", "3", Path("/srv"), "sha256:00"))
    with pytest.raises(InvalidInputError, match="a source must be as `write_source` writes it"):
        read_source({**plain, **change})


def test_the_damage_of_a_head_is_told_as_that_of_the_model():
    head = HeadSource("cards", "banking", "4", Path("/srv/b"), "sha256:01", mended="a bit")
    source = ModelSource("helpdesk", "3", Path("/srv/a"), "sha256:00", heads=(head,))
    assert source.mended_copies() == {"banking@4": "a bit"}


def test_a_folder_is_named_by_the_digest_that_it_has_now(tmp_path):
    folder = write_graph_bundle(tmp_path / "bundle", harmless_graph())
    source = source_of_folder(folder, "helpdesk", "3")
    assert source.digest == digest_file(folder / DESCRIPTION)
    assert source.label == "helpdesk@3"
    (folder / DESCRIPTION).rename(folder / PACK)
    assert description_name(folder) == PACK
    assert head_of_folder(folder, "spam").digest == source.digest


def test_a_folder_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match=r"is not a bundle: it has no bundle\.json"):
        source_of_folder(tmp_path, "helpdesk")
