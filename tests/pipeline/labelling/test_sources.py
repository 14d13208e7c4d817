"""Where rows without a label come from, and what is said where they cannot be had."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.labelling.projects import HOUR, judged_of, kept_examples, prepared_of, raise_alarm
from tests.projects import change_project, save_rows

from smallcraft.data.profiles.kept import KeepLimits, KeptRow, keep_rows
from smallcraft.data.profiles.packing import Seen
from smallcraft.data.profiles.profile import Profile
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import to_stored
from smallcraft.observe.windows import WindowName
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.project import released_bundle
from smallcraft.pipeline.labelling.rows import NewRows, gather_rows
from smallcraft.pipeline.labelling.sources import (
    ABSTAINED,
    new_rows_in,
    rows_of_alarm,
    rows_of_pool,
    undecided_slices,
    withheld_rows,
)
from smallcraft.records import Roles

ROLES = Roles("intent", "message")
MESSAGES = [f"message {place}" for place in range(30)]


@pytest.fixture
def alarm(tmp_path):
    kept = [
        *kept_examples(MESSAGES[:20], answer="login", arm="random"),
        *kept_examples(MESSAGES[20:], answer=None, arm="drifted"),
    ]
    return raise_alarm(tmp_path, kept, release="rows@1")


def test_an_alarms_rows_come_with_the_answers_and_chances_that_they_had(alarm, tmp_path):
    found = rows_of_alarm(alarm, ROLES, folder=tmp_path)
    assert found.source == f"alarm {alarm.id}"
    assert sorted(found.frame["message"]) == sorted(MESSAGES)
    told = dict(zip(found.frame["message"], found.kept, strict=True))
    assert {(told[text].arm, told[text].answer) for text in MESSAGES[20:]} == {("drifted", None)}
    random = [one for one in found.kept if one.arm == "random"]
    assert {(one.release, one.start_s, one.answer) for one in random} == {("rows@1", HOUR, "login")}
    assert all(0 < one.chance <= 0.5 for one in random)
    assert len({one.item for one in found.kept}) == len(MESSAGES)


def test_a_batch_is_found_where_batches_are_when_the_project_was_moved(alarm, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    Path(alarm.review).rename(moved / Path(alarm.review).name)
    assert len(rows_of_alarm(alarm, ROLES, folder=moved).kept) == len(MESSAGES)


def test_where_the_data_have_a_time_a_kept_row_has_that_of_its_window(alarm, tmp_path):
    roles = replace(ROLES, time="seen")
    times = rows_of_alarm(alarm, roles, folder=tmp_path).frame["seen"]
    assert set(times.to_list()) == {datetime(1970, 1, 1, 1)}


def test_an_alarm_that_has_no_batch_says_what_to_do(alarm, tmp_path):
    with pytest.raises(NotFoundError, match=r'has no batch of rows; add "review" to \[watch\] triggers'):
        rows_of_alarm(replace(alarm, review=None), ROLES, folder=tmp_path)
    path = Path(alarm.review)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="set keep_examples = true"):
        rows_of_alarm(alarm, ROLES, folder=tmp_path)
    path.unlink()
    with pytest.raises(NotFoundError, match=r"is gone: .*put it back, or label other"):
        rows_of_alarm(alarm, ROLES, folder=tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"item_id": "x"}'])
def test_a_batch_that_was_changed_is_refused(alarm, tmp_path, line):
    path = Path(alarm.review)
    path.write_text(f"{path.read_text('utf-8')}{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match="as it was written, a JSON object a line, got something else"):
        rows_of_alarm(alarm, ROLES, folder=tmp_path)


def stored(store, answers):
    """A window in which each answer was given to a message of its number."""
    kept = [
        KeptRow(place, json.dumps({"message": f"message {place}"}), answer, 0.5, float(place))
        for place, answer in enumerate(answers)
    ]
    seen = Seen(Profile(len(kept), 0, {}), keep_rows(kept, n=len(kept), limits=KeepLimits(9, 9, 9)))
    store.append(to_stored(WindowName(HOUR, HOUR, "rows@1", "all"), seen, ["p-1"]))


def test_rows_that_got_no_answer_are_asked_about_and_no_others(tmp_path):
    store = WindowStore(tmp_path / "windows")
    assert withheld_rows(store, ROLES) is None
    stored(store, ["login", None, "parcel", None])
    found = withheld_rows(store, ROLES)
    assert (found.source, set(found.frame["message"])) == (ABSTAINED, {"message 1", "message 3"})
    assert found.kept == ()


def test_where_every_row_was_answered_there_is_none(tmp_path):
    store = WindowStore(tmp_path / "windows")
    stored(store, ["login", "parcel"])
    assert withheld_rows(store, ROLES) is None


def unlabelled(tiny, frame, name="pool.csv"):
    save_rows(tiny / name, frame)
    change_project(tiny, "[ladder]", f'[label]\nunlabelled = "{name}"\n[ladder]')
    return load_config(tiny)


def test_a_file_of_rows_without_a_label_is_read(tiny):
    assert rows_of_pool(load_config(tiny)) is None
    found = rows_of_pool(unlabelled(tiny, {"message": ["one", "two"], "town": ["Ulm", None]}))
    assert (found.source, found.frame.columns) == ("pool.csv", ["message", "town"])


def test_a_file_that_lacks_a_column_or_rows_is_refused(tiny):
    config = unlabelled(tiny, {"mesage": ["one"]})
    with pytest.raises(DataError, match=r"column 'message' is not in pool.csv.*did you mean 'mesage'"):
        rows_of_pool(config)
    save_rows(tiny / "pool.csv", {"message": pl.Series([], dtype=pl.String)})
    with pytest.raises(DataError, match="no rows"):
        rows_of_pool(config)


def test_before_a_build_no_gate_lacks_anything(tmp_path):
    (tmp_path / "smallcraft.toml").write_text('[data]\npath = "a.csv"\ntext = "t"\nlabel = "l"\n', "utf-8")
    assert undecided_slices(load_config(tmp_path)) == ()


def test_slices_of_undecided_gates_are_told_once_each(tiny):
    gate = '[gates.each]\nrule = "at_least"\nmeasurement = "recall"\nslice = "class=*"\nlimit = 0.8\n'
    change_project(tiny, "[ladder]", f"{gate}[ladder]")
    assert sorted(undecided_slices(load_config(tiny))) == ["class=billing", "class=login", "class=parcel"]


def test_declarations_that_changed_since_the_look_stop_no_labelling(tiny):
    change_project(tiny, "[ladder]", "[quality]\nmargin = 0.2\n[ladder]")
    assert undecided_slices(load_config(tiny)) == ()


def test_a_slice_takes_in_rows_without_a_label_alone_by_column_and_by_expected_class(tiny_built):
    prepared = prepared_of(tiny_built)
    names = released_bundle(load_config(tiny_built)).classes
    messages = ["password login locked", "refund invoice charge", "signin account login"]
    table = gather_rows(
        prepared,
        judged_of(prepared, classes=names),
        (NewRows("pool.csv", pl.DataFrame({"message": messages})),),
        bundle=released_bundle(load_config(tiny_built)),
    )

    def texts(name):
        return [table.frame["message"][row] for row in new_rows_in(table, name).tolist()]

    assert texts("class=login") == [messages[0], messages[2]]
    assert texts(f"message={messages[1]}") == [messages[1]]
    assert texts(f"class=login & message={messages[1]}") == []
    assert texts("region=north") == texts("class=unheard") == texts("perturbation=typos@1") == []
