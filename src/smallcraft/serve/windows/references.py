"""The references of the releases that are served, found by the digests of their bundles.

Leaves to others: what is in one (`data.profiles.reference_bytes`), who puts it there.
Always: a reference that is damaged, or none, costs no request and no window: rows are measured without it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from smallcraft.data.profiles.measuring import Measures
from smallcraft.data.profiles.reference_bytes import read_measures
from smallcraft.errors import SmallcraftError

_LOG = logging.getLogger("smallcraft.serve")
_NONE = Measures()


def reference_path(folder: Path, digest: str) -> Path:
    """Where the reference of a bundle is.

    Args:
        folder: Of all references.
        digest: Of the bundle, `sha256:` and its digits.
    """
    return folder / f"{digest.rpartition(':')[2]}.reference"


class References:
    """References, each read when rows of its release come first.

    Args:
        folder: Where they are; None for none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, Measures] = {}

    def find(self, digest: str) -> Measures:
        """How rows of a release are measured.

        Args:
            digest: Of its bundle.
        """
        if self._folder is None:
            return _NONE
        if digest not in self._known:
            self._known[digest] = _read(reference_path(self._folder, digest))
        return self._known[digest]

    def look_again(self) -> None:
        """Those that were not there may have come since."""
        self._known = {digest: found for digest, found in self._known.items() if found is not _NONE}


def _read(path: Path) -> Measures:
    try:
        return read_measures(path.read_bytes(), name=str(path))
    except FileNotFoundError:
        return _NONE
    except (OSError, SmallcraftError) as error:
        _LOG.error("%s cannot be used, so rows are measured without a reference: %s", path, error)
        return _NONE
