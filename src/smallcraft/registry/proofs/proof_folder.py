"""A proof as a folder: written whole or not at all, read without believing anything.

Leaves to others: what the files are (`proofs.proof_bundle`) and whether they hold (`proofs.proof_check`).
Always: links are never followed; what is no part of a proof is left alone and not read.
Not covered: archives of a proof (`content.archives` unpacks them first).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import read_bytes
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH
from smallcraft.registry.proofs.exporting import export_release, walk_files
from smallcraft.registry.proofs.proof_check import ATTACHMENT, AUTHOR_KEY, PACK, PROOF, REQUIRED

LARGEST_FILE_BYTES = 64 << 20
MOST_FILES = 1000


def write_proof_folder(files: Mapping[str, bytes], target: Path) -> Path:
    """Write a proof to a folder that is absent, empty, or holds this proof already.

    Raises:
        InvalidInputError: The folder holds something else.
        IntegrityError: The folder holds this proof, but changed.
        SmallcraftError: The disk refused; the folder is not there.
    """
    stored = [StoredFile(path, digest_bytes(data), len(data)) for path, data in files.items()]
    return export_release(stored, lambda file: files[file.path], target)


def read_proof_folder(folder: Path) -> Mapping[str, bytes]:
    """The files of a proof, as bytes.

    Raises:
        NotFoundError: There is no proof.
        IntegrityError: A file is a link, too large, or there are too many.
    """
    if not (folder / PROOF).exists():
        raise NotFoundError(
            f"no proof at {folder}: {PROOF} is not there; `smallcraft show R --proof` makes one"
        )
    paths = [path for path in walk_files(folder) if _is_part(path)]
    if len(paths) > MOST_FILES:
        raise IntegrityError(
            f"{folder} has {len(paths)} files; a proof has at most {MOST_FILES}, ask for a new one"
        )
    return {path: _read(folder, path) for path in paths}


def _is_part(path: str) -> bool:
    is_named = path in REQUIRED or path in {SIGNATURE_PATH, AUTHOR_KEY}
    return is_named or bool(ATTACHMENT.fullmatch(path) or PACK.fullmatch(path))


def _read(folder: Path, path: str) -> bytes:
    data = read_bytes(folder / path, name=f"{folder}/{path}", limit=LARGEST_FILE_BYTES + 1)
    if len(data) > LARGEST_FILE_BYTES:
        raise IntegrityError(
            f"{folder}/{path} is larger than {LARGEST_FILE_BYTES:,} bytes, which no part of a proof is; "
            "ask for a new one"
        )
    return data
