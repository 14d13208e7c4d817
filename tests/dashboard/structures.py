"""The structure of a page: landmarks, headings, tables with their columns, forms with their fields.

What a page says changes with every project; what it is built of does not. Numbers are left out.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LANDMARKS = {"header", "nav", "main", "footer", "section", "form", "figure", "details"}
_TEXTS = {"h1", "h2", "h3", "caption", "th", "summary", "legend", "label", "button", "title"}
_FIELDS = {"input", "select", "textarea"}


def structure_of(html: str) -> str:
    """A line each, indented as they stand in each other; equal neighbours once."""
    reader = _Reader()
    reader.feed(html)
    lines: list[str] = []
    for line in reader.lines:
        if not lines or lines[-1] != line:
            lines.append(line)
    return "\n".join(lines) + "\n"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._depth = 0
        self._text: list[str] | None = None
        self._in_body = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "tbody":
            self._in_body += 1
        if tag in _LANDMARKS:
            self._say(tag, found.get("data-part") or found.get("aria-label") or found.get("id") or "")
            self._depth += 1
        elif tag in _FIELDS:
            self._say(tag, found.get("name") or "")
        elif tag in _TEXTS and not (tag == "th" and self._in_body):
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            self._in_body -= 1
        if tag in _LANDMARKS:
            self._depth -= 1
        elif tag in _TEXTS and self._text is not None:
            self._say(tag, " ".join("".join(self._text).split()))
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _say(self, what: str, text: str) -> None:
        plain = re.sub(r"[0-9][0-9a-f.,:]*", "#", re.sub(r"\b(?=[a-f]*[0-9])[0-9a-f]{6,}\b", "#", text))
        self.lines.append(f"{'  ' * self._depth}{what} {plain}".rstrip())
