"""Go's own checksum-database packages judge our proofs, checkpoints and tiles as we do."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.conftest import GO_PATH, require, why_no_go

from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog import tree
from smallcraft.registry.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from smallcraft.registry.tlog.note import Cosigner, Signer, open_note, parse_verifier, sign_note
from smallcraft.registry.tlog.tiles import TileLog

SOURCE = Path(__file__).with_name("main.go")
ORIGIN = "example.com/registry"
LOG_SIZE = 1500

Ask = Callable[[Sequence[dict]], list[dict]]


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Put questions to one Go process; the answers come in order."""
    require(why_no_go())
    folder = tmp_path_factory.mktemp("oracle")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GO_PATH),
        "GOCACHE": str(folder / "cache"),
    }
    build = ["go", "build", "-o", str(folder / "oracle"), str(SOURCE)]
    subprocess.run(build, env=environment, check=True)

    def answers(questions: Sequence[dict]) -> list[dict]:
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        run = subprocess.run([folder / "oracle"], input=lines.encode(), capture_output=True, check=True)
        return [json.loads(line) for line in run.stdout.splitlines()]

    return answers


def text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@dataclass(frozen=True)
class Inclusion:
    proof: tuple[bytes, ...]
    index: int
    size: int
    leaf: bytes
    root: bytes

    def question(self) -> dict:
        return {
            "op": "included",
            "proof": [text(item) for item in self.proof],
            "index": self.index,
            "size": self.size,
            "leaf": text(self.leaf),
            "root": text(self.root),
        }

    def is_accepted(self) -> bool:
        try:
            tree.check_inclusion(self.proof, index=self.index, size=self.size, leaf=self.leaf, root=self.root)
        except IntegrityError:
            return False
        return True


@dataclass(frozen=True)
class Continuation:
    proof: tuple[bytes, ...]
    old_size: int
    size: int
    old_root: bytes
    root: bytes

    def question(self) -> dict:
        return {
            "op": "consistent",
            "proof": [text(item) for item in self.proof],
            "oldsize": self.old_size,
            "size": self.size,
            "oldroot": text(self.old_root),
            "root": text(self.root),
        }

    def is_accepted(self) -> bool:
        try:
            tree.check_consistency(
                self.proof,
                old_size=self.old_size,
                new_size=self.size,
                old_root=self.old_root,
                new_root=self.root,
            )
        except IntegrityError:
            return False
        return True


@pytest.fixture(scope="module")
def entries() -> list[bytes]:
    rng = random.Random(5)
    return [rng.randbytes(rng.randrange(300)) for _ in range(LOG_SIZE)]


@pytest.fixture(scope="module")
def roots(entries: list[bytes]) -> list[bytes]:
    frontier, found = tree.Frontier(), [tree.EMPTY_ROOT]
    for entry in entries:
        frontier = frontier.with_leaves([tree.leaf_hash(entry)])
        found.append(frontier.root)
    return found


@pytest.fixture(scope="module")
def log(entries: list[bytes]) -> TileLog:
    appended = TileLog({}.__getitem__, 0).append(entries)
    return TileLog(appended.files.__getitem__, appended.size, root=appended.root)


@pytest.fixture(scope="module")
def inclusion(log: TileLog, entries: list[bytes], roots: list[bytes]) -> Callable[[int, int], Inclusion]:
    def prove(index: int, size: int) -> Inclusion:
        proof = tree.inclusion_proof(index, size, log.node)
        return Inclusion(proof, index, size, tree.leaf_hash(entries[index]), roots[size])

    return prove


@pytest.fixture(scope="module")
def continuation(log: TileLog, roots: list[bytes]) -> Callable[[int, int], Continuation]:
    def prove(old_size: int, size: int) -> Continuation:
        proof = tree.consistency_proof(old_size, size, log.node)
        return Continuation(proof, old_size, size, roots[old_size], roots[size])

    return prove


def test_go_accepts_ten_thousand_random_proofs(ask, inclusion, continuation):
    rng, claims = random.Random(11), []
    for _ in range(5000):
        size = rng.randint(1, LOG_SIZE)
        claims.append(inclusion(rng.randrange(size), size))
        claims.append(continuation(rng.randint(1, size), size))
    assert len(claims) == 10_000
    assert all(claim.is_accepted() for claim in claims)
    answers = ask([claim.question() for claim in claims])
    assert [answer["error"] for answer in answers if not answer["ok"]] == []


