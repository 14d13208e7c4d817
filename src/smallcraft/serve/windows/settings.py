"""How a server feeds windows: where to, how long they are, what is kept.

Leaves to others: what a window holds (`data.profiles`), reading them again (`observe`).
Always: what is read from a message equals what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What becomes of the rows that a server answers.

    Attributes:
        folder: Where windows are written, the server's own.
        seconds: Length of a window; it divides a day, or is whole days, so that it begins where clocks do.
        segment: A column whose values have windows of their own; None for one window of all rows. A column
            that the model does not read is taken from the record of a plain request, or from `parameters`.
        most_segments: How many segments a release may have; further ones are one, together.
        references: A folder with the reference of each release, by its bundle's digest; None for none.
        keep_examples: Whether some rows of each window are kept as they came, for review.
        seed: Of what is left to chance: which rows are examples, and which are counted when all cannot be.
        rows_per_second: A router profiles no more than so many; beyond, a random sample of them.
        buffer_bytes: Of rows that wait to be profiled.
        flush_s: How often what was seen is written, at least; kill -9 of a router loses no more.
    """

    folder: Path
    seconds: int = 3600
    segment: str | None = None
    most_segments: int = 100
    references: Path | None = None
    keep_examples: bool = True
    seed: int = 0
    rows_per_second: int = 20_000
    buffer_bytes: int = 16 << 20
    flush_s: float = 5.0


def check_windows(settings: WindowSettings) -> None:
    """Refuse what cannot be done.

    Raises:
        InvalidInputError: Names the setting.
    """
    if settings.seconds < 1 or (_DAY_S % settings.seconds and settings.seconds % _DAY_S):
        raise InvalidInputError(
            f"a window must have a length that divides a day, or whole days, got {settings.seconds} s; "
            "write 3600 for an hour, or 86400 for a day"
        )
    if settings.most_segments < 1 or settings.rows_per_second < 1 or settings.buffer_bytes < 1:
        raise InvalidInputError(
            "most_segments, rows_per_second and buffer_bytes must be 1 or more, got "
            f"{settings.most_segments}, {settings.rows_per_second} and {settings.buffer_bytes}; "
            "leave them out for the usual"
        )
    if not 0.0 < settings.flush_s <= settings.seconds:
        raise InvalidInputError(
            f"flush_s must be above 0 and at most a window's {settings.seconds} s, got {settings.flush_s}; "
            "leave it out for the usual"
        )


def write_windows(settings: WindowSettings | None) -> dict[str, Any] | None:
    """Settings as plain values."""
    if settings is None:
        return None
    references = None if settings.references is None else str(settings.references)
    return {**asdict(settings), "folder": str(settings.folder), "references": references}


def read_windows(plain: Mapping[str, Any] | None) -> WindowSettings | None:
    """Settings from what `write_windows` wrote."""
    if plain is None:
        return None
    references = plain["references"]
    told = {"folder": Path(plain["folder"]), "references": None if references is None else Path(references)}
    return WindowSettings(**{**plain, **told})
