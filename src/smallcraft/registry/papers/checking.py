"""Compares a published copy of a card with what the release says, and keeps a checkpoint beside each card.

A copy is the whole file, or stands in it between two lines of their own:
`<!-- smallcraft card: helpdesk@3 -->` and `<!-- end of smallcraft card -->`; there it may go without its
front matter. A printed card may end with a checkpoint of the log, so that every published card is a pin.
Leaves to others: reading files, rendering the card (`papers.model_card`), whether the checkpoint's signature
holds and the log grew from it (`registry.verify`).
Always: only the signed note itself is set aside; any other word in its section is a difference.
Covered: an edited number, a card of an older release, a card cut short, two copies of which one is true.
Not covered: what a file says of the model outside the markers.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError, NotFoundError

_START = re.compile(r"<!-- smallcraft card: (\S+) -->")
_END = "<!-- end of smallcraft card -->"
_CHECKPOINT = (
    "## Checkpoint",
    "",
    "What the registry's log said when this card was printed, signed. `smallcraft verify --pin` with this",
    "file shows whether the log still holds all that it held then.",
    "",
    "```text",
)
_FENCE = "```"


@dataclass(frozen=True)
class Difference:
    """The first line in which a published copy is not what the release says.

    Attributes:
        line: Its number in the published file, from 1.
        wanted: What the release's card has there; None past its end.
        got: What the published file has there; None past its end.
    """

    line: int
    wanted: str | None
    got: str | None

    @property
    def sentence(self) -> str:
        """The whole in words, with the next step."""
        wanted, got = (
            "the end of the card" if text is None else repr(text) for text in (self.wanted, self.got)
        )
        return (
            f"line {self.line} is not what the release says: wanted {wanted}, got {got}; "
            "print the card again with `smallcraft card`"
        )


@dataclass(frozen=True)
class PrintedCard:
    """A card, and the checkpoint printed below it.

    Attributes:
        card: The card alone, ending in a newline.
        checkpoint: The signed note, ending in a newline; None where none was printed.
    """

    card: str
    checkpoint: str | None


@dataclass(frozen=True)
class Comparison:
    """What a published copy is worth.

    Attributes:
        difference: Where it first differs; None where it says what the release says.
        checkpoint: The signed note printed with it, for the caller to verify; None where there is none.
    """

    difference: Difference | None
    checkpoint: str | None

    @property
    def is_equal(self) -> bool:
        """True when the copy says what the release says."""
        return self.difference is None


@dataclass(frozen=True)
class _Copy:
    """Lines of a published copy, the number of lines before it, and whether it stood between markers."""

    lines: list[str]
    before: int
    is_marked: bool


def with_checkpoint(card: str, checkpoint: str) -> str:
    """The card with the log's signed note below it.

    Args:
        card: As rendered.
        checkpoint: The signed note, ending in a newline.

    Raises:
        InvalidInputError: The note would not end where its block ends, or has no end.
    """
    if any(line.startswith(_FENCE) for line in checkpoint.split("\n")) or not checkpoint.endswith("\n"):
        raise InvalidInputError(
            "a checkpoint must end in a newline and hold no line that starts with ```, got "
            f"{checkpoint[:60]!r}; take it from log/checkpoint as it is"
        )
    return "\n".join([card.rstrip("\n"), "", *_CHECKPOINT, checkpoint + _FENCE]) + "\n"


def split_checkpoint(text: str) -> PrintedCard:
    """The card, and the note below it where it stands exactly as `with_checkpoint` writes it."""
    lines = _lines_of(text)
    starts = [number for number, line in enumerate(lines) if line == _CHECKPOINT[0]]
    for start in starts[-1:]:
        end = start + len(_CHECKPOINT)
        note = lines[end:-1]
        is_whole = tuple(lines[start:end]) == _CHECKPOINT and bool(note) and lines[-1] == _FENCE
        if is_whole and not any(line.startswith(_FENCE) for line in note):
            card = _lines_of("\n".join(lines[:start]))
            return PrintedCard("\n".join(card) + "\n", "\n".join(note) + "\n")
    return PrintedCard("\n".join(lines) + "\n", None)


def published_checkpoint(text: str) -> str | None:
    """The checkpoint printed with a published card, be the card the whole file or between its markers.

    Raises:
        InvalidInputError: The file has a start without an end, or more than one copy.
    """
    copy = _find_copy(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
    return split_checkpoint(text if copy is None else "\n".join(copy.lines)).checkpoint


def embed_card(text: str, card: str, *, label: str) -> str:
    """The file with the card between its markers, in place of the copy there; at its end where there is none.

    Args:
        text: The file as it is.
        card: As rendered, with or without a checkpoint; its front matter is left out.
        label: The release, such as `helpdesk@3`.

    Raises:
        InvalidInputError: The file has a start without an end, or more than one copy.
    """
    body = [f"<!-- smallcraft card: {label} -->", *_without_front_matter(_lines_of(card)), _END]
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    copy = _find_copy(lines)
    if copy is None:
        kept = [*lines, ""] if text.strip() else []
        return "\n".join([*kept, *body]) + "\n"
    after = copy.before + len(copy.lines) + 1
    return "\n".join([*lines[: copy.before - 1], *body, *lines[after:]]) + "\n"


def compare_published(text: str, card: str, *, label: str) -> Comparison:
    """Whether a published file says of a release what the release says.

    Args:
        text: The file.
        card: The release's card, as rendered, without a checkpoint.
        label: The release, such as `helpdesk@3`.

    Raises:
        InvalidInputError: The file has a start without an end, or more than one copy.
        NotFoundError: The file holds no card.
    """
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    copy = _find_copy(lines) or _Copy(lines, 0, is_marked=False)
    if not copy.is_marked and _lines_of(text)[0] != "---":
        raise NotFoundError(
            "a published card must be the whole file, or stand in it between the lines "
            f"'<!-- smallcraft card: {label} -->' and '{_END}', got a file that starts {lines[0][:60]!r}; "
            "put there what `smallcraft card` prints"
        )
    if copy.is_marked:
        named = _START.fullmatch(lines[copy.before - 1])
        if named is None or named[1] != label:
            wanted = f"<!-- smallcraft card: {label} -->"
            return Comparison(Difference(copy.before, wanted, lines[copy.before - 1]), None)
    printed = split_checkpoint("\n".join(copy.lines))
    got, wanted_lines = _lines_of(printed.card), _lines_of(card)
    if copy.is_marked and got[:1] != ["---"]:
        wanted_lines = _without_front_matter(wanted_lines)
    # Empty lines between marker and card are no statement.
    skipped = next((number for number, line in enumerate(copy.lines) if line.strip()), 0)
    return Comparison(_first_difference(wanted_lines, got, before=copy.before + skipped), printed.checkpoint)


def _first_difference(wanted: list[str], got: list[str], *, before: int) -> Difference | None:
    for number, (expected, found) in enumerate(itertools.zip_longest(wanted, got), 1):
        if expected != found:
            return Difference(before + number, expected, found)
    return None


def _find_copy(lines: list[str]) -> _Copy | None:
    """The lines between the markers; None where there are none."""
    starts = [number for number, line in enumerate(lines) if _START.fullmatch(line)]
    ends = [number for number, line in enumerate(lines) if line == _END]
    if not starts and not ends:
        return None
    if len(starts) != 1 or len(ends) != 1 or ends[0] < starts[0]:
        raise InvalidInputError(
            f"a file must hold one card, between one line '<!-- smallcraft card: NAME@VERSION -->' and one "
            f"line '{_END}' below it, got {len(starts)} and {len(ends)} of them; keep one copy"
        )
    start, end = starts[0], ends[0]
    return _Copy(lines[start + 1 : end], start + 1, is_marked=True)


def _lines_of(text: str) -> list[str]:
    """Lines without white space at their ends, no empty ones first or last."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join(lines).strip("\n").split("\n")


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines[:1] != ["---"] or "---" not in lines[1:]:
        return lines
    rest = lines[lines.index("---", 1) + 1 :]
    return "\n".join(rest).strip("\n").split("\n")
