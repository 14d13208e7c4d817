"""The broken export is the labelled rows cut and mixed up, under the tour's own name."""

from __future__ import annotations

import polars as pl

from smallcraft.demo.bad_release import EXPORT, write_bad_project
from smallcraft.demo.helpdesk.faults import BAD_RELEASE_CHARACTERS, BAD_RELEASE_SWAP
from smallcraft.demo.weeks import LABELLED, write_weeks
from smallcraft.pipeline.config import load_config


def test_the_broken_export_is_cut_and_its_labels_exchanged_and_the_good_one_stays(tmp_path):
    weeks = write_weeks(tmp_path, seed=7, rows=1000)
    before = (tmp_path / LABELLED).read_bytes()
    write_bad_project(tmp_path)
    assert (tmp_path / LABELLED).read_bytes() == before
    good, bad = pl.read_csv(tmp_path / LABELLED), pl.read_csv(tmp_path / EXPORT)
    assert bad.height == weeks.labelled
    assert bad["message"].str.len_chars().max() == BAD_RELEASE_CHARACTERS
    assert bad["intent"].to_list() == [BAD_RELEASE_SWAP.get(name, name) for name in good["intent"]]


def test_its_releases_stand_in_the_same_registry_under_the_same_name(tmp_path):
    weeks = write_weeks(tmp_path, seed=7, rows=1000)
    good, bad = load_config(weeks.project), load_config(write_bad_project(tmp_path))
    assert (bad.name, bad.folder) == (good.name, good.folder)
    assert bad.data.path == EXPORT
    assert bad.data.vote_columns == ()
    assert bad.quality == good.quality
