"""Which watched files are done, so that they are not read again at each look.

Leaves to others: that rows count once (`pipeline.watching.files`: the store knows what it was made of).
Always: lost or damaged, every file is read again, and none of its rows counts twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from smallcraft.pipeline.workspace import write_whole

FILE_NAME = "files.json"


@dataclass(frozen=True)
class FileDone:
    """A file as it was read.

    Attributes:
        size_bytes: Then.
        written_ns: When it was last written to, nanoseconds since 1970.
        again_s: When a window that was open then is over, seconds since 1970 UTC; None where all were.
    """

    size_bytes: int
    written_ns: int
    again_s: int | None = None

    def is_same(self, path: Path) -> bool:
        """Whether nobody wrote to the file since."""
        found = path.stat()
        return (self.size_bytes, self.written_ns) == (found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class FilesDone:
    """All that are known.

    Attributes:
        files: By the path from the project's folder.
        reference: Digest of the file that they are held against; None where a release is.
    """

    files: Mapping[str, FileDone] = field(default_factory=dict)
    reference: str | None = None


def read_done(folder: Path) -> FilesDone:
    """What was noted in a folder; nothing where it is lost."""
    try:
        told = json.loads((folder / FILE_NAME).read_bytes())
        return FilesDone({name: FileDone(**file) for name, file in told["files"].items()}, told["reference"])
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return FilesDone()


def write_done(folder: Path, done: FilesDone) -> None:
    """Note it.

    Raises:
        OSError: The disk refused.
    """
    write_whole(folder / FILE_NAME, json.dumps(asdict(done), sort_keys=True).encode())
