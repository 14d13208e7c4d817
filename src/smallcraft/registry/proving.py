"""A release's proof for strangers, from the registry that has it.

Leaves to others: what a proof holds and how it is checked (`registry.proofs`).
Always: the checkpoint in the proof is the newest one of this registry.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.registry.content.disk import read_blob, read_bytes
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH
from smallcraft.registry.proofs.material import ProofMaterial
from smallcraft.registry.proofs.proof_bundle import write_proof
from smallcraft.registry.signing import author_pem
from smallcraft.registry.store import Registry


def prove_release(registry: Registry, reference: str) -> Mapping[str, bytes]:
    """The files of a proof.

    Args:
        registry: The registry.
        reference: `helpdesk@3`, `helpdesk@stable`, `latest`, ...

    Returns:
        Path in the proof to bytes.

    Raises:
        NotFoundError: There is no such release.
        IntegrityError: Something on the way is not what was committed.
    """
    stored, log, layout = registry.find(reference), registry.log(), registry.layout
    index = log.entries.index(stored.entry)
    label = stored.entry.label
    indexes = [pack.index for manifest in stored.manifests for pack in manifest.manifest.packs]
    return write_proof(
        ProofMaterial(
            entry=log.raw[index],
            index=index,
            hashes=log.tiles.inclusion(index),
            checkpoint=log.note,
            policy=read_bytes(layout.policy, name="log/policy"),
            manifest=read_blob(layout, stored.model.content, use=f"the manifest of {label}"),
            config=read_blob(layout, stored.model.manifest.config, use=f"the config of {label}"),
            attachments=tuple(
                read_blob(layout, attached.content, use=f"a manifest of {label}")
                for attached in stored.attached
            ),
            pack_indexes=tuple(read_blob(layout, one, use=f"a pack's index of {label}") for one in indexes),
            signature=stored.read(SIGNATURE_PATH) if SIGNATURE_PATH in stored.locations else None,
            author_pem=author_pem(log, stored.entry.by) if stored.entry.by else None,
        )
    )
