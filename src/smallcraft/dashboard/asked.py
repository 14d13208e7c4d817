"""What a browser asks of a page, and what a page has to know of where it stands.

Leaves to others: HTTP (`dashboard.app`), what is read (`dashboard.sources`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True)
class Asked:
    """One question to one page.

    Attributes:
        path: Parts of the path by name, such as `release` of `/releases/{release}`.
        query: The query by name; of a name that stands twice, the last one.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: int, *, low: int = 1, high: int = 10_000) -> int:
        """A whole number of the query within bounds; the default where it is absent or none.

        >>> Asked(query={"page": "3"}).number("page", 1), Asked(query={"page": "x"}).number("page", 1)
        (3, 1)
        """
        text = self.query.get(name, "")
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(high)):
            return default
        return min(max(int(text), low), high)

    def word(self, name: str) -> str:
        """A word of the query; empty where it is absent."""
        return self.query.get(name, "").strip()


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes:
        project: Name of the project, for the title.
        root: Path in front of every link; empty, or `/ui`.
        path: Of the present page, without `root`.
        may_write: Whether whoever asks has shown the token.
        has_token: Whether there is one, so that signing in makes sense.
        csrf: What every form sends along.
        nonce: What changes with what the page shows; the browser asks whether it did.
        polls: Whether it asks every few seconds, since no stream of events gets through.
    """

    project: str
    root: str = ""
    path: str = "/"
    may_write: bool = False
    has_token: bool = False
    csrf: str = ""
    nonce: str = ""
    polls: bool = False

    def link(self, path: str, **query: object) -> str:
        """An address within the pages.

        >>> Site("x", root="/ui").link("/drift", release="a@1")
        '/ui/drift?release=a%401'
        """
        asked = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.root}{path}" + (f"?{urlencode(asked)}" if asked else "")
