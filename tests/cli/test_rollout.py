"""`rollout`: a release is rolled out, looked at, stopped, and every change can be decided anew."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from tests.cli.conftest import before_next
from tests.projects import copy_project
from tests.serve.rolling import CANARY, DECLARED, PLAN, STABLE
from tests.serving_projects import ENDLESS, moment, serving, taking_orders, until

from smallcraft.cli import rollout as rollout_verbs
from smallcraft.cli.main import run
from smallcraft.pipeline.serving import served_project
from smallcraft.serve.controller import Controller
from smallcraft.serve.metrics.grafana import write_dashboard
from smallcraft.serve.rollout.standing import Order

TEXT = {"text": "please refund my invoice"}
ROLLOUT = "helpdesk-4-9f3c21aa"
RECEIPT = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "receipt.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def served(storied_built, tmp_path_factory):
    folder = copy_project(storied_built, tmp_path_factory.mktemp("rolled") / "p")
    project = folder / "smallcraft.toml"
    project.write_text(project.read_text(encoding="utf-8") + ENDLESS, encoding="utf-8")
    # Its log grows; with keys and pins of its own, other copies are not taken for ones that were put back.
    keys = shutil.copytree(os.environ["SMALLCRAFT_CONFIG"], folder.parent / "keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALLCRAFT_CONFIG", str(keys))
        with serving(folder, "rows@1") as found:
            yield found


@pytest.fixture(scope="module")
def rolled(served):
    """A rollout that reached its first percent, was frozen, resumed and aborted; with what each verb said."""
    assert run(["rollout", "start", "rows@2", "-p", str(served.project)]) == 0

    def in_canary():
        served.ask("/predict", TEXT)
        return served.ask("/predict", TEXT)["arm"] == "canary"

    until(in_canary)
    return served


@pytest.mark.slow
def test_a_rollout_is_told_from_its_start_to_its_end(rolled, told, told_json):
    project = ("-p", rolled.project)
    told_now = told_json("rollout", "status", *project)
    assert told_now["rollout"]["phase"] == "canary"
    assert told_now["server"]["models"]["rows"]["stable"]["label"] == "rows@1"
    words = told("rollout", "status", *project)
    assert "rows@1 answers" in words
    assert "UNDECIDED" in words
    assert "needs" in words
    rollout = told_now["rollout"]["id"]
    verdict = rolled.ask(f"/v2/rollouts/{rollout}/verdict")
    assert verdict["outcome"] == "UNDECIDED"
    page = rolled.text("/metrics")
    assert "smallcraft_rollout_e_value{" in page
    asked = set(re.findall(r"smallcraft_\w+?(?=_bucket|_sum\b|_count\b|[^\w]|$)", write_dashboard()))
    served = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}
    assert {name.removesuffix("_total") for name in asked} <= {name.removesuffix("_total") for name in served}

    again = told("rollout", "start", "rows@2", *project, code=1)
    assert "is under way" in again
    assert "FROZEN, 50 % of traffic" in told("rollout", "freeze", *project, "--because", "lunch")
    assert told("rollout", "status", *project, code=3).count("lunch") == 1
    told("rollout", "resume", *project, "--because", "back")
    told("rollout", "abort", rollout, *project, "--because", "it speaks of parcels")
    assert rolled.ask("/predict", TEXT)["release"] == "rows@1"
    assert "ROLLED_BACK" in told("rollout", "status", *project, code=2)
    assert "it speaks of parcels" in told("rollout", "receipts", *project)

    refused = told("rollout", "start", "rows@2", *project, code=1)
    assert "was rolled back" in refused
    assert "--force" in refused
    for receipt in json.loads(told("rollout", "status", rollout, *project, "--json", code=2))["receipts"]:
        assert "the same decision and numbers" in told("rollout", "replay", receipt, *project)

    # Away from a release that was retired since, too.
    told("alias", "stable", "rows@2", *project, "--because", "better")
    told("registry", "retire", "rows@1", *project, "--because", "too old")
    told("rollout", "start", "rows@2", *project, "--force")
    told("rollout", "abort", *project)


# --- without a worker: what a server wrote, or its socket alone ---------------------------------------


@pytest.fixture
def kept(tmp_path):
    """What a server wrote of a rollout that a person ended; the folder of its project."""
    controller = Controller(served_project(tmp_path).state / "helpdesk", stable=STABLE, now=0.0)
    controller.start(CANARY, PLAN, DECLARED, salt="9f3c21aa04d7", at=moment())
    controller.report_loaded(CANARY.digest)
    controller.tick(moment())
    controller.order(Order("promote", "I trust it"), at=moment())
    controller.order(Order("abort", "it speaks of parcels"), at=moment())
    controller.close()
    return tmp_path


@pytest.fixture
def ordered(tmp_path):
    """A server whose rollout is loaded, in shadow, with nobody who asks."""
    with taking_orders(served_project(tmp_path).state, helpdesk=STABLE) as here:

        def begin() -> None:
            model = here.models["helpdesk"]
            model.controller.start(CANARY, PLAN, DECLARED, salt="9f3c21aa04d7", at=moment())
            model.loaded()

        here.run(begin)
        yield tmp_path


def test_every_receipt_is_told_in_a_line_and_whole_for_scripts(kept, told, told_json):
    lines = before_next(told("rollout", "receipts", "-p", kept)).splitlines()
    assert [line.split()[0] for line in lines] == [f"{ROLLOUT}/{number}" for number in (1, 2, 3, 4)]
    assert lines[-1].endswith("rolled_back at 0 %: a person asked to abort: it speaks of parcels")
    for receipt in told_json("rollout", "receipts", ROLLOUT, "-p", kept):
        jsonschema.validate(receipt, RECEIPT)


def test_a_receipt_is_decided_anew_by_its_name_or_from_a_file(kept, told, told_json, tmp_path):
    for number, receipt in enumerate(told_json("rollout", "receipts", "-p", kept), start=1):
        (tmp_path / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
        for name in (f"{ROLLOUT}/{number}", tmp_path / "receipt.json"):
            assert "the same decision and numbers" in told("rollout", "replay", name, "-p", kept)


def test_all_receipts_of_a_rollout_are_decided_anew_at_once(kept, told, told_json):
    for named in ((), (ROLLOUT,)):
        lines = before_next(told("rollout", "replay", *named, "-p", kept)).splitlines()
        assert [line.split(" was ")[0] for line in lines] == [
            f"receipt {number} of rollout {ROLLOUT}" for number in (1, 2, 3, 4)
        ]
        assert all(found["agrees"] for found in told_json("rollout", "replay", *named, "-p", kept))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda receipt: receipt["to"].update(weight=0.2), "to.weight"),
        (lambda receipt: receipt.update(cause="all was well"), "cause"),
        (lambda receipt: receipt["state"]["steps"][0].update(weight=0.3), None),
        (lambda receipt: receipt.update(digest="sha256:" + "0" * 64), None),
    ],
    ids=["decision", "words", "count", "digest"],
)
def test_a_receipt_that_was_changed_by_one_value_is_found_out(change, path, kept, capsys, tmp_path):
    assert run(["rollout", "receipts", "-p", str(kept), "--json"]) == 0
    receipt = json.loads(capsys.readouterr().out)[2]
    change(receipt)
    (tmp_path / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
    assert run(["rollout", "replay", str(tmp_path / "receipt.json"), "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert not found["agrees"]
    assert not found["is_sealed"]
    if path is not None:
        assert path in [difference["path"] for difference in found["differences"]]


def test_a_receipt_that_was_dropped_from_the_state_breaks_the_chain(kept, told):
    (path,) = served_project(kept).state.glob("*/rollouts.db")
    database = sqlite3.connect(path)
    database.execute("DELETE FROM receipts WHERE number = 2")
    database.commit()
    database.close()
    for arguments in (("receipts",), ("replay", f"{ROLLOUT}/1")):
        message = told("rollout", *arguments, "-p", kept, code=4)
        assert message.startswith("broken: ")
        assert "one was dropped, added or moved" in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("replay", "nosuch.json"),
            "there is no file or rollout 'nosuch.json'; `smallcraft rollout receipts`",
        ),
        (("replay", f"{ROLLOUT}/9"), "that rollout has receipts 1 to 4"),
        (("replay", "x/1"), "there is no rollout 'x' here; `smallcraft rollout status` names the last one"),
        (("receipts", "x"), "there is no rollout 'x' here"),
        (("status", "x"), "there is no rollout 'x' here"),
        (("promote",), "no server is running"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line_with_the_next_step(arguments, said, kept, told):
    message = told("rollout", *arguments, "-p", kept, code=1)
    assert message.startswith("error: ")
    assert said in message
    assert message.count("\n") == 1


def test_without_a_server_orders_say_how_to_start_one(told, tmp_path):
    for verb in ("abort", "promote", "freeze", "resume"):
        message = told("rollout", verb, "-p", tmp_path, code=1)
        assert "no server is running" in message
        assert "smallcraft serve" in message
    for verb in ("status", "receipts"):
        assert "start one with `smallcraft serve`" in told("rollout", verb, "-p", tmp_path, code=1)


def test_an_order_is_answered_with_where_the_rollout_stands_then(ordered, told, told_json):
    project = ("-p", ordered)
    assert told("rollout", "freeze", *project, "--because", "lunch").splitlines() == [
        "a person asked to freeze: lunch",
        f"rollout {ROLLOUT}: FROZEN, 0 % of traffic",
        f"next  smallcraft rollout resume --because WHY --project {ordered}",
    ]
    # As the verdict of a frozen rollout tells people to write it.
    assert "SHADOW" in told("rollout", "resume", ROLLOUT, *project)
    promoted = told_json("rollout", "promote", ROLLOUT, *project)
    assert (promoted["rollout"], promoted["phase"], promoted["weight"]) == (ROLLOUT, "canary", 0.1)
    assert told("rollout", "abort", *project).splitlines()[1] == f"rollout {ROLLOUT}: ROLLED_BACK"
    assert "has no rollout 'x'" in told("rollout", "abort", "x", *project, code=1)


def test_who_waits_is_told_each_change_and_how_it_ended(ordered, told, capsys):
    for kind, code in (("freeze", 3), ("abort", 2)):
        told("rollout", kind, "-p", ordered)
        lines = before_next(told("rollout", "status", "--wait", "-p", ordered, code=code)).splitlines()
        assert f"a person asked to {kind}" in lines[-1]
    assert run(["rollout", "status", "--wait", "--json", "-p", str(ordered)]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["rollout"]["phase"] == "rolled_back"
    assert captured.err.count(f"{ROLLOUT}/") == 4


def test_who_waits_finds_a_rollout_that_the_server_names_before_it_is_stored(ordered, told, monkeypatch):
    told("rollout", "abort", "-p", ordered)
    stored = served_project(ordered).state / "helpdesk"
    aside = ordered / "aside"
    stored.rename(aside)
    asked, is_named = [], rollout_verbs._is_named

    def ask(served, rollout):
        if asked:
            aside.rename(stored)
        asked.append(rollout)
        return is_named(served, rollout)

    monkeypatch.setattr(rollout_verbs, "_is_named", ask)
    said = told("rollout", "status", ROLLOUT, "--wait", "-p", ordered, code=2)
    assert "a person asked to abort" in said
    assert asked == [ROLLOUT, ROLLOUT]


def test_who_waits_for_a_rollout_that_the_server_does_not_name_is_told_so_at_once(ordered, told):
    message = told("rollout", "status", "nobody", "--wait", "-p", ordered, code=1)
    assert "there is no rollout 'nobody' here" in message


def test_who_waits_for_a_server_that_has_gone_is_told_so(tmp_path, told, monkeypatch):
    monkeypatch.setattr(rollout_verbs, "_PATIENCE_S", 0.0)
    controller = Controller(served_project(tmp_path).state / "helpdesk", stable=STABLE, now=0.0)
    controller.start(CANARY, PLAN, DECLARED, salt="9f3c21aa04d7", at=moment())
    controller.close()
    message = told("rollout", "status", "--wait", "-p", tmp_path, code=1)
    assert f"so rollout {ROLLOUT} stands still (loading); start one with `smallcraft serve`" in message


WITHOUT_THE_EXTRA = """
import json, sys
for name in ("uvicorn", "httptools", "orjson", "xxhash", "prometheus_client"):
    sys.modules[name] = None
from smallcraft.cli.main import run
print([int(run(arguments)) for arguments in json.loads(sys.argv[1])])
"""


def test_without_the_extra_every_verb_says_how_to_install_it_and_a_receipt_is_replayed(kept, told_json):
    (receipt, *_) = told_json("rollout", "receipts", "-p", kept)
    (kept / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
    verbs = [["start", "rows@1"], ["status"], ["abort"], ["promote"], ["receipts"], ["replay"]]
    lines = [["rollout", *verb, "-p", str(kept)] for verb in verbs]
    lines += [["serve", "-p", str(kept)], ["rollout", "replay", str(kept / "receipt.json")]]
    command = [sys.executable, "-c", WITHOUT_THE_EXTRA, json.dumps(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == str([1] * 7 + [0]), done.stderr
    assert done.stderr.count("pip install 'smallcraft[serve]'") == 7
    assert "Traceback" not in done.stderr
