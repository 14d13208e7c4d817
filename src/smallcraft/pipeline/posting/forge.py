"""What a forge must offer: comments on the request that a pipeline runs for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Comment:
    """A comment that the pipeline's own account wrote.

    Attributes:
        number: The forge's; a later comment has a greater one.
        text: Markdown.
    """

    number: int
    text: str


class Forge(Protocol):
    """The comments of one pull or merge request."""

    @property
    def where(self) -> str:
        """The request, in words."""

    @property
    def longest(self) -> int:
        """Characters that a comment may have."""

    @property
    def run(self) -> str:
        """Which commit was judged, and where the run is, as Markdown; empty where that is not known."""

    def own_comments(self) -> Iterator[Comment]:
        """Those of the pipeline's account, page by page, in any order.

        Raises:
            RemoteError: The forge did not answer as it should.
        """

    def create(self, text: str) -> Comment:
        """A new comment."""

    def update(self, comment: Comment, text: str) -> None:
        """Other words in the place of a comment."""

    def delete(self, comment: Comment) -> None:
        """Take a comment away; one that is gone already is no error."""
