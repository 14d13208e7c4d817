"""The project's own git repository, where there is one: its commit, and a place for the log's checkpoint.

A checkpoint that is committed with the project is a copy kept elsewhere: whoever verifies later sees by it
whether the log was rolled back or forked.
Always: nothing is committed or changed in the repository but one file; without git nothing happens.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from smallcraft.pipeline.workspace import write_whole
from smallcraft.registry.composing import CodeVersion

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


def keep_checkpoint(folder: Path, note: bytes) -> Path | None:
    """Write the log's checkpoint beside the project file, to be committed with it.

    Args:
        folder: Of the project.
        note: The checkpoint as the log has it.

    Returns:
        The file; None where the folder is in no repository.
    """
    if _git(folder, "rev-parse", "--is-inside-work-tree") is None:
        return None
    path = folder / CHECKPOINT_FILE
    write_whole(path, note)
    return path


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None where there is no git, or it refuses."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