def with_other_proofs(claim: Inclusion | Continuation, rng: random.Random) -> Iterator:
    """The claim with each byte of its proof altered, each hash dropped, doubled, swapped, cut."""
    proof = claim.proof
    for place, item in enumerate(proof):
        for byte in range(tree.HASH_BYTES):
            other = flipped(item, byte * 8 + rng.randrange(8))
            yield replace(claim, proof=(*proof[:place], other, *proof[place + 1 :]))
        yield replace(claim, proof=(*proof[:place], *proof[place + 1 :]))
        yield replace(claim, proof=(*proof[:place], item, *proof[place:]))
        yield replace(claim, proof=(*proof[:place], item[:-1], *proof[place + 1 :]))
        if place:
            swapped = (*proof[: place - 1], item, proof[place - 1], *proof[place + 1 :])
            yield replace(claim, proof=swapped)
    yield replace(claim, proof=(*proof, rng.randbytes(tree.HASH_BYTES)))
    yield replace(claim, proof=(rng.randbytes(tree.HASH_BYTES), *proof))
    if proof:
        yield replace(claim, proof=())


def with_other_hashes(claim: Inclusion | Continuation, names: tuple[str, str]) -> Iterator:
    for name in names:
        for bit in range(tree.HASH_BYTES * 8):
            yield replace(claim, **{name: flipped(getattr(claim, name), bit)})


def test_go_and_we_reject_every_mutation_of_an_inclusion_proof(ask, inclusion):
    rng, claims = random.Random(12), []
    for size in (1, 2, 3, 7, 8, 255, 256, 257, 700, LOG_SIZE):
        honest = inclusion(rng.randrange(size), size)
        claims += with_other_proofs(honest, rng)
        claims += with_other_hashes(honest, ("leaf", "root"))
        claims += [replace(honest, index=i) for i in {*range(-1, min(size, 60) + 1)} - {honest.index}]
        claims += [replace(honest, leaf=honest.root, root=honest.leaf)] if size > 1 else []
    assert len(claims) > 5000
    assert [claim for claim in claims if claim.is_accepted()] == []
    assert [answer for answer in ask([claim.question() for claim in claims]) if answer["ok"]] == []


def test_go_and_we_reject_every_mutation_of_a_consistency_proof(ask, continuation):
    rng, claims = random.Random(13), []
    for old_size, size in (
        (1, 2),
        (2, 3),
        (3, 7),
        (6, 8),
        (255, 256),
        (256, 257),
        (300, 700),
        (1024, LOG_SIZE),
    ):
        honest = continuation(old_size, size)
        claims += with_other_proofs(honest, rng)
        claims += with_other_hashes(honest, ("old_root", "root"))
        claims += [replace(honest, old_root=honest.root, root=honest.old_root)]
    assert len(claims) > 5000
    assert [claim for claim in claims if claim.is_accepted()] == []
    assert [answer for answer in ask([claim.question() for claim in claims]) if answer["ok"]] == []


def test_go_and_we_agree_on_every_other_size(ask, inclusion, continuation):
    """A root alone does not fix the size, in RFC 6962: both accept the same few, the signature binds it."""
    claims = []
    for size in range(1, 40):
        honest = inclusion(size * 7 % size, size)
        claims += [replace(honest, size=other) for other in range(45) if other != size]
        grown = continuation(max(1, size // 2), size)
        claims += [replace(grown, size=other) for other in range(1, 45) if other != size]
        claims += [replace(grown, old_size=other) for other in range(1, 45) if other != grown.old_size]
    ours = [claim.is_accepted() for claim in claims]
    assert ours == [answer["ok"] for answer in ask([claim.question() for claim in claims])]
    assert 0 < sum(ours) < len(ours) / 5


def test_go_opens_our_checkpoints_and_ignores_their_witnesses(ask, roots):
    rng, questions, texts = random.Random(14), [], []
    for _ in range(500):
        size = rng.randint(0, LOG_SIZE)
        signer = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)))
        witness = Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)), size)
        checkpoint = Checkpoint(ORIGIN, size, roots[size])
        note = sign_checkpoint(checkpoint, signer, [witness][: size % 2])
        questions.append({"op": "note", "note": text(note), "keys": [signer.vkey]})
        texts.append(text(checkpoint.text))
        assert open_checkpoint(note, [signer.verifier]) == checkpoint
    assert [answer.get("text") for answer in ask(questions)] == texts


