"""A `.skops` file, a scikit-learn estimator saved without pickle; unknown types are refused unopened.

Always: the bytes that were looked at are those that are loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError, MissingPartError, NotFoundError
from smallcraft.evaluate.harness.openers.estimator import model_of_estimator
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions
from smallcraft.evaluate.harness.project_module import importable_from

LARGEST_BYTES = 2 * 2**30


@dataclass(frozen=True)
class SkopsOpener:
    """Opens what `skops.io.dump` wrote; asks first which types it would make."""

    name: str = "skops"
    example: str = "model.skops (a scikit-learn estimator)"

    def fits(self, target: str) -> bool:
        """By its suffix."""
        return target.lower().endswith(".skops")

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Open it.

        Raises:
            MissingPartError: skops is not installed.
            NotFoundError: There is no such file.
            InvalidInputError: It is no skops file, is too large, or would make types that are not trusted.
        """
        path = Path(target)
        _require_sound(path)
        skops, data = _skops(), path.read_bytes()
        try:
            unknown = sorted(map(str, skops.get_untrusted_types(data=data)))
        except Exception as error:
            raise _unreadable(path, error) from error
        refused = [name for name in unknown if name not in options.trusted]
        if refused:
            raise InvalidInputError(
                f"{path} would make types that are not known to be safe: {', '.join(refused)}; if you know "
                f"them, say so: {' '.join(f'--trust {name}' for name in refused)}"
            )
        with importable_from(options.folder), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                estimator = skops.loads(data, trusted=unknown)
            except Exception as error:
                raise _unreadable(path, error) from error
        notes = tuple(dict.fromkeys(str(found.message).splitlines()[0] for found in caught))
        return model_of_estimator(estimator, target, kind=self.name, notes=notes)


def _require_sound(path: Path) -> None:
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}; check the path")
    if not zipfile.is_zipfile(path):
        raise InvalidInputError(
            f"{path} must be a file that skops wrote, got something else; save the fitted estimator with "
            "skops.io.dump(estimator, path)"
        )
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > LARGEST_BYTES:
        raise InvalidInputError(
            f"{path} unpacks to {size:,} bytes, at most {LARGEST_BYTES:,} are opened; "
            "export a smaller model, or serve it and name its address"
        )


def _skops() -> Any:  # noqa: ANN401 - an optional library
    if "skops" not in sys.modules and importlib.util.find_spec("skops") is None:
        raise MissingPartError(
            "opening a .skops file needs skops; install it with `pip install 'smallcraft[harness]'`"
        )
    return importlib.import_module("skops.io")


def _unreadable(path: Path, error: Exception) -> InvalidInputError:
    what = (str(error).strip() or "no message").splitlines()[0][:300]
    return InvalidInputError(
        f"{path} cannot be opened ({type(error).__name__}: {what}); save it again with skops.io.dump, with "
        "the versions that are installed here"
    )
