"""An author whose key is the same in every run, and the tools of strangers."""

import base64
import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from smallcraft.canonical import digest_bytes
from smallcraft.records import StoredFile
from smallcraft.registry.content.packs import write_pack
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.keys.policy import encode_policy, policy_of
from smallcraft.registry.manifests.index import Named, build_index
from smallcraft.registry.manifests.kinds import MODEL_TYPE, OCI_LAYOUT, artifact_type, attachment_of
from smallcraft.registry.manifests.manifest import (
    FileLayer,
    Manifest,
    PackLayer,
    encode_manifest,
    model_config,
)
from smallcraft.registry.opening import Trust
from smallcraft.registry.proofs.material import ProofMaterial
from smallcraft.registry.proofs.openssf import sign_files
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.entry import Content, Entry, encode_entry
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tiles import TileLog


class Author:
    """A P-256 key in memory, as `registry.keys` would hold it."""

    def __init__(self, secret: int):
        self._key = ec.derive_private_key(secret, ec.SECP256R1())

    @property
    def public_pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form)

    @property
    def public_der(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.DER, form)

    @property
    def public_text(self) -> str:
        return base64.b64encode(self.public_der).decode("ascii")

    @property
    def private_pem(self) -> bytes:
        form, secrecy = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, form, secrecy)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


@pytest.fixture(scope="session")
def author() -> Author:
    return Author(20261001)


@pytest.fixture(scope="session")
def other_author() -> Author:
    return Author(20261002)


