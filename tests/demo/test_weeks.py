"""The tour's files: what is labelled ends before the launch, and no file of the project holds the truth."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.demo.weeks import LABELLED, PRODUCTION, PRODUCTION_TRUTH, TRUTH, write_weeks
from smallcraft.pipeline.config import load_config


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weeks")
    return folder, write_weeks(folder, seed=7, rows=1500)


def test_no_labelled_message_is_about_the_new_product_and_all_are_from_before_it(written):
    folder, weeks = written
    frame, truth = pl.read_csv(folder / LABELLED), pl.read_parquet(folder / TRUTH)
    assert frame.height == truth.height == weeks.labelled > 800
    assert not truth["is_new_product"].any()
    assert frame["created_at"].max() < weeks.launched.strftime("%Y-%m-%d")
    words = "|".join(weeks.names)
    assert not frame["message"].str.to_lowercase().str.contains(r"\btavori\b").any()
    assert frame["message"].str.to_lowercase().str.contains(words).mean() < 0.02


def test_the_new_product_is_in_production_from_the_day_that_is_told_and_not_before(written):
    folder, weeks = written
    rows, truth = pl.read_csv(folder / PRODUCTION), pl.read_parquet(folder / PRODUCTION_TRUTH)
    assert rows["message"].equals(truth["message"])
    is_late = rows["created_at"] >= weeks.launched.strftime("%Y-%m-%dT%H:%M:%S")
    assert (int(is_late.sum()), rows.height) == (weeks.since, weeks.production)
    assert truth.filter(is_late)["is_new_product"].sum() == weeks.about_new > 0.15 * weeks.since
    assert not truth.filter(~is_late)["is_new_product"].any()


def test_copies_are_planted_among_the_labelled_messages(written):
    truth = pl.read_parquet(written[0] / TRUTH)
    copies = truth.filter(pl.col("duplicate_of").is_not_null())
    assert copies.height > 30
    assert copies["week"].min() == 7
    assert copies["duplicate_of"].max() < truth.height


def test_production_knows_neither_labels_nor_customers_and_repeats_no_labelled_message(written):
    folder, _ = written
    rows = pl.read_csv(folder / PRODUCTION)
    assert rows.columns == ["message", "region", "created_at"]
    assert rows["message"].is_in(pl.read_csv(folder / LABELLED)["message"].to_list()).mean() < 0.01


def test_the_project_file_reads_the_labelled_weeks_and_watches_production(written):
    config = load_config(written[1].project)
    assert (config.data.path, config.watch.files) == (LABELLED, PRODUCTION)


def test_the_same_seed_gives_the_same_bytes(written, tmp_path):
    folder, _ = written
    write_weeks(tmp_path, seed=7, rows=1500)
    for name in (LABELLED, PRODUCTION):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
