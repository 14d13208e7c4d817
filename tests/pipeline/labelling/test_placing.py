"""What is sealed stays sealed, and what was picked learns: where rows stand after a round of labelling."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.labelling.projects import LABELS, judged_of, plant, prepared_of
from tests.projects import MESSAGES, QUICK_LADDER, change_project, message_rows, write_rows

from smallcraft.label.merging import Merged
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.items import held_columns, inputs_of, row_items
from smallcraft.pipeline.labelling.placing import COLUMN, blind_items, places_of_new, places_of_own
from smallcraft.pipeline.labelling.project import released_bundle
from smallcraft.pipeline.labelling.rows import OWN, NewRows, gather_rows
from smallcraft.pipeline.labelling.version import write_data_version

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
NOBODY = np.empty(0, dtype=np.int64)
IN_TIME = f'{MESSAGES}\ntime = "seen"\nkey = "who"'


def timed(rows, *, seed=1, month=1, who="c"):
    """Messages with a time and a customer each."""
    return message_rows(rows, seed=seed) | {
        "seen": [f"2026-{month:02d}-{1 + place % 28:02d}T12:00:00" for place in range(rows)],
        "who": [f"{who}{place}" for place in range(rows)],
    }


@pytest.fixture
def folder(tmp_path):
    return write_rows(tmp_path / "p", timed(200), data=IN_TIME, more=QUICK_LADDER)


def items_of(prepared):
    roles = prepared.table.roles
    return {name: {*row_items(inputs_of(prepared, name), roles)} for name in ("train", "dev", "cert")}


def new_rows(prepared, rows):
    """New rows as labelling holds them, and their ids."""
    roles = prepared.table.roles
    frame = pl.DataFrame(rows).with_columns(pl.col("seen").str.to_datetime(time_unit="us"))
    frame = frame.select(held_columns(roles))
    return frame, row_items(frame, roles)


def taken_over(folder, bundle, rows, *, blind):
    """The splits of the next build, after people answered new rows and changed the label of one of train."""
    prepared = prepared_of(folder)
    new = (NewRows("alarm a", pl.DataFrame(rows).drop("intent")),)
    table = gather_rows(prepared, judged_of(prepared, classes=LABELS), new, bundle=bundle)
    label, voted = table.seen.truth.copy(), np.array([source != OWN for source in table.sources])
    label[voted] = 1
    label[0], voted[0] = (label[0] + 1) % len(LABELS), True
    merged = Merged(label, np.ones(len(label)), voted, NOBODY, NOBODY, "")
    told = {"prepared": prepared, "blind": blind(table), "campaign": "c1", "now": NOW}
    version = write_data_version(load_config(folder), table, merged, **told)
    named = f'path = "{version.path}"\nsplit = "{version.split}"'
    change_project(folder, 'path = "rows.csv"', named)
    return version, table, prepared_of(folder)


def test_after_a_round_picked_rows_learn_and_cert_holds_what_it_held_and_blind_rows_alone(folder, tiny_built):
    before = items_of(prepared_of(folder))
    asked = timed(40, seed=5, month=3, who="n")
    blind = set()

    def drawn(table):
        blind.update(item for item, source in zip(table.items, table.sources, strict=True) if source != OWN)
        blind.intersection_update(sorted(blind)[:12])
        return blind

    bundle = released_bundle(load_config(tiny_built))
    version, table, prepared = taken_over(folder, bundle, asked, blind=drawn)
    after = items_of(prepared)
    picked = {item for item, source in zip(table.items, table.sources, strict=True) if source != OWN} - blind
    assert (version.relabelled, version.added, version.left_out) == (1, 40, 0)
    assert (len(picked), len(blind)) == (28, 12)
    assert after["train"] == before["train"] | picked
    assert after["dev"] == before["dev"]
    assert after["cert"] == before["cert"] | blind


def test_split_by_time_alone_the_picked_rows_would_all_be_sealed(folder, tiny_built):
    asked = timed(20, seed=5, month=3, who="n")
    bundle = released_bundle(load_config(tiny_built))
    _, table, _ = taken_over(folder, bundle, asked, blind=lambda table: ())
    picked = {item for item, source in zip(table.items, table.sources, strict=True) if source != OWN}
    change_project(folder, f'split = "{COLUMN}"', "")
    assert items_of(prepared_of(folder))["cert"] >= picked


def test_a_picked_row_with_the_key_of_a_sealed_row_or_its_copy_is_left_out(folder):
    prepared = prepared_of(folder)
    frames = prepared.splits.frames
    rows = timed(4, seed=5, month=3, who="n")
    rows["who"][0] = frames["cert"]["who"][0]
    rows["message"][1] = frames["dev"]["message"][0].upper() + "!"
    rows["who"][2] = frames["train"]["who"][0]
    frame, items = new_rows(prepared, rows)
    places = places_of_new(load_config(folder), prepared, frame, items, blind=())
    assert places.left_out == (items[0], items[1])
    assert places.split == {items[2]: "train", items[3]: "train"}


def test_a_blind_row_follows_its_ties_and_is_left_out_where_they_part(folder):
    prepared = prepared_of(folder)
    frames = prepared.splits.frames
    rows = timed(7, seed=5, month=3, who="n")
    rows["who"][0] = frames["train"]["who"][0]
    rows["who"][1] = frames["dev"]["who"][0]
    rows["who"][2], rows["message"][2] = frames["dev"]["who"][1], frames["cert"]["message"][0] + "!"
    rows["who"][4] = rows["who"][5]
    frame, items = new_rows(prepared, rows)
    blind = {*items} - {items[5]}
    places = places_of_new(load_config(folder), prepared, frame, items, blind=blind)
    assert places.left_out == (items[2],)
    assert [places.split.get(item) for item in items] == [
        *("train", "dev", None, "cert"),
        *("train", "train", "cert"),
    ]


def test_without_a_time_blind_rows_are_dealt_by_the_shares_of_the_splits(tmp_path):
    folder = write_rows(tmp_path / "p", message_rows(90), data=MESSAGES, more=QUICK_LADDER)
    prepared = prepared_of(folder)
    frame = pl.DataFrame(message_rows(400, seed=7)).select("message")
    items = row_items(frame, prepared.table.roles)
    places = places_of_new(load_config(folder), prepared, frame, items, blind=items)
    counts = Counter(places.split.values())
    assert sum(counts.values()) == 400
    assert 240 < counts["train"] < 320
    assert min(counts["dev"], counts["cert"]) > 30


def test_to_a_test_set_of_the_users_own_nothing_is_added(tmp_path):
    plant(tmp_path / "p", rows=60)
    prepared = prepared_of(tmp_path / "p")
    frame = pl.DataFrame(message_rows(30, seed=7)).select("message")
    items = row_items(frame, prepared.table.roles)
    places = places_of_new(load_config(tmp_path / "p"), prepared, frame, items, blind=items)
    assert {*places.split.values()} == {"train"}
    assert {*places_of_own(prepared, rows=60).split} == {"train", "dev"}


def test_a_row_that_was_picked_in_any_round_is_not_blind():
    def campaign(**arms):
        return SimpleNamespace(asks=[SimpleNamespace(item=item, arm=arm) for item, arm in arms.items()])

    rounds = [campaign(a="random", b="targeted", c="gold"), campaign(a="targeted", d="random")]
    assert blind_items(rounds) == {"d"}


def test_rows_that_no_split_holds_stand_in_no_version(tmp_path, tiny_built):
    rows = timed(200)
    # Old rows come back late under another customer, so one of each pair must stand aside.
    for place in range(6):
        rows["message"][27 + 28 * place] = rows["message"][place] + "!"
        rows["intent"][27 + 28 * place] = rows["intent"][place]
    folder = write_rows(tmp_path / "p", rows, data=IN_TIME, more=QUICK_LADDER)
    removed = prepared_of(folder).splits.removed.height
    bundle = released_bundle(load_config(tiny_built))
    version, _, prepared = taken_over(folder, bundle, timed(3, seed=5, month=3, who="n"), blind=lambda _: ())
    assert removed > 0
    assert prepared.table.frame.height == 200 - removed + version.added
    assert prepared.splits.removed.height == 0