class Published:
    """A release in a log between other entries, in memory, as a registry would store it."""

    def __init__(self, author: Author, *, signed: bool = True, others: int = 4, packed: bool = False):
        self.author = author
        self.origin = "example.com/registry"
        self.signer = Signer(self.origin, Ed25519PrivateKey.from_private_bytes(b"l" * 32))
        self.blobs: dict[str, bytes] = {}
        self.content = {
            "bundle/model.onnx": b"weights" * 1000,
            "bundle/parts/vocab.json": b"{}",
            "card.md": b"# helpdesk\n",
            "facts.json": b'{"accuracy":0.9}',
        }
        self.packed = {f"bundle/many/{n:04d}.txt": b"%d" % n for n in range(30)} if packed else {}
        self.pack_indexes: tuple[bytes, ...] = ()
        if signed:
            every = {**self.content, **self.packed}
            digests = {path: digest_bytes(data) for path, data in every.items()}
            self.content["model.sig"] = sign_files(digests, name="helpdesk@1", author=author)
        self.config = self.store(model_config("helpdesk", []))
        packs = (self.pack(),) if packed else ()
        self.manifest = self.store(
            encode_manifest(
                Manifest(MODEL_TYPE, self.layers(None), packs=packs, config=self.content_of(self.config))
            )
        )
        subject = self.content_of(self.manifest)
        self.attachments = tuple(
            self.store(encode_manifest(Manifest(artifact_type(kind), self.layers(kind), subject=subject)))
            for kind in ("evaluation", "card", "signature")
            if self.layers(kind)
        )
        fingerprint = digest_bytes(author.public_der)
        put = Entry(
            origin=self.origin,
            kind="put",
            time="2026-10-01T12:00:00Z",
            name="helpdesk",
            version=1,
            manifest=subject,
            attestations=tuple(digest_bytes(data) for data in self.attachments),
            by=fingerprint if signed else None,
        )
        before, after = self.other_entries()[:others], self.other_entries()[-2:]
        self.entries = [encode_entry(entry) for entry in (*before, put, *after)]
        self.index = others
        appended = TileLog({}.__getitem__, 0).append(self.entries)
        self.tiles = dict(appended.files)
        self.log = TileLog(self.tiles.__getitem__, appended.size)
        self.checkpoint = sign_checkpoint(Checkpoint(self.origin, appended.size, appended.root), self.signer)
        self.policy = encode_policy(policy_of([self.signer.vkey]))

    def other_entries(self) -> list[Entry]:
        """Two keys, then looks."""
        time = "2026-10-01T11:00:00Z"
        keys = [
            Entry(self.origin, "key", time, role="log", key=self.signer.vkey),
            Entry(self.origin, "key", time, role="author", key=self.author.public_text),
        ]
        documents = [self.content_of(self.store(b"look %d" % number)) for number in range(4)]
        return keys + [Entry(self.origin, "look", time, "helpdesk", manifest=item) for item in documents]

    def store(self, data: bytes) -> bytes:
        self.blobs[digest_bytes(data)] = data
        return data

    @staticmethod
    def content_of(data: bytes) -> Content:
        return Content(digest_bytes(data), len(data))

    def layers(self, kind: str | None) -> tuple[FileLayer, ...]:
        chosen = {path: data for path, data in self.content.items() if attachment_of(path) == kind}
        return tuple(
            FileLayer(StoredFile(path, digest_bytes(self.store(data)), len(data)))
            for path, data in chosen.items()
        )

    def pack(self) -> PackLayer:
        with tempfile.TemporaryDirectory() as folder:
            staging = Staging(Path(folder))
            made = write_pack(self.packed, staging)
            for path in staging.paths.values():
                self.store(path.read_bytes())
        self.pack_indexes = (self.blobs[made.index.digest],)
        return PackLayer(made.pack, made.index)

    def material(self, **changes) -> ProofMaterial:
        made = ProofMaterial(
            entry=self.entries[self.index],
            index=self.index,
            hashes=self.log.inclusion(self.index),
            checkpoint=self.checkpoint,
            policy=self.policy,
            manifest=self.manifest,
            config=self.config,
            attachments=self.attachments,
            pack_indexes=self.pack_indexes,
            author_pem=self.author.public_pem if "model.sig" in self.content else None,
            signature=self.content.get("model.sig"),
        )
        return dataclasses.replace(made, **changes)

    def signed_log(self, size: int) -> dict[str, bytes]:
        """The files of the log while it had its first entries only."""
        appended = TileLog({}.__getitem__, 0).append(self.entries[:size])
        checkpoint = Checkpoint(self.origin, size, appended.root)
        return {
            **appended.files,
            "checkpoint": sign_checkpoint(checkpoint, self.signer),
            "policy": self.policy,
        }

    def write_registry(self, folder: Path, size: int | None = None) -> Path:
        """The registry's files, as the spec lays them out."""
        size = len(self.entries) if size is None else size
        manifests = {"helpdesk@1": self.manifest} | {
            f"helpdesk@1-{number}": data for number, data in enumerate(self.attachments)
        }
        named = [Named(name, "x/y", self.content_of(data), "") for name, data in manifests.items()]
        files = {"oci-layout": OCI_LAYOUT, "index.json": build_index(named)}
        files |= {f"blobs/sha256/{digest[7:]}": data for digest, data in self.blobs.items()}
        files |= {f"log/{path}": data for path, data in self.signed_log(size).items()}
        return write_all(folder, files)

    def write_release(self, folder: Path) -> Path:
        return write_all(folder, {**self.content, **self.packed})


def write_all(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def published(author) -> Published:
    return Published(author)


def release_files(version: int, many: int = 0) -> dict[str, bytes]:
    """A small release; `many` files more make it one with a pack."""
    packed = {f"bundle/many/{number:04d}.txt": b"%d of %d" % (number, version) for number in range(many)}
    own = {"bundle/model.json": b'{"version":%d}' % version, "card.md": b"# helpdesk\n"}
    return {**own, **packed}


@pytest.fixture
def trust(tmp_path) -> Trust:
    return Trust(folder=tmp_path / "keys")


@pytest.fixture
def stored(tmp_path, trust, now) -> Registry:
    """A registry of two releases on disk."""
    made = Registry.create(tmp_path / "registry", trust=trust)
    made.publish("helpdesk", release_files(1), {"chosen": "ngram"}, now=now)
    made.publish("helpdesk", release_files(2), {"chosen": "fast"}, now=now)
    return made
