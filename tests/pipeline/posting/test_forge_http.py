"""How a forge is asked: what fails, what is tried again, where a token goes."""

from __future__ import annotations

import pytest
from tests.pipeline.posting.forge_server import TOKEN, served_forge

from smallcraft.errors import InvalidInputError, RemoteError
from smallcraft.pipeline.posting.forge_http import ForgeHttp

LIST = "repos/team/helpdesk/issues/12/comments"


def http_of(server, *, waits_s=(0.0, 0.0)):
    return ForgeHttp("GitHub", server.root, {"Authorization": f"Bearer {TOKEN}"}, TOKEN, "ask", waits_s)


@pytest.mark.parametrize("root", ["http://api.example", "ftp://api.example", "api.example", ""])
def test_a_token_goes_over_tls_or_to_this_machine_only(root):
    with pytest.raises(InvalidInputError, match="a token is not sent unencrypted"):
        ForgeHttp("GitHub", root, {}, TOKEN, "ask")


def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else(github):
    with served_forge("github") as elsewhere:
        github.redirect = f"{elsewhere.root}/{LIST}"
        with pytest.raises(RemoteError, match="302"):
            http_of(github).ask("GET", LIST)
        assert elsewhere.asked == []


def test_a_forge_that_fails_for_a_moment_is_asked_again(github):
    github.failing = [502, 503]
    assert http_of(github).ask("GET", f"{LIST}?page=1&per_page=1") == []
    github.failing = [500, 500, 500]
    with pytest.raises(RemoteError, match="500: try later"):
        http_of(github).ask("GET", LIST)


def test_a_comment_that_may_have_been_made_is_not_made_twice(github):
    github.failing = [502]
    with pytest.raises(RemoteError, match="502"):
        http_of(github).ask("POST", LIST, {"body": "x"})
    assert github.asked == [("POST", f"/{LIST}")]
    github.failing = [429]
    assert http_of(github).ask("POST", LIST, {"body": "x"})["body"] == "x"


def test_nobody_there_is_one_error_with_the_address():
    with served_forge("github") as gone:
        http = http_of(gone)
    with pytest.raises(RemoteError, match=f"GitHub did not answer at http://127.0.0.1:{gone.port}"):
        http.ask("GET", LIST)
