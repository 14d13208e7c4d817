"""Where the bundles of a model's releases lie, by digest: kept, so that a rollout goes on after a kill.

A rollout's state names releases by digest; this says what to load for one.
Always: what was noted survives a power cut; a file that cannot be read is as good as none, since a digest
that is not found is told as one that does not load.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.loading.source import ModelSource, read_source, write_source
from smallcraft.serve.state.database import sync_folder

_LOG = logging.getLogger("smallcraft.serve")
_FILE = "sources.json"
_MOST = 16


class SourceBook:
    """Sources by digest.

    Args:
        folder: Where they are kept; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._sources = _read(self._path)

    def find(self, digest: str) -> ModelSource | None:
        """What to load for a digest; None where it is not known."""
        return self._sources.get(digest)

    def note(self, source: ModelSource) -> None:
        """Remember a source; the oldest are forgotten.

        Raises:
            SmallcraftError: It cannot be written.
        """
        if self._sources.get(source.digest) == source:
            return
        kept = {digest: known for digest, known in self._sources.items() if digest != source.digest}
        self._sources = {**dict(list(kept.items())[1 - _MOST :]), source.digest: source}
        draft = self._path.with_suffix(f".{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                json.dump([write_source(known) for known in self._sources.values()], file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise SmallcraftError(
                f"{self._path} cannot be written ({error.strerror}); make room, or mend the disk"
            ) from error


def _read(path: Path) -> dict[str, ModelSource]:
    try:
        sources = [read_source(plain) for plain in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, InvalidInputError) as error:
        _LOG.error("%s cannot be read: %s", path, error)
        return {}
    return {source.digest: source for source in sources}
