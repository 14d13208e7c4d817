"""Private keys in the user's configuration folder: one Ed25519 key for each log, one P-256 author key.

Makes and reads key files; whose public keys count belongs to `keys.policy`.
Always: the folder is its owner's alone (0700), a key file too (0600); a file appears whole or not at
all, and is never overwritten; no message and no `repr` holds a private key.
Covered: key files that others can read or put there, links in their place, two processes that make one.
Not covered: a process of the same user; a key is as safe as that account (no passphrase, no hardware).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.tlog.entry import check_origin
from smallcraft.registry.tlog.note import Signer

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey

AUTHOR_FILE = "author.pem"

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_OTHERS = 0o077
_KEY_LIMIT_BYTES = 10_000


@dataclass(frozen=True)
class Author:
    """Who publishes: a P-256 key, known to others by its fingerprint."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public_der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_pem(self) -> bytes:
        """The same as PEM, for `openssl` and `model_signing`."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_text(self) -> str:
        """The same as base64, for a `key` entry of the log."""
        return base64.b64encode(self.public_der).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """`sha256:<hex>` of the SubjectPublicKeyInfo."""
        return digest_bytes(self.public_der)

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, as DER; the same data gives the same signature where the library can.

        Source:
            RFC 6979 for the deterministic form.
        """
        try:
            return self.private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        except UnsupportedAlgorithm:
            return self.private.sign(data, ec.ECDSA(hashes.SHA256()))


def config_folder(environment: Mapping[str, str]) -> Path:
    """Where a user's keys and pins lie: `SMALLCRAFT_CONFIG`, else below the XDG configuration folder.

    >>> config_folder({"SMALLCRAFT_CONFIG": "/keys"}).as_posix()
    '/keys'
    """
    if chosen := environment.get("SMALLCRAFT_CONFIG"):
        return Path(chosen)
    home = environment.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "smallcraft"


class Keyring:
    """The private keys below one folder."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read or made yet.

        Args:
            folder: As `config_folder` gives it; keys lie in `keys/` below.
        """
        self.folder = folder / "keys"

    def log_path(self, origin: str) -> Path:
        """Where the key of a log lies."""
        check_origin(origin)
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", origin).strip("-.")[:60]
        return self.folder / f"log-{readable}-{hashlib.sha256(origin.encode('ascii')).hexdigest()[:12]}.pem"

    def next_log_path(self, origin: str) -> Path:
        """Where the key lies that is to take over, until the log says that it did."""
        return self.log_path(origin).with_suffix(".next.pem")

    @property
    def author_path(self) -> Path:
        """Where the author's key lies."""
        return self.folder / AUTHOR_FILE

    def log_signer(self, origin: str, *, create: bool, vkey: str | None = None) -> Signer:
        """The signer of a log's checkpoints.

        Args:
            origin: The log's identity.
            create: Make the key where there is none.
            vkey: The key that the log says is in force; None takes the one there is.

        Raises:
            NotFoundError: There is none, and none was to be made, or it is not the one in force.
            IntegrityError: Others can read or replace the key file, or it holds no such key.
        """
        path = self.log_path(origin)
        if create and not os.path.lexists(path):
            _write_key(path, Ed25519PrivateKey.generate())
        signer = _log_signer(path, origin)
        if vkey is None or signer.vkey == vkey:
            return signer
        following = self.next_log_path(origin)
        if os.path.lexists(following) and (other := _log_signer(following, origin)).vkey == vkey:
            return other
        raise NotFoundError(
            f"log '{origin}' is signed by {vkey}, but {path} holds {signer.vkey}; copy the log's key from "
            "the machine that writes it, or write to another registry"
        )

    def prepare_log_key(self, origin: str) -> Signer:
        """A key that is to take over, made once; the one in force stays until `adopt_log_key`."""
        path = self.next_log_path(origin)
        if not os.path.lexists(path):
            _write_key(path, Ed25519PrivateKey.generate())
        return _log_signer(path, origin)

    def adopt_log_key(self, origin: str) -> Path:
        """Put the prepared key in force, after the log's `key` entry is committed; again does no harm.

        Returns:
            Where the key before it is kept.
        """
        path, following = self.log_path(origin), self.next_log_path(origin)
        kept = path.with_suffix(f".{_log_signer(path, origin).key_id.hex()}.old")
        if os.path.lexists(following):
            if not os.path.lexists(kept):
                os.link(path, kept)
            following.replace(path)
            _sync_folder(self.folder)
        return kept

    def author(self, *, create: bool) -> Author:
        """The author key of this user.

        Args:
            create: Make the key where there is none.

        Raises:
            NotFoundError: There is none, and none was to be made.
            IntegrityError: Others can read or replace the key file, or it holds no such key.
        """
        path = self.author_path
        if create and not os.path.lexists(path):
            _write_key(path, ec.generate_private_key(ec.SECP256R1()))
        private = _read_key(path, "your author key")
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
            raise _wrong_key(path, "a P-256 key", private)
        return Author(private)


def _log_signer(path: Path, origin: str) -> Signer:
    private = _read_key(path, f"the key that signs log '{origin}'")
    if not isinstance(private, Ed25519PrivateKey):
        raise _wrong_key(path, "an Ed25519 key", private)
    return Signer(origin, private)


def _write_key(path: Path, key: PrivateKey) -> None:
    """Whole or not at all: written beside, synced, then linked to a name that must be free."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process made it first: that one is the key
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _read_key(path: Path, what: str) -> object:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{what} is not there: wanted {path}; copy it from the machine that has it, or name its folder "
            "in SMALLCRAFT_CONFIG"
        ) from error
    except OSError as error:
        raise IntegrityError(
            f"{path}: cannot be opened as a key file ({error.strerror}); put the file itself there, no link"
        ) from error
    with os.fdopen(descriptor, "rb") as stream:
        _check_owner(path.parent, path.parent.stat(), _FOLDER_MODE)
        _check_owner(path, os.fstat(descriptor), _FILE_MODE)
        data = stream.read(_KEY_LIMIT_BYTES)
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IntegrityError(
            f"{path}: wanted a private key as PEM without a password; restore it from a copy"
        ) from error


def _check_owner(path: Path, status: os.stat_result, mode: int) -> None:
    if status.st_uid not in {os.geteuid(), 0}:
        raise IntegrityError(
            f"{path} belongs to user {status.st_uid}, not to you; make your own keys in another folder and "
            "name it in SMALLCRAFT_CONFIG"
        )
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise IntegrityError(f"{path} must be a plain file, got something else; put the key itself there")
    if status.st_mode & _OTHERS:
        raise IntegrityError(
            f"{path} must be for its owner alone, got mode {stat.S_IMODE(status.st_mode):04o}: others may "
            f"have read or replaced the key; run `chmod {mode:o} {path}`, and make a new key if they did"
        )


def _wrong_key(path: Path, wanted: str, got: object) -> IntegrityError:
    return IntegrityError(f"{path}: wanted {wanted}, got {type(got).__name__}; restore it from a copy")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
