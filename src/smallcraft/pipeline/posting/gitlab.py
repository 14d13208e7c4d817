"""Notes on a merge request of GitLab, from the variables that its pipelines set.

Source:
    https://docs.gitlab.com/api/notes/#merge-requests
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from smallcraft.errors import InvalidInputError, OvertakenError, RemoteError
from smallcraft.pipeline.posting.forge import Comment
from smallcraft.pipeline.posting.forge_http import ForgeHttp

_REMEDY = (
    "GITLAB_TOKEN must be a project access token with the scope `api` and the role Reporter or above; the "
    "job's own CI_JOB_TOKEN cannot write notes"
)


@dataclass(frozen=True)
class MergeRequest:
    """Of GitLab.

    Attributes:
        http: Its API.
        project: Number or path of the project.
        number: The merge request's own (iid).
        run: What was judged, in Markdown.
    """

    http: ForgeHttp
    project: str
    number: int
    run: str = ""
    longest: int = 1_000_000

    @property
    def where(self) -> str:
        """Project and number."""
        return f"{self.project}!{self.number}"

    def own_comments(self) -> Iterator[Comment]:
        """Somebody else's is never taken for ours, whatever it says."""
        own = self._own_number()
        for found in self.http.pages(self._notes, order_by="created_at", sort="asc"):
            if (found.get("author") or {}).get("id") == own and not found.get("system"):
                yield _comment(found)

    def create(self, text: str) -> Comment:
        """A new one."""
        return _comment(self.http.ask("POST", self._notes, {"body": text}))

    def update(self, comment: Comment, text: str) -> None:
        """In place."""
        self.http.ask("PUT", f"{self._notes}/{comment.number}", {"body": text})

    def delete(self, comment: Comment) -> None:
        """Gone is gone."""
        try:
            self.http.ask("DELETE", f"{self._notes}/{comment.number}")
        except OvertakenError:
            return

    @property
    def _notes(self) -> str:
        return f"projects/{quote(self.project, safe='')}/merge_requests/{self.number}/notes"

    def _own_number(self) -> int:
        try:
            return int(self.http.ask("GET", "user")["id"])
        except (KeyError, TypeError, ValueError) as error:
            raise RemoteError("GitLab does not say whose token GITLAB_TOKEN is; " + _REMEDY) from error


def open_gitlab(environment: Mapping[str, str]) -> MergeRequest | None:
    """The merge request that a pipeline runs for; None where it runs for none.

    Raises:
        InvalidInputError: A variable is missing or not what GitLab sets.
    """
    number = environment.get("CI_MERGE_REQUEST_IID", "")
    if not number:
        return None
    root, project = environment.get("CI_API_V4_URL", "").rstrip("/"), environment.get("CI_PROJECT_ID", "")
    if not (root and project and number.isdecimal()):
        raise InvalidInputError(
            "--post gitlab wants CI_API_V4_URL, CI_PROJECT_ID and CI_MERGE_REQUEST_IID, got "
            f"{root!r}, {project!r} and {number!r}; GitLab sets them in a merge request's pipeline"
        )
    token = environment.get("GITLAB_TOKEN", "")
    if not token:
        raise InvalidInputError(
            "--post gitlab wants a token in GITLAB_TOKEN, which is not set; add it to the project's CI/CD "
            "variables, masked: " + _REMEDY
        )
    http = ForgeHttp("GitLab", root, {"PRIVATE-TOKEN": token}, token, _REMEDY)
    commit, link = environment.get("CI_COMMIT_SHA", "")[:12], environment.get("CI_JOB_URL")
    run = ", ".join(part for part in (commit, f"[run]({link})" if link else "") if part)
    return MergeRequest(http, project, int(number), run)


def _comment(found: Mapping[str, Any]) -> Comment:
    try:
        return Comment(int(found["id"]), str(found.get("body") or ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RemoteError("GitLab answered with a note that has no number; is it the API?") from error
