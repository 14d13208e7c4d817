"""Every error smallcraft raises on purpose; each message says what was wanted, what came, and the next step.

    SmallcraftError
    ├── InvalidInputError          the caller can fix what was passed           exit code 1
    │   ├── ConfigError            ... in smallcraft.toml
    │   ├── DataError              ... in a data file
    │   └── BundleFormatError      ... a bundle directory this version cannot read
    ├── MissingPartError           something optional is not installed          exit code 1
    ├── NotFoundError              a release, bundle or project is not there    exit code 1
    ├── MeteredError               the test set's budget is spent               exit code 1
    ├── RemoteError                a remote did not answer as it should        exit code 1
    │   └── OvertakenError         ... somebody else committed there first
    └── IntegrityError             stored bytes are not what was recorded       exit code 4

One class for each thing a caller would do differently. Only `smallcraft.cli` turns them into exit codes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST_LINE = 300


class SmallcraftError(Exception):
    """Root of the tree above."""


class InvalidInputError(SmallcraftError, ValueError):
    """A value breaks a rule that its function states."""


class ConfigError(InvalidInputError):
    """`smallcraft.toml` is missing something, or holds something that is not understood."""


class DataError(InvalidInputError):
    """A data file cannot be used as it is."""


class BundleFormatError(InvalidInputError):
    """A directory is not a bundle, or one of a format this version does not read."""


class MissingPartError(SmallcraftError):
    """Something optional is not installed; the message has the command that installs it."""


class NotFoundError(SmallcraftError):
    """A named release, bundle or project does not exist."""


class MeteredError(SmallcraftError):
    """The sealed test set has no answers left to give."""


class RemoteError(SmallcraftError):
    """A remote did not answer as it should; running the command again goes on where it was."""


class OvertakenError(RemoteError):
    """Somebody else committed at a remote first; nothing was changed, here or there."""


class IntegrityError(SmallcraftError):
    """Stored bytes differ from what was recorded; whatever they belong to must not be used."""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name, ready to stand at the end of a message.

    Args:
        name: What was written.
        known: What could have been meant.

    Returns:
        `" - did you mean 'intent'?"` when one known name is close, else an empty string.

    >>> nearest_name("intnet", ["intent", "message"])
    " - did you mean 'intent'?"
    >>> nearest_name("zzz", ["intent", "message"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" - did you mean '{close[0]}'?" if close else ""


def first_line(error: BaseException) -> str:
    r"""What another library's error says, short enough for a message of ours; its name where it says nothing.

    >>> first_line(ValueError("no such bucket\n  at line 7")), first_line(TimeoutError())
    ('no such bucket', 'TimeoutError')
    """
    lines = str(error).strip().splitlines()
    return lines[0].strip()[:_LONGEST_LINE] if lines else type(error).__name__
