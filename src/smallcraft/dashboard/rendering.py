"""Markdown that a release brought along, as HTML: headings, lists, tables, emphasis, code, and nothing else.

Always: no HTML of the text passes; nothing in it is a link, an image or a script; headings stand below those
of the page. Leaves to others: what a paper says (`registry.papers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smallcraft.pipeline.report_parts.wording import printable

if TYPE_CHECKING:
    from markupsafe import Markup

_FENCE = "---"
_BELOW = 2
_LAST_HEADING = 6
_LEFT_OUT = ["link", "image", "autolink", "html_inline", "html_block", "reference"]


@dataclass(frozen=True)
class Paper:
    """A paper as it stands in a page.

    Attributes:
        body: Its HTML, safe.
        front: Its front matter, as it is; empty for none.
    """

    body: Markup
    front: str


def render_paper(text: str) -> Paper:
    r"""A paper of a release.

    >>> str(render_paper("# A <script>\n\n[b](javascript:c)").body)
    '<h3>A &lt;script&gt;</h3>\n<p>[b](javascript:c)</p>\n'
    """
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    front, body = split_front(printable(text))
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(_LEFT_OUT)
    tokens = parser.parse(body)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + _BELOW, _LAST_HEADING)}"
    rendered = str(parser.renderer.render(tokens, parser.options, {}))
    opened = '<div class="scroll" tabindex="0" role="group" aria-label="table, scrolls sideways"><table>'
    rendered = rendered.replace("<table>", opened).replace("</table>", "</table></div>")
    return Paper(Markup(rendered), front)  # noqa: S704 - made by the parser, which lets no HTML pass


def split_front(text: str) -> tuple[str, str]:
    r"""The front matter and the rest.

    >>> split_front("---\na: 1\n---\n# b")
    ('a: 1', '# b')
    """
    lines = text.split("\n")
    if lines[:1] != [_FENCE] or _FENCE not in lines[1:]:
        return "", text
    end = lines.index(_FENCE, 1)
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :])
