"""A project as a server has it: folders, what is served, orders to a running server, where `stable` goes."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.serve.rolling import DECLARED, PLAN
from tests.serving_projects import moment, taking_orders

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.serving import (
    begin_rollout,
    move_stable,
    order_rollout,
    serve_settings,
    served_project,
)
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.serve.controller import Controller
from smallcraft.serve.loading.released import take_release
from smallcraft.serve.loading.source import HeadSource, ModelSource
from smallcraft.serve.processes.sources import SourceBook
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.starting import begin_rollout as make_rollout
from smallcraft.serve.state.database import FILE_NAME
from smallcraft.serve.state.opening import find_rollout

OLD = NamedRelease("rows@0", "sha256:" + "0" * 64)
NEW = NamedRelease("rows@1", "sha256:" + "1" * 64)


def roll_out(folder: Path, stable: NamedRelease = OLD, canary: NamedRelease = NEW, *, salt: str) -> str:
    """A rollout that a server of before has written down; its id."""
    controller = Controller(folder, stable=stable, now=0.0)
    controller.start(canary, PLAN, DECLARED, salt=salt, at=moment())
    controller.close()
    return find_rollout(folder).id


# --- folders -----------------------------------------------------------------------------------------


def test_a_project_is_its_folder_or_its_file_and_a_relative_path_means_the_same_elsewhere(
    tmp_path, monkeypatch
):
    (tmp_path / "smallcraft.toml").touch()
    monkeypatch.chdir(tmp_path)
    for project in (Path(), Path("smallcraft.toml"), tmp_path):
        served = served_project(project)
        assert served.folder == tmp_path
        assert served.state == tmp_path / ".smallcraft" / "serving"
        assert served.copies.parent == served.state
    assert served_project(Path(), Path("elsewhere")).state == tmp_path / "elsewhere"


def test_where_nothing_was_kept_the_way_to_a_server_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="start one with `smallcraft serve`, or name its folder"):
        served_project(tmp_path).state_of()


def test_a_server_without_a_rollout_is_told_from_no_server(tmp_path):
    served = served_project(tmp_path)
    Controller(served.state / "rows", stable=OLD, now=0.0).close()
    with pytest.raises(NotFoundError, match="no rollout has begun here yet; begin one with"):
        served.state_of()
    with pytest.raises(NotFoundError, match="there is no rollout 'x' here"):
        served.state_of("x")


def test_of_several_models_the_one_that_has_the_rollout_or_changed_last_is_found(tmp_path):
    served = served_project(tmp_path)
    names = ("early", "late", "none")
    Controller(served.state / "none", stable=OLD, now=0.0).close()
    early, late = (roll_out(served.state / name, salt=f"{name}0000") for name in names[:2])
    for age, name in enumerate(names, start=1):
        os.utime(served.state / name / FILE_NAME, (age, age))
    assert served.state_of(early).name == "early"
    assert served.state_of(late).name == "late"
    assert served.state_of().name == "late"
    # What a running server wrote last stands in the log beside its file.
    (served.state / "early" / f"{FILE_NAME}-wal").touch()
    assert served.state_of().name == "early"


# --- what is served ----------------------------------------------------------------------------------


def test_by_default_the_stable_release_is_served_and_the_newest_where_none_is(tiny):
    served = served_project(tiny)
    settings = serve_settings(served, ())
    assert [source.label for source in settings.models] == ["rows@1"]
    assert settings.registry == Workspace(tiny).registry
    assert (settings.models[0].folder / "bundle.json").is_file()
    open_registry(tiny).set_alias("rows", "stable", 1, now=datetime.now(UTC), reason="it routes well")
    assert [source.label for source in serve_settings(served, ()).models] == ["rows@1"]


def test_a_retired_release_is_not_served(tiny):
    open_registry(tiny).retire("rows", 1, now=datetime.now(UTC), reason="too old")
    with pytest.raises(InvalidInputError, match="was retired and is not served"):
        serve_settings(served_project(tiny), ["rows@1"])


def test_heads_are_answered_on_the_first_release_under_their_names(tiny):
    served = served_project(tiny)
    (model,) = serve_settings(served, ["rows@1"], heads={"billing": "rows@latest"}).models
    (head,) = model.heads
    assert (head.head, head.name, head.version) == ("billing", "rows", "1")
    assert (head.folder, head.digest) == (model.folder, model.digest)


def test_a_release_that_there_is_not_is_refused_with_those_that_there_are(tiny):
    with pytest.raises(NotFoundError, match="rows has no version '9'; it has 1"):
        serve_settings(served_project(tiny), ["rows@9"])


# --- orders ------------------------------------------------------------------------------------------


@pytest.fixture
def ordered(tiny):
    """A server of an older release, ready to be told of rows@1."""
    served = served_project(tiny)
    with taking_orders(served.state, rows=OLD, other=NamedRelease("other@1", "sha256:" + "2" * 64)) as here:
        yield served, here


@pytest.fixture
def begun(ordered, monkeypatch):
    """With a rollout of rows@1 whose worker is ready; the stable one is only a name here."""
    served, here = ordered
    taken = take_release(open_registry(served.project), "rows@1", copies=served.copies)
    salt = "9f3c21aa04d7"

    def begin() -> str:
        model = here.models["rows"]
        model.controller.start(
            NamedRelease(taken.label, taken.digest), PLAN, DECLARED, salt=salt, at=moment()
        )
        model.loaded()
        return model.controller.state.id

    return served, here, here.run(begin)


def test_a_rollout_is_of_a_release_of_a_model_that_is_served(tiny):
    served = served_project(tiny)
    with pytest.raises(NotFoundError, match="no server is running"):
        begin_rollout(served, "rows@1")
    with (
        taking_orders(served.state, other=OLD),
        pytest.raises(InvalidInputError, match="has the models other, got a release of 'rows'; serve that"),
    ):
        begin_rollout(served, "rows@1")


def test_a_rollout_begins_with_the_projects_plan_and_never_with_what_answers_already(tiny):
    with (tiny / "smallcraft.toml").open("a", encoding="utf-8") as file:
        file.write("[rollout]\nwrong_rollback = 0.01\nstages = [0.25]\n")
    served = served_project(tiny)
    taken = take_release(open_registry(tiny), "rows@1", copies=served.copies)
    with (
        taking_orders(served.state, rows=NamedRelease("rows@1", taken.digest)),
        pytest.raises(InvalidInputError, match="rows@1 is the bundle that answers already"),
    ):
        begin_rollout(served, "rows@1")
    # Another bundle of the same label: what counts is the digest.
    served = served_project(tiny, tiny / "elsewhere")
    with taking_orders(served.state, rows=NamedRelease("rows@1", "sha256:" + "3" * 64)):
        rollout = begin_rollout(served, "rows@1")
        state = find_rollout(served.state_of(rollout), rollout)
        assert state.canary == NamedRelease("rows@1", taken.digest)
        assert (state.plan.stages, state.plan.wrong_rollback) == ((0.25,), 0.01)
        assert state.classes == ("billing", "login", "parcel")
        with pytest.raises(InvalidInputError, match="is under way"):
            begin_rollout(served, "rows@1")
        order_rollout(served, "abort", reason="it speaks of parcels")
        with pytest.raises(InvalidInputError, match=r"was rolled back by rollout .*--force"):
            begin_rollout(served, "rows@1")
        assert begin_rollout(served, "rows@1", unsafe_repeat=True) != rollout


def test_heads_of_what_answers_go_with_the_new_release(tiny):
    served = served_project(tiny)
    head = HeadSource("billing", "billing", "7", tiny / "billing", "sha256:" + "7" * 64)
    taken = take_release(open_registry(tiny), "rows@1", copies=served.copies)
    old = ModelSource("rows", "1", taken.folder, OLD.digest, heads=(head,))
    with taking_orders(served.state, rows=NamedRelease("rows@1", OLD.digest)) as here:
        SourceBook(served.state / "rows").note(old)
        begin_rollout(served, "rows@1")
        (beginning,) = here.models["rows"].begun
    assert beginning.source.heads == (head,)
    assert beginning.source.digest == taken.digest


def test_an_order_finds_the_rollout_under_way_and_says_where_it_stands_then(begun):
    served, _, rollout = begun
    frozen = order_rollout(served, "freeze", reason="lunch")
    assert frozen.told == "a person asked to freeze: lunch"
    assert (frozen.rollout, frozen.phase, frozen.weight) == (rollout, "frozen", 0.0)
    assert order_rollout(served, "resume", rollout=rollout, reason="").phase == "shadow"
    promoted = order_rollout(served, "promote", rollout=rollout, reason="I trust it")
    assert (promoted.phase, promoted.weight) == ("canary", PLAN.stages[0])
    assert order_rollout(served, "abort", model="rows", reason="no").phase == "rolled_back"


def test_an_order_about_another_rollout_is_refused_and_changes_nothing(begun):
    served, here, rollout = begun
    with pytest.raises(NotFoundError, match=f"no rollout 'rows-1-x' to give orders about; it has {rollout}"):
        order_rollout(served, "abort", rollout="rows-1-x", reason="")
    with pytest.raises(InvalidInputError, match="'abort' needs a rollout under way"):
        order_rollout(served, "abort", model="other", reason="")
    assert here.run(lambda: here.models["rows"].controller.state.phase) == "shadow"


def test_without_a_rollout_under_way_the_model_has_to_be_named(ordered):
    served, _ = ordered
    with pytest.raises(InvalidInputError, match="has the models rows, other, got None; name one"):
        order_rollout(served, "freeze", reason="")


# --- the end -----------------------------------------------------------------------------------------


def test_stable_moves_by_an_entry_with_the_last_receipt_as_its_reason_and_only_once(tiny):
    served = served_project(tiny)
    state = make_rollout(OLD, NEW, PLAN, DECLARED, salt="9f3c21aa04d7")
    move_stable(served, state)
    registry = open_registry(tiny)
    assert registry.find("rows@stable").entry.label == "rows@1"
    (moved,) = [entry for entry in registry.log().entries if entry.kind == "alias"]
    assert str(moved.reason).startswith(f"rollout {state.id} is done, receipt ")
    move_stable(served, state)
    assert len([entry for entry in open_registry(tiny).log().entries if entry.kind == "alias"]) == 1


def test_what_a_running_server_tells_survives_the_socket(begun):
    served, _, rollout = begun
    whereabouts = json.loads((served.state / "serving.json").read_text("utf-8"))
    assert whereabouts["pid"] == os.getpid()
    assert order_rollout(served, "freeze", rollout=rollout, reason='a "quoted" é\n').told.count('"') == 2
