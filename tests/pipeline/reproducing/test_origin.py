from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.projects import change_project

from smallcraft.data.split import DEALT_ANEW, DEALT_BY_NUMBER
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.config import FILE_NAME, load_config
from smallcraft.pipeline.reproducing.origin import MovedConfig, Origin, read_origin
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.records import Release


def origin_of(project: Path) -> Origin:
    registry = open_registry(project)
    release = registry.read("latest")
    return read_origin(release, lambda path: registry.read_file(release, path), registry.looks())


def test_a_release_tells_its_settings_scores_files_and_looks(tiny_built):
    origin = origin_of(tiny_built)
    assert (origin.label, origin.chosen) == ("rows@1", "ngram")
    assert origin.config.model_dump() == load_config(tiny_built).model_dump()
    assert list(origin.candidates) == ["majority", "ngram"]
    assert origin.released.candidate == origin.bundle == origin.bundle_files["bundle.json"]
    assert b"".join(line + b"\n" for line in origin.looks) == Workspace(tiny_built).ledger.read_bytes()
    assert origin.rows is not None
    assert origin.answers is not None


def test_a_release_tells_how_its_rows_were_dealt_and_an_older_one_was_dealt_by_the_first_method(tiny_built):
    origin = origin_of(tiny_built)
    assert origin.dealing == DEALT_BY_NUMBER
    data = {name: value for name, value in origin.facts["data"].items() if name != "dealing"}
    assert replace(origin, facts={**origin.facts, "data": data}).dealing == DEALT_ANEW


def test_settings_are_those_of_the_release_whatever_the_project_file_says_today(tiny):
    change_project(tiny, "[data]", "seed = 7\n[data]")
    assert load_config(tiny).seed == 7
    assert origin_of(tiny).config.seed == 0


def test_files_are_found_in_whichever_folder_of_the_release_they_lie(tiny_built):
    registry = open_registry(tiny_built)
    release = registry.read("latest")
    moved = replace(
        release,
        files=tuple(
            replace(file, path=f"decision/{FILE_NAME}") if file.path == FILE_NAME else file
            for file in release.files
        ),
    )
    read = lambda path: registry.read_file(release, path.removeprefix("decision/"))  # noqa: E731
    assert read_origin(moved, read).config == origin_of(tiny_built).config


def test_a_release_without_a_project_file_cannot_be_built_again(tiny_built):
    registry = open_registry(tiny_built)
    release = registry.read("latest")
    bare = replace(release, files=tuple(file for file in release.files if file.path != FILE_NAME))
    with pytest.raises(NotFoundError, match=r"rows@1 keeps no smallcraft\.toml, so it cannot be built again"):
        read_origin(bare, lambda path: registry.read_file(release, path))


def test_settings_of_another_version_are_refused_with_what_to_do(tiny_built):
    release = open_registry(tiny_built).read("latest")
    with pytest.raises(InvalidInputError, match=r"(?s)cannot be read by this version: .*install the version"):
        read_origin(release, lambda path: b"[data]\npath = 'a.csv'\nnew_key = 1\n")


@pytest.mark.parametrize("facts", [{}, {"candidates": 3}, {"candidates": [], "released": {}}])
def test_a_release_that_no_build_made_is_refused(facts):
    release = Release("rows", 1, "sha256:1", None, "2026-10-01T12:00:00Z", (), facts)
    with pytest.raises(InvalidInputError, match="only a release that `smallcraft build` made"):
        read_origin(release, lambda path: b"")


def test_moved_settings_write_elsewhere_and_read_their_data_where_they_were(tmp_path, tiny_built):
    config = load_config(tiny_built)
    moved = MovedConfig.of(config, workspace=tmp_path, data=tiny_built)
    assert moved.folder == tmp_path
    assert moved.resolve("rows.csv") == tiny_built / "rows.csv"
    assert moved.resolve("/elsewhere/rows.csv") == Path("/elsewhere/rows.csv")
    assert moved.model_dump() == config.model_dump()
    quality = config.quality.model_copy(update={"margin": 0.5})
    again = moved.model_copy(update={"quality": quality})
    assert (again.folder, again.data_folder, again.quality.margin) == (tmp_path, tiny_built, 0.5)
