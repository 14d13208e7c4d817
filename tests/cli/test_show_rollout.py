"""A rollout on a terminal: where it stands, why, what is missing; nothing that somebody wrote is markup."""

from __future__ import annotations

import pytest
from tests.cli.test_show import HOSTILE
from tests.serve.rolling import CANARY, fair, moment, server

from smallcraft.cli.show_rollout import show_servers
from smallcraft.pipeline.rollout_telling import Told
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.standing import Order
from smallcraft.serve.state.opening import find_receipts


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture
def shown(tmp_path, capsys):
    """Runs a server's controller through something, and gives the lines that a person sees of it."""

    def show(work=lambda _: None, *, is_running=True, alarms=(), canary=CANARY) -> list[str]:
        running = server(tmp_path)
        running.start(canary=canary)
        work(running)
        form = running.controller.status(now=running.now).to_form()
        model = {**form, "alarms": list(alarms)}
        told = {"models": {"helpdesk": model}, "alarms": []} if is_running else None
        show_servers(Told(told, form["rollout"], find_receipts(tmp_path)))
        running.controller.close()
        return capsys.readouterr().out.splitlines()

    return show


def in_canary(running):
    running.pass_shadow()
    running.serve(fair(running.state, 20))


def test_a_rollout_under_way_has_its_share_its_evidence_and_what_would_settle_it(shown):
    lines = shown(in_canary)
    assert lines[0] == "helpdesk@3 answers"
    assert lines[1] == "rollout helpdesk-4-9f3c21aa: CANARY, 10 % of traffic"
    assert lines[2].startswith("  UNDECIDED: canary saw 20 of 30 requests at 10 %")
    assert lines[3].startswith("  needs about")
    assert lines[4].startswith("  evidence against it ")
    assert lines[4].endswith(" of the 20 that roll it back")


def test_both_arms_stand_in_a_table_with_their_own_numbers(shown):
    lines = shown(in_canary)
    (header,) = (number for number, line in enumerate(lines) if line.startswith("arm "))
    assert lines[header].split()[:4] == ["arm", "release", "requests", "errors"]
    stable, canary = (line.split() for line in lines[header + 1 : header + 3])
    assert stable[:6] == ["stable", "helpdesk@3", "180", "0", "of", "180"]
    assert canary[:6] == ["canary", "helpdesk@4", "20", "0", "of", "20"]


def test_what_was_not_measured_is_not_zero(shown):
    (stable,) = (line for line in shown() if line.startswith("stable "))
    assert stable.count("not measured") == 3


def test_a_rollout_that_went_back_has_no_traffic_and_its_last_receipt_says_why(shown):
    def abort(running):
        in_canary(running)
        running.controller.order(Order("abort", "it speaks of parcels"), at=moment(running.now))

    lines = shown(abort)
    assert lines[1] == "rollout helpdesk-4-9f3c21aa: ROLLED_BACK"
    assert lines[2].startswith("  FAIL: ")
    assert lines[-1] == "  4. a person asked to abort: it speaks of parcels"


def test_without_a_server_that_is_said_first(shown):
    assert shown(in_canary, is_running=False)[0] == "no server is running; this is what the last one wrote"


def test_before_the_first_rollout_the_next_step_is_told(capsys):
    model = {"stable": {"label": "helpdesk@3"}, "alarms": []}
    show_servers(Told({"models": {"helpdesk": model}, "alarms": ["the disk is full"]}, None, ()))
    assert capsys.readouterr().out.splitlines() == [
        "helpdesk@3 answers",
        "  alarm the disk is full",
        "no rollout yet; begin one with `smallcraft rollout start RELEASE`",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_somebody_wrote_is_taken_for_markup(text, shown):
    def freeze(running):
        running.controller.order(Order("freeze", text), at=moment(running.now))

    lines = shown(freeze, alarms=[text], canary=NamedRelease(f"{text}@4", CANARY.digest))
    assert f"  alarm {text}" in lines
    assert f"  3. a person asked to freeze: {text}" in lines
    assert any(line.startswith("canary") and f"{text}@4" in line for line in lines)
