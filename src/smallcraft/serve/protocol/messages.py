"""What goes back over HTTP: a status, headers and a body; and how a refusal becomes one.

Leaves to others: sending it, and headers that belong to a connection.
Always: a message to people in an error says what was wanted, what came and the next step, and is valid JSON
whatever the client sent.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from smallcraft.errors import (
    InvalidInputError,
    MissingPartError,
    NotFoundError,
    SmallcraftError,
    nearest_name,
)
from smallcraft.serve.questions import Refusal

JSON = (b"content-type", b"application/json")
BINARY = (b"content-type", b"application/octet-stream")
# Looking for what a misspelt name could mean costs time in proportion to both; clients choose the name.
_LONGEST_MISSPELT = 64
_MOST_KNOWN = 64
_SHOWN = 8

Header = tuple[bytes, bytes]


class Message(NamedTuple):
    """A whole HTTP response; a tuple, since a frozen dataclass costs a microsecond more a request.

    Attributes:
        status: HTTP's.
        headers: Lower-case names; `content-length` is among them.
        body: May be empty.
    """

    status: int
    headers: list[Header]
    body: bytes


def json_message(content: Any, *, status: int = 200, headers: Iterable[Header] = ()) -> Message:  # noqa: ANN401 - JSON
    """A response with a JSON body.

    Args:
        content: Plain values and numpy arrays.
        status: HTTP's.
        headers: Beside the type and the length.
    """
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Message(status, [JSON, (b"content-length", b"%d" % len(body)), *headers], body)


def refusal_of(error: SmallcraftError) -> Refusal:
    """How an error is told to a client: its own to mend is 400, what is not there 404, ours 500.

    >>> refusal_of(InvalidInputError("input 'text' is missing; send it")).status
    400
    """
    if isinstance(error, InvalidInputError):
        return Refusal(400, str(error), {})
    if isinstance(error, NotFoundError):
        return Refusal(404, str(error), {})
    if isinstance(error, MissingPartError):
        return Refusal(501, str(error), {})
    # What broke inside is for the log; a client can only try again.
    return Refusal(500, "the server failed to answer; try again, and tell who runs it if that fails too", {})


def write_refusal(refusal: Refusal) -> Message:
    """A refusal as the protocol has it: `{"error": ...}`."""
    message = refusal.message.encode("utf-8", "replace").decode()
    headers = ((name.lower().encode(), value.encode()) for name, value in refusal.headers.items())
    return json_message({"error": message}, status=refusal.status, headers=headers)


_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 60
_BRIEF.maxlist = _BRIEF.maxdict = 4
_BRIEF.maxlevel = 2


def shown(value: object) -> str:
    """What a client sent, short enough for a message, as JSON spells it where that differs.

    >>> shown(True), shown(None), shown("a" * 500)[:10]
    ('true', 'null', "'aaaaaaaaa")
    """
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return _BRIEF.repr(value)


def one_of(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not known: those there are, and which was probably meant.

    >>> one_of("lable", ["label", "confidence"])
    "it has 'label', 'confidence' - did you mean 'label'?"
    """
    names = list(known)
    listed = ", ".join(map(shown, names[:_SHOWN])) or "none"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    hint = nearest_name(name, names[:_MOST_KNOWN]) if len(name) <= _LONGEST_MISSPELT else ""
    return f"it has {listed}{more}{hint}"
