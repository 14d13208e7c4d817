"""Checks one release: its place in the log, its signature, its decision, every byte of its files."""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.registry.opening import OpenLog, require_well
from smallcraft.registry.reading import Stored, read_stored
from smallcraft.registry.signing import check_signature
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.copies import Copy, pin_of
from smallcraft.registry.verify.report import Step, VerifyReport
from smallcraft.registry.verify.statements import check_decision_of


def verify_release(registry: Registry, reference: str, *, copies: Sequence[Copy] = ()) -> VerifyReport:
    """Check a release without reading the others' files.

    Args:
        registry: The registry.
        reference: `helpdesk@3`, `helpdesk@stable`, `latest`, ...
        copies: Checkpoints kept elsewhere, which the log must continue.

    Returns:
        The steps, when all of them hold.

    Raises:
        NotFoundError: There is no such release.
        IntegrityError: The first broken thing: which, what was expected, what is there, what next.
    """
    # (1) log: policy, signature, entries, order, and the user's own pin
    log = registry.log()
    detail = "each entry lies under the signed root, in order; nothing that was seen before is gone"
    steps = [Step("log", detail, len(log.entries))]
    # (2) copies kept elsewhere
    for copy in copies:
        require_well(pin_of(copy, log.keys), log, source=copy.source)
    steps.append(Step("copies", "the log continues every checkpoint that was given", len(copies)))
    # (3) release
    stored = registry.find(reference)
    detail = f"{stored.entry.label} is entry {log.entries.index(stored.entry) + 1}; its manifests are its own"
    steps.append(Step("release", detail, len(stored.manifests)))
    # (4) signature
    check_signature(log, stored)
    steps.append(Step("signature", f"{stored.entry.by} signed its files", len(stored.locations)))
    # (5) decision
    steps.append(_check_decision(registry, log, stored))
    # (6) files
    for path in stored.locations:
        stored.read(path)
    total = sum(file.size_bytes for file in stored.files)
    steps.append(Step("files", f"{total:,} bytes have the digests that were recorded", len(stored.files)))
    head = f"{log.checkpoint.size}:{log.checkpoint.root_digest}"
    retired = log.state.is_retired(stored.release.name, stored.release.version)
    notes = (f"{stored.entry.label} is retired: do not serve it",) if retired else ()
    return VerifyReport(tuple(steps), head, log.checkpoint.root_digest, notes)


def _check_decision(registry: Registry, log: OpenLog, stored: Stored) -> Step:
    def find(label: str) -> Stored | None:
        name, _, version = label.rpartition("@")
        put = log.state.put(name, int(version)) if version.isdecimal() else None
        return None if put is None or log.is_erased(put.entry) else read_stored(registry.layout, put.entry)

    told = check_decision_of(stored, find)
    return Step("decision", "its delta was computed again from the evidence of both releases", int(told))
