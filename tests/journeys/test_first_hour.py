"""A newcomer's first hour: a messy export of their own, and from then on only what the last line says."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from tests.conftest import require, why_no_program
from tests.projects import change_project, command

from smallcraft.cli.main import run
from smallcraft.demo.helpdesk.corpus import generate

EXPORT = "Support Export (final).csv"
HEADER = "Ticket No.;Customer Message ;Ticket Category;Sales Region;Date Received;Agent Notes;Customer ID"
# With `pip install`, which comes first, six commands.
MOST_COMMANDS = 5
_END_S = 60.0


def write_export(folder: Path) -> None:
    """As a helpdesk gives it: semicolons, capitals and spaces, a mark in front, holes, two languages."""
    lines = [HEADER]
    for at, row in enumerate(generate(seed=11, rows=1000).frame.iter_rows(named=True)):
        message = row["message"].replace("\n", " ")
        message = f"Hallo, {message} Vielen Dank!" if at % 12 == 0 else message
        message = f"{message} Call me: +44 20 7946 0{at % 900 + 100}" if at % 40 == 0 else message
        label = row["intent"].replace("_", " ").title()
        label = (label, label.upper(), f"{label.lower()} ")[at % 25 if at % 25 < 3 else 0]
        day = datetime.fromisoformat(row["created_at"]).strftime("%d.%m.%Y %H:%M")
        quoted = '"' + message.replace('"', '""') + '"'
        lines.append(f"T-{at};{quoted};{label};{row['region'] or ''};{day};;{row['customer_id']}")
        lines += [";;;;;;", ""] if at % 200 == 7 else []
    text = "\ufeff" + "\r\n".join(lines) + "\r\n"
    (folder / EXPORT).write_text(text, encoding="utf-8", newline="")


def next_words(printed: str) -> list[str]:
    """The last line, as a shell takes it."""
    words = shlex.split(printed.splitlines()[-1])
    assert words[0] == "next", printed
    return words[1:]


@pytest.mark.slow
def test_a_messy_export_is_served_by_pasting_what_each_command_printed(
    tmp_path, own_keys, monkeypatch, capsys
):
    require(why_no_program("curl", "curl"))
    monkeypatch.chdir(tmp_path)
    write_export(tmp_path)
    assert run([]) == 0
    words, used = next_words(capsys.readouterr().out), []
    assert words == ["smallcraft", "init", EXPORT]
    while words[1] != "serve":
        used.append(words[1])
        assert len(used) < MOST_COMMANDS, f"no release to serve after {used}"
        assert run(words[1:]) == 0
        words = next_words(capsys.readouterr().out)
        if words[1] == "check":  # A shorter ladder, for the time it takes.
            change_project(tmp_path, '# rungs = ["majority", "ngram"]', 'rungs = ["majority", "ngram"]')
    assert used == ["init", "init", "check", "build"]
    with subprocess.Popen(command(*words[1:], "--port", "0"), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = ""
            while "\nnext  " not in said:
                line = server.stdout.readline()
                assert line, f"the server ended: {said}"
                said += line
            asked = next_words(said)
            assert asked[0] == "curl"
            curl = shutil.which("curl")
            assert curl is not None
            done = subprocess.run([curl, "-s", *asked[1:]], capture_output=True, text=True, check=True)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(_END_S)
    answer = json.loads(done.stdout)
    assert answer["release"] == "Support-Export-final@1"
    assert answer["label"] == answer["label"].title()
