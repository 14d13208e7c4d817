"""Publishing: the next version of a name, with all that is attached to it, as one commit.

Leaves to others: putting manifests together (`registry.drafting`), the commit (`registry.writing`).
Always: the same files and facts published again are the release that is there; what was tried and
not released is logged beside it, each trial once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.deduplicating import share_with_parent
from smallcraft.registry.drafting import (
    Draft,
    Papers,
    Parent,
    Staged,
    no_papers,
    read_staged,
    stage_papers,
    stage_submission,
)
from smallcraft.registry.manifests.kinds import (
    DECISION_PATH,
    EMPTY_OBJECT,
    FACTS_PATH,
    PAPER_PATHS,
    artifact_type,
)
from smallcraft.registry.manifests.manifest import FileLayer, Manifest, encode_manifest, parse_object
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.proofs.openssf import sign_files
from smallcraft.registry.reading import Stored, read_attached, read_stored
from smallcraft.registry.references import find_followed
from smallcraft.registry.tlog.entry import Content, Entry
from smallcraft.registry.writing import Writer


@dataclass(frozen=True)
class Submission:
    """What is handed in.

    Attributes:
        name: Of the release.
        files: Path inside the release to bytes, or to a plain file to copy.
        facts: Canonical JSON.
        papers: Writes what the release says of itself.
        trials: Documents of what was tried and not released.
    """

    name: str
    files: Mapping[str, Path | bytes]
    facts: bytes
    papers: Papers = no_papers
    trials: Sequence[bytes] = ()


def publish_release(writer: Writer, submission: Submission) -> Entry:
    """Commit the next version, or find the one that is the same.

    Steps: (1) copy and hash what was handed in; (2) return the release that has this content already;
    (3) share what the version that it follows has; (4) the model's manifest; (5) papers, signature,
    attachments; (6) trials and release in one commit.

    Raises:
        InvalidInputError: A path, source or kind of file that cannot be stored.
        NotFoundError: The log's key is not on this machine.
        IntegrityError: The versions before are not what was stored.
    """
    # (1) copy and hash
    staged = stage_submission(writer.staging, submission.files, submission.facts)
    # (2) the same again
    before = _versions(writer.log, submission.name)
    same = _find_same(writer, before, staged)
    if same is not None:
        _commit_trials(writer, submission)
        return same.entry
    # (3) share
    author, _ = writer.author, writer.signer
    parent = _followed(writer, before)
    if parent is not None:
        share_with_parent(writer.layout, staged, parent)
    # (4) the model
    manifest = staged.stage_model(submission.name)
    # (5) papers
    draft = _draft(writer, submission, staged, manifest, parent=parent)
    attestations = stage_papers(
        staged,
        draft,
        submission.papers,
        sign=lambda files: sign_files(files, name=draft.label, author=author),
    )
    staged.drop_shared()
    # (6) one commit
    entry = Entry(
        writer.origin,
        "put",
        writer.time,
        name=submission.name,
        version=draft.version,
        manifest=manifest,
        prev=_newest_manifest(writer.log, submission.name),
        attestations=attestations,
        by=author.fingerprint,
    )
    writer.commit([*trial_entries(writer, submission.name, submission.trials), entry])
    return entry


def trial_entries(writer: Writer, name: str, documents: Sequence[bytes]) -> list[Entry]:
    """Entries for what was tried and not released; a trial that is logged already has none.

    Args:
        writer: The change that they are part of; the documents are staged in it.
        name: What they were tried for.
        documents: JSON, one a trial.
    """
    known = {(e.name, e.manifest.digest) for e in writer.log.entries if e.kind == "decision" and e.manifest}
    entries = []
    for document in documents:
        stored = writer.staging.add(document)
        writer.staging.add(EMPTY_OBJECT)
        layer = FileLayer(StoredFile(DECISION_PATH, stored.digest, stored.size_bytes))
        manifest = writer.staging.add(encode_manifest(Manifest(artifact_type("decision"), (layer,))))
        if (name, manifest.digest) not in known:
            known.add((name, manifest.digest))
            by = writer.author.fingerprint
            entries.append(Entry(writer.origin, "decision", writer.time, name=name, manifest=manifest, by=by))
    return entries


def _commit_trials(writer: Writer, submission: Submission) -> None:
    """Trials that are new beside a release that is there; what was staged of that is there already."""
    for digest in tuple(writer.staging.paths):
        writer.staging.discard(digest)
    entries = trial_entries(writer, submission.name, submission.trials)
    if entries:
        writer.commit(entries)


def _versions(log: OpenLog, name: str) -> list[Entry]:
    """The versions of a name that are still there, oldest first."""
    puts = [numbered.entry for numbered in log.state.versions.get(name, ())]
    return [entry for entry in puts if not log.is_erased(entry)]


def _followed(writer: Writer, before: Sequence[Entry]) -> Stored | None:
    """What the new version follows; where all were retired, the newest of which there still is something."""
    followed = find_followed(before[-1].name or "", writer.log.state) if before else None
    entry = followed or (before[-1] if before else None)
    return None if entry is None else read_stored(writer.layout, entry)


def _find_same(writer: Writer, before: Sequence[Entry], staged: Staged) -> Stored | None:
    """The newest version in use that holds what is staged; facts differ first, so they are asked first."""
    for entry in reversed(before):
        if writer.log.state.is_retired(entry.name or "", entry.version or 0):
            continue
        if _has_facts(writer.layout, entry, staged.files[FACTS_PATH]):
            stored = read_stored(writer.layout, entry)
            if _is_same(stored, staged):
                return stored
    return None


def _has_facts(layout: Layout, entry: Entry, facts: StoredFile) -> bool:
    """Whether a release's facts are these, by its manifests alone."""
    for digest in entry.attestations:
        manifest = read_attached(layout, entry, digest).manifest
        if manifest.artifact_type == artifact_type("evaluation"):
            return facts in [layer.file for layer in manifest.files]
    return False


def _newest_manifest(log: OpenLog, name: str) -> str | None:
    puts = log.state.versions.get(name, ())
    return puts[-1].entry.manifest.digest if puts and puts[-1].entry.manifest else None


def _is_same(stored: Stored, staged: Staged) -> bool:
    """Whether a release holds the very files and facts that were handed in, its papers aside."""
    handed_in = {path: file.digest for path, file in staged.files.items()}
    there = {path: location.file.digest for path, location in stored.locations.items()}
    written = {path for path in there if path in PAPER_PATHS and path not in handed_in}
    return handed_in == {path: digest for path, digest in there.items() if path not in written}


def _parent(stored: Stored) -> Parent:
    return Parent(stored.entry.label, stored.model.content.digest, stored.facts, stored.read)


def _draft(
    writer: Writer, submission: Submission, staged: Staged, manifest: Content, *, parent: Stored | None
) -> Draft:
    return Draft(
        name=submission.name,
        version=len(writer.log.state.versions.get(submission.name, ())) + 1,
        created=writer.time,
        manifest=manifest,
        facts=parse_object(submission.facts, what="the facts"),
        files=tuple(file for _, file in sorted(staged.files.items())),
        read=lambda path: read_staged(staged, path),
        parent=_parent(parent) if parent else None,
    )
