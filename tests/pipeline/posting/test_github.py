"""The variables that GitHub's Actions sets."""

from __future__ import annotations

import json

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.posting.github import open_github

SET = {"GITHUB_REPOSITORY": "team/helpdesk", "GITHUB_TOKEN": "t"}


def test_the_number_comes_from_the_event_before_the_ref(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "f" * 40}}}))
    found = open_github({**SET, "GITHUB_EVENT_PATH": str(event), "GITHUB_REF": "refs/pull/12/merge"})
    assert (found.number, found.where, found.run) == (7, "team/helpdesk#7", "f" * 12)
    assert found.http.root == "https://api.github.com"
    assert open_github({**SET, "GITHUB_REF": "refs/pull/12/merge"}).number == 12


def test_a_push_to_a_branch_has_nothing_to_post_on(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": "refs/heads/main"}))
    assert open_github({**SET, "GITHUB_EVENT_PATH": str(event), "GITHUB_REF": "refs/heads/main"}) is None


def test_a_server_of_its_own_is_asked_at_its_api():
    found = open_github(
        {**SET, "GITHUB_REF": "refs/pull/1/merge", "GITHUB_API_URL": "https://git.example/api/v3/"}
    )
    assert found.http.root == "https://git.example/api/v3"


def test_a_missing_variable_is_told_with_what_sets_it(tmp_path):
    with pytest.raises(InvalidInputError, match="GITHUB_REPOSITORY as owner/name, got ''"):
        open_github({})
    with pytest.raises(InvalidInputError, match=r"GITHUB_TOKEN: \$\{\{ github.token \}\}"):
        open_github({"GITHUB_REPOSITORY": "team/helpdesk", "GITHUB_REF": "refs/pull/1/merge"})
    with pytest.raises(InvalidInputError, match="GITHUB_EVENT_PATH must name the event's JSON"):
        open_github({**SET, "GITHUB_EVENT_PATH": str(tmp_path / "none.json")})


def test_a_repository_that_would_lead_elsewhere_is_refused():
    with pytest.raises(InvalidInputError, match="owner/name"):
        open_github({**SET, "GITHUB_REPOSITORY": "team/helpdesk/../../user"})
