"""The variables that GitLab's pipelines set."""

from __future__ import annotations

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.posting.gitlab import open_gitlab
from smallcraft.pipeline.posting.sticky import post_summary
from smallcraft.records import Outcome, Verdict

SET = {
    "CI_API_V4_URL": "https://gitlab.example/api/v4/",
    "CI_PROJECT_ID": "34",
    "CI_MERGE_REQUEST_IID": "12",
    "GITLAB_TOKEN": "t",
}


def test_a_merge_request_is_found_and_a_branch_has_none():
    found = open_gitlab(SET)
    assert (found.where, found.http.root) == ("34!12", "https://gitlab.example/api/v4")
    assert open_gitlab({**SET, "CI_MERGE_REQUEST_IID": ""}) is None


def test_a_missing_variable_is_told_with_what_sets_it():
    with pytest.raises(InvalidInputError, match="CI_API_V4_URL, CI_PROJECT_ID"):
        open_gitlab({"CI_MERGE_REQUEST_IID": "12"})
    with pytest.raises(
        InvalidInputError, match="GITLAB_TOKEN, which is not set; add it to the project's CI/CD"
    ):
        open_gitlab({**SET, "GITLAB_TOKEN": ""})


def test_notes_of_the_system_are_not_ours(gitlab):
    place = open_gitlab(gitlab.environment())
    post_summary(place, "tickets@1", [Verdict("size", Outcome.PASS, "it fits")])
    ours = list(place.own_comments())
    gitlab.add(1, "mentioned in commit 0123")
    assert list(place.own_comments()) == ours
