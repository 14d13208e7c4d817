"""What files are held against: a file from before with its own answers, read as the files after it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.pipeline.watching.projects import BEGIN, HOUR, visits, write_watched
from tests.projects import change_project, copy_project

from smallcraft.errors import ConfigError, DataError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.watching.reference import reference_of_files


@pytest.fixture
def project(tmp_path):
    return write_watched(tmp_path / "p")


def found(project):
    return reference_of_files(load_config(project), project)


def test_a_file_from_before_says_what_rows_and_losses_were_like(project):
    before = visits(range(-40, 0))
    reference = found(project)
    assert reference.release.label == reference.asked.label == "visits@before"
    assert reference.asked.bundle is None
    whole = reference.release.reference.whole
    assert whole.n == before.height
    assert whole.columns["age"].mean == pytest.approx(before["age"].mean())
    assert whole.columns["answer/class"].as_mapping() == dict(before["said"].value_counts().iter_rows())
    wrong = (before["said"] != before["bought"]).mean()
    baseline = reference.asked.baseline
    assert wrong < baseline.loss_bound < wrong + 0.03
    assert set(baseline.group_bounds) == {"sex=f", "sex=m"}
    assert np.array(baseline.confusion).sum() == before.height
    assert baseline.classes == reference.release.classes == ("no", "yes")


def test_without_labels_no_losses_are_watched(project):
    visits(range(-40, 0), unlabelled=True).write_csv(project / "before.csv")
    reference = found(project)
    assert reference.asked.baseline is reference.release.baseline is None


def test_a_season_has_a_profile_of_each_of_its_places(project):
    change_project(project, "[watch]", '[watch]\nseason = "hour_of_day"')
    reference = found(project).release.reference
    assert reference.season == "hour_of_day"
    assert reference.profile(23).n in (40, 80)
    assert sum(reference.profile(hour).n for hour in range(24)) == 1600


def test_the_same_file_is_the_same_reference_and_another_one_is_refused(project):
    first = found(project)
    first.check_kept(None)
    found(project).check_kept(first.digest)
    visits(range(-41, 0)).write_csv(project / "before.csv")
    with pytest.raises(ConfigError, match=r"held against another .* put the old file back, or delete"):
        found(project).check_kept(first.digest)


def test_a_glob_is_one_reference(project):
    before = visits(range(-40, 0))
    before[:800].write_csv(project / "before-1.csv")
    before[800:].write_csv(project / "before-2.csv")
    change_project(project, "before.csv", "before-*.csv")
    assert found(project).release.reference.whole.n == before.height


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:0], "no rows"),
        (lambda rows: rows.drop("said"), "column 'said' is not in before.csv"),
        (lambda rows: rows.drop("job"), "column 'job' is not in before.csv"),
    ],
)
def test_a_file_that_says_nothing_is_refused(change, said, project):
    change(visits(range(-40, 0))).write_csv(project / "before.csv")
    with pytest.raises(DataError, match=said):
        found(project)


def test_a_season_wants_a_time_of_every_row(project):
    change_project(project, "[watch]", '[watch]\nseason = "hour_of_day"')
    rows = visits(range(-40, 0)).with_columns(at=pl.when(pl.col("at") < BEGIN - HOUR).then("at"))
    rows.write_csv(project / "before.csv")
    with pytest.raises(DataError, match="has rows without a time, and a season needs all of them"):
        found(project)


def test_no_file_is_refused(project):
    (project / "before.csv").unlink()
    with pytest.raises(DataError, match=r"there is no file .*before\.csv"):
        found(project)


def test_files_without_answers_are_answered_by_the_usual_release(tiny_built, own_keys, tmp_path):
    folder = copy_project(tiny_built, tmp_path / "p")
    with (folder / "smallcraft.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[watch]\nfiles = "in/*.csv"\ntime = "at"\n')
    reference = found(folder)
    assert (reference.release.label, reference.digest) == ("rows@1", None)
    assert reference.asked.bundle.classes == reference.release.classes
    assert reference.asked.measures == reference.release.reference.measures
    reference.check_kept(None)


def test_without_a_release_nobody_answers(project):
    change_project(project, 'reference = "before.csv"\n', "")
    change_project(project, 'prediction = "said"\nconfidence = "sure"\n', "")
    with pytest.raises(NotFoundError, match="smallcraft build"):
        found(project)
