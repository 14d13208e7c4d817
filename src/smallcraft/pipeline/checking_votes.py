"""The job of `smallcraft check --votes` alone: from a file of votes to a page, and a label for each item.

Beside a table, its votes are a part of `checking`.
Always: as there; of votes that no memory holds all are counted, and what is told of a sample says so.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smallcraft.canonical import digest_file
from smallcraft.data.partitions.verdicts import votes_result
from smallcraft.data.quality.consensus import find_consensus, inspect_consensus
from smallcraft.data.quality.disagreement import inspect_disagreement
from smallcraft.data.votes import Votes
from smallcraft.data.wording import WHOLE
from smallcraft.engine.engines import shared_engine
from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.check_output import Checked, CheckOptions, write_votes_check
from smallcraft.pipeline.config import name_from_path
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.partitions.large import content_of
from smallcraft.pipeline.partitions.longvotes import VotesFile, count_file, open_votes
from smallcraft.pipeline.quality_report import INDEX, QualityReport, SplitSize
from smallcraft.pipeline.stages.longvotes import all_votes, drawn_votes
from smallcraft.pipeline.worst_rows import gather_rows
from smallcraft.records import CheckResult, Measurement, Roles

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class _HeldVotes:
    """Votes without rows: those that are held, and what was counted of all.

    Attributes:
        votes: In memory.
        content: Digest of the file, or of all files.
        whole: What was counted of all votes, where those that are held are a sample.
        notes: Likewise.
    """

    votes: Votes
    content: str
    whole: tuple[CheckResult, ...] = ()
    notes: tuple[str, ...] = ()


def _hold_votes(file: VotesFile, options: CheckOptions, *, seed: int, listener: Listener) -> _HeldVotes:
    """All votes; where there are more than may be held, those on a sample of items, and counts of all."""
    engine, most = shared_engine(options.engine), options.most_rows
    path = Path(file.source)
    content = digest_file(path) if path.is_file() else content_of(file.pieces, engine)
    if not file.is_larger_than(most):
        return _HeldVotes(all_votes(file), content)
    with tempfile.TemporaryDirectory(prefix="smallcraft-") as folder:
        tally = count_file(file, None, engine, Path(folder), seed=seed, progress=listener.progress)
    votes = drawn_votes(file, engine, most=most, seed=seed, progress=listener.progress)
    note = (
        f"{tally.votes:,} votes on {tally.rows:,} items were counted; those on {votes.n_items:,} items, "
        f"drawn by seed {seed}, are held: consensus, and who errs, is told of those"
    )
    return _HeldVotes(votes, content, (votes_result(tally, level=_CONFIDENCE, seed=seed),), (note,))


def check_votes(
    votes: str | Path,
    *,
    options: CheckOptions | None = None,
    seed: int = 0,
    listener: Listener | None = None,
    now: datetime | None = None,
) -> Checked:
    """Check a file of votes on its own: who disagrees, what the votes say together, who errs.

    Args:
        votes: A line a vote: item, annotator, label; a file, a folder, a glob, or an address of an object
            store.
        options: Only the folder, the engine and how much is held are used; everything else needs the rows.
        seed: Of everything random.
        listener: Told as things happen.
        now: Printed on the page.

    Raises:
        DataError: The file cannot be used.
        InvalidInputError: What is asked for needs the rows.
    """
    options, listener = options or CheckOptions(), listener or SilentListener()
    if options.probs or options.audit or options.answers or options.fix:
        raise InvalidInputError(
            "probabilities, audits and repairs are about rows, and a file of votes has none; "
            f"write `smallcraft check FILE --votes {votes}`"
        )
    listener.stage(f"reading {votes}")
    held = _hold_votes(open_votes(votes), options, seed=seed, listener=listener)
    assert held.votes.items is not None
    consensus = find_consensus(held.votes, seed=seed)
    checks = (
        inspect_disagreement(held.votes, split=WHOLE, confidence=_CONFIDENCE, seed=seed),
        inspect_consensus(consensus, held.votes, given=None, split=WHOLE),
        *held.whole,
    )
    for result in checks:
        listener.checked(result)
    for note in held.notes:
        listener.note(note)
    no_rows = Measurement(INDEX, None, "fraction", 0, "", split=WHOLE, detail="votes alone hold no rows")
    report = QualityReport(
        source=str(votes),
        splits=(SplitSize(WHOLE, held.votes.n_items, len(held.votes.classes), held.content),),
        model="none: votes alone hold no rows for a model to read",
        index=no_rows,
        factors={},
        checks=checks,
        rows=gather_rows(checks, {}, Roles(label="")),
        notes=(*held.notes, *held.votes.notes),
    )
    folder = options.output or Path(f"{name_from_path(str(votes))}-check")
    return write_votes_check(report, consensus, held.votes.items, folder=folder, now=now or datetime.now(UTC))
