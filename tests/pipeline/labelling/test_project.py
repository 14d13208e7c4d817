"""A project's rows and campaigns: new rows stay with the campaign that asked about them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.label.rounds import small_campaign
from tests.pipeline.labelling.projects import LABELS, judged_of, plant, prepared_of
from tests.projects import change_project

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.label.batch import Ask
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.labelling.project import (
    LabelProject,
    asked_rows,
    keep_new_rows,
    open_label_project,
    project_campaigns,
    released_bundle,
    statuses,
)
from smallcraft.pipeline.labelling.rows import KeptAnswer, NewRows
from smallcraft.pipeline.stages.train import open_workshop

KEPT = KeptAnswer("rows@1", "k1", 3600, "login", "random", 0.25)


def ask(item, row):
    return Ask(item, row, "label", "targeted", "margin", 1, 1.0, 0.5, "", None, None, None)


def campaign_about(items):
    begun = small_campaign()
    return replace(begun, asks=tuple(ask(item, row) for row, item in enumerate(items)))


@pytest.fixture
def project(tiny):
    config, prepared = load_config(tiny), prepared_of(tiny)
    workshop = open_workshop(config, prepared.splits, progress=SilentListener().progress)
    return LabelProject(config, prepared, judged_of(prepared, classes=LABELS), workshop)


def test_before_the_first_release_there_is_no_bundle_and_after_it_the_stable_one(tmp_path, tiny):
    plant(tmp_path / "p", rows=60)
    assert released_bundle(load_config(tmp_path / "p")) is None
    assert released_bundle(load_config(tiny)).classes == LABELS


def test_new_rows_are_judged_by_the_release_and_without_any_none_is_opened(project):
    table = project.table((NewRows("pool.csv", pl.DataFrame({"message": ["a new one"]})),))
    assert table.sources[-1] == "pool.csv"
    assert "pool.csv" not in project.table(()).sources


def test_new_rows_are_kept_with_their_answers_whatever_becomes_of_their_file(project):
    frame = pl.DataFrame({"message": ["a new one", "another", "not asked"]})
    table = project.table((NewRows("pool.csv", frame, (KEPT, None, None)),))
    own, (first, second, _) = table.items[0], table.items[-3:]
    campaign = campaign_about([own, second, first])
    keep_new_rows(project.config, campaign, table)
    project_campaigns(project.config).folder.mkdir(exist_ok=True)
    assert asked_rows(project.config) == ()
    kept = asked_after(project, campaign)
    assert kept.frame["message"].to_list() == ["a new one", "another"]
    assert kept.kept == (KEPT, None)
    again = project.table((kept,))
    assert again.items[-2:] == (first, second)
    assert again.kept == {first: KEPT}


def asked_after(project, campaign):
    """What is kept once the campaign itself is."""
    begun = small_campaign()
    path = project_campaigns(project.config).folder
    (path / f"{campaign.id}.rows.parquet").rename(path / f"{begun.id}.rows.parquet")
    project_campaigns(project.config).add(begun)
    (found,) = asked_rows(project.config)
    return found


def test_a_campaign_about_rows_of_train_keeps_nothing_beside_it(project):
    table = project.table(())
    campaign = campaign_about(table.items[:3])
    keep_new_rows(project.config, campaign, table)
    assert not list(project_campaigns(project.config).folder.glob("*"))


def test_rows_that_were_damaged_are_refused_and_named(project):
    begun = small_campaign()
    campaigns = project_campaigns(project.config)
    campaigns.add(begun)
    (campaigns.folder / f"{begun.id}.rows.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(IntegrityError, match=rf"{begun.id}.rows.parquet is damaged .*from a copy"):
        asked_rows(project.config)


def test_statuses_come_the_oldest_first(project):
    campaigns = project_campaigns(project.config)
    for day in (2, 1):
        campaigns.add(small_campaign(seed=day))
    assert statuses(project.config) == tuple(campaigns.status(one.id) for one in campaigns.all())


def test_a_task_that_is_no_choice_of_one_class_is_refused_before_a_row_is_read(tiny):
    change_project(tiny, 'label = "intent"', 'label = "intent"\ntask = "multilabel"')
    (tiny / "rows.csv").unlink()
    with pytest.raises(InvalidInputError, match="the task is multilabel; label such rows elsewhere"):
        open_label_project(load_config(tiny), SilentListener())
