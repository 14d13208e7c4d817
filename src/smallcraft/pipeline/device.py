"""A release's bundle as one zip for a device: the bundle, the runtime's own modules, an example, a page.

Leaves to others: whether the stored bytes are the release's (`registry.reading` hashes them).
Always: the zip appears whole or not at all; the same release and version give the same files in the same
order with the same times, so the same bytes where the compressor is the same; nothing of the project goes in
but what is below `bundle/`.
Not covered: the packages in `requirements.txt`; the device's own Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.pipeline.device_papers import EXAMPLE, write_readme, write_requirements
from smallcraft.pipeline.runtime_sources import runtime_sources
from smallcraft.registry.reading import Stored

# The earliest that a zip can say: times would make the same release differ from day to day.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


@dataclass(frozen=True)
class DeviceZip:
    """A zip that was written.

    Attributes:
        path: Where it is.
        digest: Of all its bytes.
        size_bytes: Of the file.
    """

    path: Path
    digest: str
    size_bytes: int


def export_device(stored: Stored, target: Path) -> DeviceZip:
    """Write a release's bundle as a zip that runs where Python and its packages are.

    Args:
        stored: The release.
        target: As in `write_device_zip`.

    Raises:
        NotFoundError: The release has no bundle.
        InvalidInputError: The name does not end so, or something else is there.
        IntegrityError: A stored byte is not the release's.
        SmallcraftError: The disk refused; nothing was left there.
    """
    prefix, label = "bundle/", stored.entry.label
    paths = [file.path for file in stored.files if file.path.startswith(prefix)]
    if f"{prefix}{DESCRIPTION}" not in paths:
        raise NotFoundError(f"{label} has no bundle; `smallcraft show {label}` lists its files")
    return write_device_zip(label, {path.removeprefix(prefix): stored.read(path) for path in paths}, target)


def write_device_zip(label: str, bundle: Mapping[str, bytes], target: Path) -> DeviceZip:
    """Write a bundle's files as such a zip.

    Args:
        label: What its page calls it.
        bundle: Every file of the bundle by its path, already checked.
        target: The file to make, `.zip` at its end; one that holds just this is left as it is.

    Raises:
        InvalidInputError: The name does not end so, or something else is there.
        SmallcraftError: The disk refused; nothing was left there.
    """
    if target.suffix != ".zip":
        raise InvalidInputError(f"a device bundle is one zip, got {target}; write {target.name}.zip")
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_zip(draft, _contents(label, bundle), folder=target.stem)
        data = draft.read_bytes()
        if target.exists() and target.read_bytes() != data:
            raise InvalidInputError(f"{target} already holds something else; choose another name")
        draft.replace(target)
    except OSError as error:
        raise SmallcraftError(
            f"writing {target} stopped ({error}); free space or choose another folder, and export again"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return DeviceZip(target, digest_bytes(data), len(data))


def _contents(label: str, bundle: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Path to bytes, the list of checksums last."""
    texts = {
        "README.md": write_readme(label, json.loads(bundle[DESCRIPTION])),
        "predict.py": EXAMPLE,
        "requirements.txt": write_requirements([*bundle]),
    }
    found = {f"bundle/{path}": data for path, data in bundle.items()}
    found |= {**runtime_sources(), **{name: text.encode() for name, text in texts.items()}}
    if licence := _licence():
        found["smallcraft/LICENSE"] = licence
    found = dict(sorted(found.items()))
    sums = "".join(f"{digest_bytes(data).partition(':')[2]}  {path}\n" for path, data in found.items())
    return {**found, "SHA256SUMS": sums.encode()}


def _licence() -> bytes | None:
    """The runtime's own, as it was installed."""
    try:
        text = distribution("smallcraft").read_text("licenses/LICENSE")
    except PackageNotFoundError:
        return None
    return None if text is None else text.encode()


def _write_zip(path: Path, contents: Mapping[str, bytes], *, folder: str) -> None:
    with path.open("wb") as stream:
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in contents.items():
                entry = zipfile.ZipInfo(f"{folder}/{name}", _LONG_AGO)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _READABLE
                archive.writestr(entry, data)
        stream.flush()
        os.fsync(stream.fileno())
