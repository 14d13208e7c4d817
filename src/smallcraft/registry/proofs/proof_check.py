"""Checks a release's proof in numbered steps, offline, and names the first broken thing.

Holds the rules only: paths with their bytes in, what they show out; folders belong to `proofs.proof_folder`.
Leaves to others: what manifests say (`proofs.material`), making a proof (`proofs.proof_bundle`).
Always: the same steps for everybody; no step believes what no earlier one bound to the log's signature.
Covered: any changed, missing or planted file; another log, key or release; an old release under a new name.
Not covered: who holds the keys (pass a policy and an author's key that came another way), entries after this
one (the release may have been retired since), VERIFY.md and files that no step reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import StoredFile
from smallcraft.registry.keys.policy import Policy, check_policy, parse_policy
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH
from smallcraft.registry.proofs.material import read_attachments, read_model, recorded_files
from smallcraft.registry.proofs.openssf import verify_signature
from smallcraft.registry.tlog import proof as tlog_proof
from smallcraft.registry.tlog.checkpoint import Checkpoint
from smallcraft.registry.tlog.entry import Entry, parse_entry
from smallcraft.registry.tlog.note import Verifier, open_note
from smallcraft.registry.verify.report import Step

ENTRY = "entry.json"
PROOF = "release.tlog-proof"
CHECKPOINT = "checkpoint"
CHECKPOINT_TEXT = "checkpoint.txt"
CHECKPOINT_SIGNATURE = "checkpoint.sig"
LOG_KEY = "log.pem"
AUTHOR_KEY = "author.pem"
MANIFEST = "manifest.json"
CONFIG = "config.json"
POLICY = "policy"
SUMS = "SHA256SUMS"
INSTRUCTIONS = "VERIFY.md"
REQUIRED = (
    ENTRY,
    PROOF,
    CHECKPOINT,
    CHECKPOINT_TEXT,
    CHECKPOINT_SIGNATURE,
    LOG_KEY,
    MANIFEST,
    CONFIG,
    POLICY,
    SUMS,
    INSTRUCTIONS,
)

ATTACHMENT = re.compile(r"attachments/[a-z0-9-]{1,80}\.json")
PACK = re.compile(r"packs/[0-9a-f]{64}\.json")

_NEXT = "do not use the release, ask for a new proof"


@dataclass(frozen=True)
class ProofReport:
    """What a proof shows.

    Attributes:
        steps: In order; all of them hold.
        entry: The log's entry.
        checkpoint: The log's state that covers it.
        vkey: Of the key that signed the checkpoint.
        files: Every file of the release.
        fingerprint: Of the author who signed them; None where nobody did.
    """

    steps: tuple[Step, ...]
    entry: Entry
    checkpoint: Checkpoint
    vkey: str
    files: tuple[StoredFile, ...]
    fingerprint: str | None


@dataclass(frozen=True)
class LogSignature:
    """A log's signature over a checkpoint, apart from its note.

    Attributes:
        key: The log's.
        signature: 64 bytes, over the checkpoint's text.
        checkpoint: What was signed.
    """

    key: Verifier
    signature: bytes
    checkpoint: Checkpoint


def verify_proof(
    files: Mapping[str, bytes],
    *,
    release: str | None = None,
    policy: bytes | None = None,
    author_pem: bytes | None = None,
) -> ProofReport:
    """Check a proof, offline.

    Args:
        files: Path in the proof to bytes.
        release: Which release it must prove, as `helpdesk@3`; None takes what it proves.
        policy: Whose logs the reader trusts; None takes the proof's own word for it.
        author_pem: Which author's key the reader trusts; None takes the proof's own.

    Returns:
        The steps, when all of them hold.

    Raises:
        IntegrityError: The first broken thing: which, what was expected, what is there, what next.
        InvalidInputError: The policy or the author's key that was passed cannot be read.
    """
    # (1) files
    steps = [_check_files(files)]
    # (2) checkpoint
    signed = _check_checkpoint(files, policy)
    key, checkpoint = signed.key, signed.checkpoint
    whose = "the proof's own policy" if policy is None else "your policy"
    steps.append(Step("checkpoint", f"signed by {key.vkey}, a log of {whose}", checkpoint.size))
    # (3) log
    entry, number = _check_entry(files, key, checkpoint)
    steps.append(Step("log", f"entry {number} of {checkpoint.size} is {ENTRY}", number))
    # (4) release
    _check_release(entry, release)
    steps.append(Step("release", f"the entry puts {entry.label}", 1))
    # (5) manifests
    model = read_model(files[MANIFEST], files[CONFIG], entry)
    attached = read_attachments(matching(files, ATTACHMENT), entry)
    detail = "the entry names each of them, and nothing else is attached"
    steps.append(Step("manifests", detail, 1 + len(attached)))
    # (6) digests
    recorded = recorded_files((model, *attached), tuple(matching(files, PACK).values()))
    _check_sums(files[SUMS], recorded)
    steps.append(Step("digests", f"{SUMS} lists what the manifests record", len(recorded)))
    # (7) author
    fingerprint = _check_author(files, entry, recorded, author_pem)
    detail = "nobody signed the files" if fingerprint is None else f"{fingerprint} signed the files"
    steps.append(Step("author", detail, 0 if fingerprint is None else len(recorded) - 1))
    return ProofReport(tuple(steps), entry, checkpoint, key.vkey, recorded, fingerprint)


def _check_files(files: Mapping[str, bytes]) -> Step:
    for name in REQUIRED:
        if name not in files:
            raise IntegrityError(f"{name} is missing: every proof has one; {_NEXT}")
    if (SIGNATURE_PATH in files) != (AUTHOR_KEY in files):
        raise IntegrityError(f"{SIGNATURE_PATH} and {AUTHOR_KEY} must be there both or not at all; {_NEXT}")
    return Step("files", "every file of a proof is there", len(files))


def _check_checkpoint(files: Mapping[str, bytes], policy: bytes | None) -> LogSignature:
    own = _own_policy(files[POLICY])
    trusted = own if policy is None else parse_policy(policy)
    signed = log_signature(files[CHECKPOINT], trusted)
    if not any(log.verifier == signed.key for log in own.logs):
        raise IntegrityError(f"{POLICY} does not name {signed.key.vkey}, which signed {CHECKPOINT}; {_NEXT}")
    copies = {
        CHECKPOINT_TEXT: signed.checkpoint.text,
        CHECKPOINT_SIGNATURE: signed.signature,
        LOG_KEY: log_pem(signed.key),
    }
    for name, wanted in copies.items():
        if files[name] != wanted:
            raise IntegrityError(
                f"{name} is not what {CHECKPOINT} and {POLICY} say: expected {digest_bytes(wanted)}, the "
                f"proof has {digest_bytes(files[name])}; {_NEXT}"
            )
    return signed


def _own_policy(data: bytes) -> Policy:
    try:
        return parse_policy(data)
    except InvalidInputError as error:
        raise IntegrityError(f"{POLICY} cannot be read ({error}); {_NEXT}") from error


def _check_entry(files: Mapping[str, bytes], key: Verifier, checkpoint: Checkpoint) -> tuple[Entry, int]:
    proof = tlog_proof.parse_proof(files[PROOF])
    if proof.checkpoint != files[CHECKPOINT]:
        raise IntegrityError(f"{PROOF} is over another checkpoint than the file {CHECKPOINT}; {_NEXT}")
    tlog_proof.verify_proof(proof, files[ENTRY], [key])
    entry = parse_entry(files[ENTRY], number=proof.index + 1)
    if entry.origin != checkpoint.origin:
        raise IntegrityError(
            f"{ENTRY} says it is of log '{entry.origin}', the checkpoint is of '{checkpoint.origin}'; {_NEXT}"
        )
    return entry, proof.index + 1


def _check_release(entry: Entry, release: str | None) -> None:
    if entry.kind != "put":
        raise IntegrityError(f"{ENTRY} must put a release, but is of kind '{entry.kind}'; {_NEXT}")
    if release is not None and entry.label != release:
        raise IntegrityError(
            f"the proof is of {entry.label}, wanted {release}: another release was put in its place; {_NEXT}"
        )


def _check_sums(sums: bytes, recorded: tuple[StoredFile, ...]) -> None:
    wanted, got = set(sums_of(recorded).splitlines()), set(sums.splitlines())
    for line in sorted(wanted ^ got):
        said = "leaves out" if line in wanted else "says, but no manifest does"
        raise IntegrityError(f"{SUMS} {said}: {line.decode('utf-8', 'replace')}; {_NEXT}")
    if sums != sums_of(recorded):
        raise IntegrityError(f"{SUMS} is not in the order that a proof has; {_NEXT}")


def _check_author(
    files: Mapping[str, bytes], entry: Entry, recorded: tuple[StoredFile, ...], trusted: bytes | None
) -> str | None:
    digests = {file.path: file.digest for file in recorded}
    listed = digests.pop(SIGNATURE_PATH, None)
    if SIGNATURE_PATH not in files:
        if trusted is not None or listed is not None:
            raise IntegrityError(f"{SIGNATURE_PATH} is missing: the author's signature is wanted; {_NEXT}")
        return None
    if listed != digest_bytes(files[SIGNATURE_PATH]):
        raise IntegrityError(
            f"{SIGNATURE_PATH} is not the one that was recorded: expected {listed}, got "
            f"{digest_bytes(files[SIGNATURE_PATH])}; {_NEXT}"
        )
    try:
        fingerprint = fingerprint_of_pem(files[AUTHOR_KEY])
        verify_signature(files[SIGNATURE_PATH], digests, files[AUTHOR_KEY])
    except InvalidInputError as error:
        raise IntegrityError(f"{AUTHOR_KEY} cannot be read ({error}); {_NEXT}") from error
    named = {"the entry names": entry.by}
    if trusted is not None:
        named["you trust"] = fingerprint_of_pem(trusted)
    for whose, wanted in named.items():
        if wanted is not None and wanted != fingerprint:
            raise IntegrityError(
                f"{AUTHOR_KEY} is not the key that {whose}: expected {wanted}, got {fingerprint}; {_NEXT}"
            )
    return fingerprint


def fingerprint_of_pem(public_pem: bytes) -> str:
    """`sha256:<hex>` of a public key's SubjectPublicKeyInfo.

    Raises:
        InvalidInputError: It is no public key in PEM.
    """
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        key = serialization.load_pem_public_key(public_pem)
        is_exact = key.public_bytes(serialization.Encoding.PEM, form).strip() == public_pem.strip()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInputError(
            f"a public key in PEM expected, got something else ({error}); pass the author.pem of a release"
        ) from error
    if not is_exact:
        raise InvalidInputError(
            "a public key in its one PEM form expected, got another; pass the author.pem of a release"
        )
    return digest_bytes(key.public_bytes(serialization.Encoding.DER, form))


def log_signature(note: bytes, policy: Policy) -> LogSignature:
    """What a trusted log signed.

    Raises:
        IntegrityError: No log of the policy signed it, or too few witnesses.
    """
    checkpoint = check_policy(note, policy)
    opened = open_note(note, policy.verifiers)
    logs = {log.verifier for log in policy.logs}
    key = next(key for key in opened.signers if key in logs and key.name == checkpoint.origin)
    line = next(line for line in opened.lines if (line.name, line.key_id) == (key.name, key.key_id))
    return LogSignature(key, line.signature, checkpoint)


def log_pem(key: Verifier) -> bytes:
    """A log's key as SubjectPublicKeyInfo in PEM, for openssl."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return Ed25519PublicKey.from_public_bytes(key.public).public_bytes(serialization.Encoding.PEM, form)


def matching(files: Mapping[str, bytes], pattern: re.Pattern[str]) -> dict[str, bytes]:
    """The files of a proof whose path fits, in order of the paths."""
    return {path: files[path] for path in sorted(files) if pattern.fullmatch(path)}


def sums_of(files: tuple[StoredFile, ...]) -> bytes:
    """What `sha256sum --check` reads, in the order of its bytes."""
    lines = sorted(f"{file.digest.removeprefix('sha256:')}  {file.path}\n".encode() for file in files)
    return b"".join(lines)
