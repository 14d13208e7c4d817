"""A project that is released, checked, watched with an open alarm, and asks people."""

from __future__ import annotations

import contextlib
import io
import random
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import uvicorn
from starlette.testclient import TestClient
from tests.dashboard.projects import UGLY
from tests.pipeline.conftest import FIXED
from tests.pipeline.watching.projects import BEGIN, HOUR
from tests.projects import MESSAGES, QUICK_LADDER, message_rows, write_rows

from smallcraft.cli.main import run
from smallcraft.dashboard.app import make_app
from smallcraft.dashboard.running import bind
from smallcraft.label.campaign import Campaign
from smallcraft.label.campaigns import Campaigns
from smallcraft.pipeline.stages import measure

TOKEN = "let me in"
LABELS = ("billing", UGLY, "parcel")
MAIL, AT = "ada.lovelace@mail.example", "ada.lovelace at mail.example"
QUIET, MOVED, ROWS = 56, 10, 30
_WATCH = '\n[watch]\nfiles = "in/*.csv"\ntime = "at"\n'
_LABEL = "\n[label]\nbudget = 40\n"


def build_watched(folder: Path) -> Path:
    """Releases `rows@1` of messages of which some are labelled wrongly; checks, watches, asks about 40 votes.

    Ten hours of broken messages raise an alarm; one of them tells an address.
    """
    rows, dice = message_rows(240, labels=LABELS), random.Random(3)
    rows["intent"] = [
        dice.choice([other for other in LABELS if other != label]) if dice.random() < 0.15 else label
        for label in rows["intent"]
    ]
    write_rows(folder, rows, data=MESSAGES, more=f"{QUICK_LADDER}{_WATCH}{_LABEL}")
    _write_history(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        for words, codes in (
            (("build",), {0}),
            (("check",), {0, 2, 3}),
            (("watch", "--once"), {2}),
            (("label", "next"), {0}),
        ):
            with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
                code = run([*words, "-p", str(folder)])
            assert code in codes, (words, code, out.getvalue())
    return folder


def campaign_of(folder: Path) -> Campaign:
    """Its only one."""
    (campaign,) = Campaigns(folder / ".smallcraft/label").all()
    return campaign


def votes_of(folder: Path) -> Mapping[tuple[str, str], str]:
    """Row and person to what counts."""
    votes = Campaigns(folder / ".smallcraft/label").log.votes()
    return {(vote.item, vote.annotator): vote.label for vote in votes}


def visitor(folder: Path, *, token: str | None = TOKEN) -> TestClient:
    """A browser without JavaScript that has not shown the token."""
    return TestClient(make_app(folder, token=token), base_url="http://127.0.0.1")


def signed_in(folder: Path) -> TestClient:
    """One that has."""
    browser = visitor(folder)
    assert browser.get("/sign-in", params={"token": TOKEN}).status_code == 200
    return browser


def csrf_of(text: str) -> str:
    """The secret of a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The pages on loopback, by a real server; its address."""
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(make_app(folder, token=TOKEN), log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.config.app.state.desk.is_ending.set()
        server.should_exit = True
        thread.join()
        listener.close()


def _write_history(folder: Path) -> None:
    dice = random.Random(3)
    texts = message_rows((QUIET + MOVED) * ROWS, labels=LABELS, seed=7)["message"]
    hours = [row // ROWS for row in range(len(texts))]
    broken = [
        f"{text} â€” sent from my phone {MAIL if row % 2 else AT}" if hour >= QUIET else text
        for row, (text, hour) in enumerate(zip(texts, hours, strict=True))
    ]
    at = [BEGIN + hour * HOUR + dice.randrange(HOUR) for hour in hours]
    (folder / "in").mkdir()
    pl.DataFrame({"at": at, "message": broken}).write_csv(folder / "in/history.csv")
