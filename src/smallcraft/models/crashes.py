"""What a crash is called in a table: its kind, its message, and where it happened.

Always: one line; a place is a file of its package and a line, never a path of this machine.
"""

from __future__ import annotations

import traceback
from pathlib import Path

_LONGEST = 300


def describe_crash(error: BaseException) -> str:
    r"""`ZeroDivisionError: no rows left (at rungs/ngram.py:31 in make_recipe)`; the innermost place.

    Args:
        error: As it was caught; one that was never raised has no place.

    >>> describe_crash(ValueError("no rows\nleft"))
    'ValueError: no rows left'
    """
    message = " ".join(str(error).split())
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST - 1]}…"
    head = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return head
    last = frames[-1]
    place = "/".join(Path(last.filename).parts[-2:])
    return f"{head} (at {place}:{last.lineno} in {last.name})"
