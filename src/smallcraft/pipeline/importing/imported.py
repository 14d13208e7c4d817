"""What an import made, and how its folder is written: whole, and never over something that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import InvalidInputError

Write = Callable[[Path], object]


@dataclass(frozen=True)
class Became:
    """One thing that was given, and what it is now.

    Attributes:
        given: A file, or a column of it.
        became: In words.
    """

    given: str
    became: str


@dataclass(frozen=True)
class Imported:
    """A folder that works.

    Attributes:
        folder: With the project file, where there is something to predict.
        became: What each thing that was given is now.
        commands: To run next, without `smallcraft` in front; the first one first.
    """

    folder: Path
    became: tuple[Became, ...]
    commands: tuple[tuple[str, ...], ...]


def write_files(folder: Path, files: Mapping[str, Write]) -> None:
    """Write files to a folder.

    Args:
        folder: Absent, or without any of them.
        files: Name to what writes it.

    Raises:
        InvalidInputError: One is there already; nothing is written.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidInputError(f"--output must be a folder, got the file {folder}; name another one")
    for name in files:
        if (folder / name).exists():
            raise InvalidInputError(f"{folder / name} is there already; name another folder with --output")
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in files.items():
        unfinished = folder / f".{name}.new"
        try:
            write(unfinished)
            unfinished.replace(folder / name)
        finally:
            unfinished.unlink(missing_ok=True)
