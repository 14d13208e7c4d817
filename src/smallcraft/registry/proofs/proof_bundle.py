"""A proof that a stranger checks offline: a handful of files that bind a release to a signed log.

Holds the rules only: values in, a mapping of paths to bytes out; folders belong to `proofs.proof_folder`.
Leaves to others: checking it (`proofs.proof_check`), the words of VERIFY.md (`proofs.instructions`).
Always: what is written was verified first, by the very steps that a reader takes.
Not covered: making the material true; the registry hands over the exact bytes that it stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError
from smallcraft.registry.keys.policy import parse_policy
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH
from smallcraft.registry.manifests.manifest import parse_manifest
from smallcraft.registry.proofs import proof_check as names
from smallcraft.registry.proofs.instructions import ProofFacts, render_instructions
from smallcraft.registry.proofs.material import ProofMaterial, recorded_files
from smallcraft.registry.proofs.proof_check import ProofReport, log_pem, log_signature, sums_of, verify_proof
from smallcraft.registry.tlog import proof as tlog_proof
from smallcraft.registry.tlog.note import Verifier

_KIND = re.compile(r"application/vnd\.smallcraft\.([a-z][a-z-]{0,40})\.v[0-9]+\+json")


def write_proof(material: ProofMaterial) -> Mapping[str, bytes]:
    """The files of a proof, verified before they are handed out.

    Returns:
        Path in the proof to bytes, in order of the paths.

    Raises:
        InvalidInputError: A signature without its author's key, or the other way round.
        IntegrityError: The material does not hold together; names the first broken thing.
    """
    if (material.signature is None) != (material.author_pem is None):
        raise InvalidInputError(
            "a proof holds an author's signature with the author's key, got one without the other; "
            "pass both or none"
        )
    manifests = (material.manifest, *material.attachments)
    path = tlog_proof.Proof(material.index, material.hashes, material.checkpoint)
    signed = log_signature(material.checkpoint, parse_policy(material.policy))
    files = {
        names.ENTRY: material.entry,
        names.PROOF: tlog_proof.encode_proof(path),
        names.CHECKPOINT: material.checkpoint,
        names.CHECKPOINT_TEXT: signed.checkpoint.text,
        names.CHECKPOINT_SIGNATURE: signed.signature,
        names.LOG_KEY: log_pem(signed.key),
        names.MANIFEST: material.manifest,
        names.CONFIG: material.config,
        names.POLICY: material.policy,
        **_named_attachments(material.attachments),
        **{f"packs/{digest_bytes(data)[7:]}.json": data for data in material.pack_indexes},
    }
    if material.signature is not None and material.author_pem is not None:
        files |= {SIGNATURE_PATH: material.signature, names.AUTHOR_KEY: material.author_pem}
    parsed = [parse_manifest(data, digest=digest_bytes(data)) for data in manifests]
    files[names.SUMS] = sums_of(recorded_files(parsed, material.pack_indexes))
    files[names.INSTRUCTIONS] = b""
    report = verify_proof(files)
    facts = _facts(report, signed.key, index=material.index, files=files)
    files[names.INSTRUCTIONS] = render_instructions(facts).encode("utf-8")
    return dict(sorted(files.items()))


def _named_attachments(attachments: tuple[bytes, ...]) -> dict[str, bytes]:
    """Each under its kind; a kind that stands twice, or that we do not know, under its digest."""
    named: dict[str, bytes] = {}
    for data in attachments:
        digest = digest_bytes(data)
        match = _KIND.fullmatch(parse_manifest(data, digest=digest).artifact_type)
        path = f"attachments/{match[1] if match else digest[7:]}.json"
        named[f"attachments/{digest[7:]}.json" if path in named else path] = data
    return named


def _facts(report: ProofReport, key: Verifier, *, index: int, files: Mapping[str, bytes]) -> ProofFacts:
    entry = report.entry
    assert entry.name is not None, "a put entry has one"
    assert entry.version is not None, "a put entry has one"
    return ProofFacts(
        name=entry.name,
        version=entry.version,
        log=key,
        index=index,
        size=report.checkpoint.size,
        attachments=tuple(names.matching(files, names.ATTACHMENT)),
        packs=tuple(names.matching(files, names.PACK)),
        fingerprint=report.fingerprint,
        says_by=entry.by is not None,
    )
