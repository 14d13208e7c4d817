"""The project's own git repository, where there is one: its commit, and a place for the log's checkpoint.

A checkpoint that is committed with the project is a copy kept elsewhere: whoever verifies later sees by it
whether the log was rolled back or forked. People who build from one repository may each have a log of their
own; the file has the newest checkpoint of each.
Always: nothing is committed or changed in the repository but one file; without git nothing happens; a
checkpoint is replaced only by one that continues it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from smallcraft.errors import IntegrityError
from smallcraft.pipeline.workspace import write_whole
from smallcraft.registry.composing import CodeVersion
from smallcraft.registry.opening import OpenLog, require_well
from smallcraft.registry.verify.copies import NOTE, Copy, pin_of

CHECKPOINT_FILE = "smallcraft.checkpoint"
_WAIT_S = 10.0


def code_version(folder: Path) -> CodeVersion | None:
    """The commit that a folder is at; None where it is in no repository or has no commit yet."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    # What a build writes itself is no change of the code.
    changed = _git(folder, "status", "--porcelain", "--", ".", f":(exclude){CHECKPOINT_FILE}")
    return CodeVersion(commit.strip(), is_dirty=bool(changed and changed.strip()))


def keep_checkpoint(folder: Path, log: OpenLog) -> Path | None:
    """Write a log's checkpoint beside the project file, to be committed with it.

    Args:
        folder: Of the project.
        log: As it is now.

    Returns:
        The file; None where the folder is in no repository.

    Raises:
        IntegrityError: The log does not continue the checkpoint of it that is there, or the file was altered.
    """
    if _git(folder, "rev-parse", "--is-inside-work-tree") is None:
        return None
    require_kept(folder, log)
    notes = {**_notes(folder), log.checkpoint.origin: log.note.decode("utf-8")}
    path = folder / CHECKPOINT_FILE
    write_whole(path, "\n".join(notes[origin] for origin in sorted(notes)).encode("utf-8"))
    return path


def require_kept(folder: Path, log: OpenLog) -> None:
    """The log continues the checkpoint of it that is kept beside the project file, if one is.

    Raises:
        IntegrityError: It does not, or the file was altered.
    """
    for copy in kept_copies(folder, log.checkpoint.origin):
        require_well(pin_of(copy, log.keys), log, source=copy.source)


def kept_copies(folder: Path, origin: str) -> tuple[Copy, ...]:
    """The checkpoint of a log that is kept beside the project file; none where there is none.

    Raises:
        IntegrityError: The file was altered.
    """
    note = _notes(folder).get(origin)
    return () if note is None else (Copy(note.encode("utf-8"), str(folder / CHECKPOINT_FILE)),)


def other_logs(folder: Path, origin: str) -> tuple[str, ...]:
    """Origins of further logs whose checkpoints are kept beside the project file.

    Raises:
        IntegrityError: The file was altered.
    """
    return tuple(sorted(set(_notes(folder)) - {origin}))


def _notes(folder: Path) -> Mapping[str, str]:
    """Each log's newest checkpoint, by its origin."""
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return {}
    text = path.read_bytes().decode("utf-8", "replace")
    if NOTE.sub("", text).strip():
        raise IntegrityError(
            f"{path} holds something else than checkpoints of logs; take it from the repository's history: "
            f"`git checkout -- {CHECKPOINT_FILE}`"
        )
    return {match[1]: match[0] for match in NOTE.finditer(text)}


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None where there is no git, or it refuses."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