def test_we_open_what_go_signed_and_sign_it_alike(ask):
    rng, questions, seeds = random.Random(15), [], []
    for _ in range(50):
        seeds.append(rng.randbytes(32))
        said = f"a line {rng.random()}\n\nand — another\n".encode()
        questions.append({"op": "sign", "keys": [ORIGIN], "leaf": text(seeds[-1]), "note": text(said)})
    for question, seed, answer in zip(questions, seeds, ask(questions), strict=True):
        ours = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(seed))
        signed, said = base64.b64decode(answer["text"]), base64.b64decode(question["note"])
        assert open_note(signed, [parse_verifier(answer["key"])]).text == said
        assert (ours.vkey, sign_note(said, [ours])) == (answer["key"], signed)


def test_go_and_we_reject_every_altered_byte_of_a_checkpoint(ask, roots):
    signer = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    stranger = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    note = sign_checkpoint(Checkpoint(ORIGIN, 700, roots[700]), signer)
    raw = base64.b64decode(note.split(b" ")[-1])
    head = note[: note.rindex(b" ") + 1]
    altered = [note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :] for at in range(note.rindex(b" "))]
    altered += [head + base64.b64encode(flipped(raw, bit)) + b"\n" for bit in range(len(raw) * 8)]
    altered += [
        note[:-1],
        note[: note.rindex(b"\n\n") + 2],
        sign_checkpoint(Checkpoint(ORIGIN, 700, roots[700]), stranger),
    ]
    answers = ask([{"op": "note", "note": text(data), "keys": [signer.vkey]} for data in altered])
    assert [answer for answer in answers if answer["ok"]] == []
    for data in altered:
        with pytest.raises(IntegrityError, match=r"note|signature|signed|log"):
            open_checkpoint(data, [signer.verifier])


def test_go_reads_every_entry_hash_from_our_tiles(ask, entries, roots):
    questions, wanted = [], []
    for size in (1, 255, 256, 257, 512, 1000, LOG_SIZE):
        files = TileLog({}.__getitem__, 0).append(entries[:size]).files
        indexes = sorted(random.Random(size).sample(range(size), min(size, 40)))
        hashes = {path: text(data) for path, data in files.items() if "entries" not in path}
        questions.append(
            {"op": "tiles", "files": hashes, "size": size, "root": text(roots[size]), "indexes": indexes}
        )
        wanted.append([text(tree.leaf_hash(entries[index])) for index in indexes])
    answers = ask(questions)
    assert [answer.get("hashes") for answer in answers] == wanted


def test_go_refuses_a_tile_that_we_refuse(ask, entries, roots):
    """At a size of one full subtree: Go up to 1.19's x/mod leaves tiles unchecked where there are more."""
    size = 1024
    files = TileLog({}.__getitem__, 0).append(entries[:size]).files
    questions = []
    for path in [path for path in files if "entries" not in path]:
        broken = {**files, path: flipped(files[path], 77)}
        hashes = {name: text(data) for name, data in broken.items() if "entries" not in name}
        index = 0 if ".p/" in path else int(path[-3:]) * 256
        question = {"op": "tiles", "files": hashes, "size": size, "root": text(roots[size])}
        questions.append({**question, "indexes": [index]})
        with pytest.raises(IntegrityError, match="tile"):
            TileLog(broken.__getitem__, size, root=roots[size]).entry(index)
    assert [answer["ok"] for answer in ask(questions)] == [False] * len(questions)


def test_openssl_verifies_a_checkpoint(tmp_path, roots):
    """As VERIFY.md says: the three lines as they are, the last 64 bytes of the signature line."""
    require(None if shutil.which("openssl") else "openssl is not installed; `apt-get install openssl`")
    from cryptography.hazmat.primitives import serialization

    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    note = sign_checkpoint(Checkpoint(ORIGIN, 700, roots[700]), Signer(ORIGIN, private))
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed, _, tail = note.partition(b"\n\n")
    (tmp_path / "k.pem").write_bytes(pem)
    (tmp_path / "text").write_bytes(signed + b"\n")
    (tmp_path / "sig").write_bytes(base64.b64decode(tail.split(b" ")[-1])[4:])
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "k.pem", "-rawin", "-in", "text"]
    command += ["-sigfile", "sig"]
    good = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (good.returncode, good.stdout.strip()) == (0, "Signature Verified Successfully")
    (tmp_path / "text").write_bytes(signed.replace(b"700", b"701") + b"\n")
    bad = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert bad.returncode != 0
