"""Comments on a pull request of GitHub, from the variables that Actions sets.

Source:
    https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError, OvertakenError, RemoteError
from smallcraft.pipeline.posting.forge import Comment
from smallcraft.pipeline.posting.forge_http import ForgeHttp

# Of the token that Actions gives to a job: it may not ask who it is.
BOT = "github-actions[bot]"
_REF = re.compile(r"refs/pull/([0-9]+)/")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_REMEDY = (
    "give the job `permissions: pull-requests: write`; a pull request from a fork has a token that only "
    "reads, its summary stands on the run's page"
)


@dataclass(frozen=True)
class PullRequest:
    """Of GitHub.

    Attributes:
        http: Its API.
        repository: owner/name.
        number: Of the pull request.
        run: What was judged, in Markdown.
    """

    http: ForgeHttp
    repository: str
    number: int
    run: str = ""
    longest: int = 65_536

    @property
    def where(self) -> str:
        """Repository and number."""
        return f"{self.repository}#{self.number}"

    def own_comments(self) -> Iterator[Comment]:
        """Somebody else's is never taken for ours, whatever it says."""
        own = self._own_name()
        for found in self.http.pages(f"repos/{self.repository}/issues/{self.number}/comments"):
            if (found.get("user") or {}).get("login") == own:
                yield _comment(found)

    def create(self, text: str) -> Comment:
        """A new one."""
        path = f"repos/{self.repository}/issues/{self.number}/comments"
        return _comment(self.http.ask("POST", path, {"body": text}))

    def update(self, comment: Comment, text: str) -> None:
        """In place."""
        self.http.ask("PATCH", f"repos/{self.repository}/issues/comments/{comment.number}", {"body": text})

    def delete(self, comment: Comment) -> None:
        """Gone is gone."""
        try:
            self.http.ask("DELETE", f"repos/{self.repository}/issues/comments/{comment.number}")
        except OvertakenError:
            return

    def _own_name(self) -> str:
        try:
            return str(self.http.ask("GET", "user")["login"])
        except (RemoteError, KeyError, TypeError):
            return BOT


def open_github(environment: Mapping[str, str]) -> PullRequest | None:
    """The pull request that a job of Actions runs for; None where it runs for none.

    Raises:
        InvalidInputError: A variable is missing or not what Actions sets.
    """
    repository = environment.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise InvalidInputError(
            f"--post github wants GITHUB_REPOSITORY as owner/name, got {repository!r}; Actions sets it, "
            "elsewhere leave --post out"
        )
    event = _event(environment.get("GITHUB_EVENT_PATH"))
    number = _number(event, environment.get("GITHUB_REF", ""))
    if number is None:
        return None
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or ""
    if not token:
        raise InvalidInputError(
            "--post github wants a token in GITHUB_TOKEN, which is not set; add to the step `env: "
            "GITHUB_TOKEN: ${{ github.token }}`"
        )
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    root = environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    http = ForgeHttp("GitHub", root, headers, token, _REMEDY)
    return PullRequest(http, repository, number, _run(event, repository, environment))


def _event(path: str | None) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"GITHUB_EVENT_PATH must name the event's JSON, got {path} ({error}); Actions sets it"
        ) from error
    return told if isinstance(told, Mapping) else {}


def _number(event: Mapping[str, Any], ref: str) -> int | None:
    for request in (event.get("pull_request"), event.get("issue")):
        if isinstance(request, Mapping) and isinstance(request.get("number"), int):
            return int(request["number"])
    match = _REF.match(ref)
    return int(match[1]) if match else None


def _run(event: Mapping[str, Any], repository: str, environment: Mapping[str, str]) -> str:
    request = event.get("pull_request")
    head = request.get("head") if isinstance(request, Mapping) else None
    commit = str((head or {}).get("sha") or environment.get("GITHUB_SHA", ""))[:12]
    number = environment.get("GITHUB_RUN_ID")
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    link = f"[run]({server}/{repository}/actions/runs/{number})" if number else ""
    return ", ".join(part for part in (commit, link) if part)


def _comment(found: Any) -> Comment:  # noqa: ANN401
    try:
        return Comment(int(found["id"]), str(found.get("body") or ""))
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteError("GitHub answered with a comment that has no number; is it the API?") from error
