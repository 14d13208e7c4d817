"""`dashboard`: where the pages are is printed, Ctrl-C ends it quietly; what cannot be is said at once."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from tests.serving_projects import PATIENCE_S, serving, until

from smallcraft.cli import dashboard as verb

PROGRAM = "import sys; from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"


@pytest.mark.slow
def test_it_says_where_it_is_answers_there_and_ctrl_c_is_no_failure(storied_built):
    command = [sys.executable, "-c", PROGRAM, "dashboard", "-p", str(storied_built), "--port", "0", "--write"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said = ""
        while "next  " not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        address, sign_in = [word for word in said.split() if word.startswith("http://")]
        assert sign_in.startswith(f"{address}sign-in?token=")
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as reply:
            assert reply.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()


@pytest.mark.slow
def test_beside_a_server_the_pages_stand_at_ui_and_requests_are_answered_beside_them(storied):
    with serving(storied, "rows@2", "--ui") as served:
        assert f"{served.address}/ui/sign-in?token=" in served.said
        assert served.ask("/predict", {"text": "please refund"})["release"] == "rows@2"
        page = until(lambda: "Who answers now" in (text := _page(f"{served.address}/ui/")) and text)
        assert 'href="/ui/static/pages.css"' in page
        assert "data-polls" in page


def _page(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def test_a_port_that_is_taken_is_one_clear_error(storied_built, told):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        message = told("dashboard", "-p", storied_built, "--port", str(taken.getsockname()[1]), code=1)
    assert message.startswith("error: ")
    assert "name another port" in message


def test_without_a_project_the_way_to_one_is_told(tmp_path, told):
    assert "smallcraft init" in told("dashboard", "-p", tmp_path, code=1)


def test_a_token_that_is_short_or_not_there_is_refused(storied_built, tmp_path, told):
    (tmp_path / "t").write_text("short")
    assert "16 characters" in told("dashboard", "-p", storied_built, "--token-file", tmp_path / "t", code=1)
    assert "must be a text file" in told(
        "dashboard", "-p", storied_built, "--token-file", tmp_path / "none", code=1
    )


def test_the_token_of_the_pages_beside_a_server_is_in_a_file_of_this_user_alone(tmp_path):
    beside = verb.pages_beside(tmp_path, tmp_path / "state", must_sign_in=True)
    path = tmp_path / "state/pages-token"
    assert path.read_text() == beside.token
    assert path.stat().st_mode & 0o777 == 0o600
    assert beside.token not in " ".join(beside.command)
    assert "--must-sign-in" in beside.command
