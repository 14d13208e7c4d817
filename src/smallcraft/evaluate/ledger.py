"""The metered test set: each answer that cert gives is an entry in a hash-chained file, and costs bits.

An answer that can take one of A values reveals at most log2(A) bits. What was revealed before a look is what
a candidate can have been fitted to; after B such bits, with probability 1 - delta,
`|cert - truth| <= sqrt((B ln 2 + ln(2 / delta)) / (2 n))` for a score that is a mean over n rows in [0, 1].
The bound belongs beside every cert score.

When to refuse. The strict rule, half the margin, is met by no small set: at n = 1,000 the very first look,
with B = 0, has a bound of 0.043. So in this form the limit is a number of bits. By default it is what lets
the bound grow to three times that of the first look, `8 log2(2 / delta)`: 43 bits at 95 %, five answers
rounded to three decimals. A look is refused when the bits revealed before it have reached the limit; the
first one never is.

Always: the same candidate, pre-registration and data set asked again is answered from the file, free; an
answer leaves this module only after its entry is on the disk; edited, dropped, swapped or inserted entries
are detected.
Covered: a line half written when the machine stopped (it was never answered; it is removed), two processes
at once, entries cut off the end (a small file beside the ledger holds the last digest).
Not covered: an owner who rebuilds ledger and head together; keep `Ledger.head` elsewhere, as each release
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from smallcraft.canonical import digest_value, plain
from smallcraft.errors import IntegrityError, InvalidInputError, MeteredError
from smallcraft.evaluate.bits import adaptive_bound, default_max_bits
from smallcraft.evaluate.chain import (
    GENESIS,
    Answer,
    LedgerEntry,
    append_entry,
    locked,
    read_entries,
    repair_tail,
)


@dataclass(frozen=True)
class Look:
    """An answer, and how far it can be trusted.

    Attributes:
        entry: The ledger's entry.
        is_new: False when it was answered from the ledger.
        bits_before: Revealed about this data set before this look.
    """

    entry: LedgerEntry
    is_new: bool
    bits_before: float

    def bound(self, n: int, *, delta: float = 0.05) -> float:
        """`adaptive_bound` at this look."""
        return adaptive_bound(n, self.bits_before, delta=delta)


@dataclass(frozen=True)
class Ledger:
    """A ledger file and its limit; reads the file anew for each question.

    Attributes:
        path: The file; need not exist yet.
        max_bits: Looks are refused once so many bits of a data set were revealed.
    """

    path: Path
    max_bits: float

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """All entries, checked."""
        return verify_ledger(self.path)

    @property
    def head(self) -> str:
        """Digest of the last entry; keep it where the ledger's owner cannot write."""
        entries = self.entries
        return entries[-1].digest if entries else GENESIS

    def bits_spent(self, dataset: str) -> float:
        """Bits revealed about a data set so far."""
        return math.fsum(entry.bits for entry in self.entries if entry.dataset == dataset)

    def ask(
        self,
        candidate: str,
        preregistration: str,
        dataset: str,
        answer_fn: Callable[[], Answer],
        *,
        bits: float,
        now: datetime,
    ) -> Look:
        """Ask the sealed set about a candidate; the one way to its labels.

        Args:
            candidate: Digest of the bundle.
            preregistration: Digest of what was fixed before the first look.
            dataset: Digest of the sealed table.
            answer_fn: Opens the labels and gives a JSON-able mapping; called only for a new question.
            bits: log2 of the number of answers it can give (`bits_of_choices`, `bits_of_rounded`).
            now: Time of the entry.

        Raises:
            MeteredError: The bits of this data set are spent; `answer_fn` was not called.
            IntegrityError: The ledger was tampered with.
            InvalidInputError: The bits are negative, or the answer is not JSON.
        """
        if not (math.isfinite(bits) and bits >= 0):
            raise InvalidInputError(f"bits must be finite and at least 0, got {bits}; log2 of the answers")
        with locked(self.path):
            entries = repair_tail(self.path)
            before = 0.0
            for entry in entries:
                if (entry.candidate, entry.preregistration, entry.dataset) == (
                    candidate,
                    preregistration,
                    dataset,
                ):
                    return Look(entry, is_new=False, bits_before=before)
                before += entry.bits if entry.dataset == dataset else 0.0
            self._require_bits(before)
            facts = {
                "seq": len(entries) + 1,
                "previous": entries[-1].digest if entries else GENESIS,
                "time": now.isoformat(),
                "candidate": candidate,
                "preregistration": preregistration,
                "dataset": dataset,
                "answer": plain(answer_fn()),
                "bits": float(bits),
            }
            entry = LedgerEntry(**facts, digest=digest_value(facts))
            append_entry(self.path, entry)
            return Look(entry, is_new=True, bits_before=before)

    def _require_bits(self, spent: float) -> None:
        if spent >= self.max_bits and spent > 0:
            raise MeteredError(
                f"the sealed test set may reveal {self.max_bits:.1f} bits and has revealed {spent:.1f}; "
                "label a fresh one (the old one may then be added to dev), or raise [quality] cert_bits "
                "knowingly"
            )


def open_ledger(path: Path, *, max_bits: float | None = None, delta: float = 0.05) -> Ledger:
    """The ledger at a path, checked; an absent file is an empty ledger.

    Args:
        path: A JSON-lines file; beside it stand `<name>.head` and `<name>.lock`.
        max_bits: The limit; None for `default_max_bits(delta)`.
        delta: Chance that the bound does not hold.

    Raises:
        IntegrityError: The file was tampered with.
        InvalidInputError: The limit is negative.
    """
    limit = default_max_bits(delta) if max_bits is None else max_bits
    if not limit >= 0:
        raise InvalidInputError(
            f"max_bits must be at least 0, got {limit}; leave it out for the derived limit"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        repair_tail(path)
    return Ledger(path, limit)


def verify_ledger(path: Path, *, head: str | None = None) -> tuple[LedgerEntry, ...]:
    """Check every entry and the chain.

    Args:
        path: The ledger; an absent file has no entries.
        head: A digest kept elsewhere; the ledger must contain it.

    Returns:
        The entries.

    Raises:
        IntegrityError: An entry does not fit; the message names the first broken line.
    """
    entries, torn = read_entries(path)
    if torn:
        raise IntegrityError(
            f"line {len(entries) + 1} of {path.name} is incomplete; open the ledger to repair a torn write"
        )
    known = {GENESIS, *(entry.digest for entry in entries)}
    if head is not None and head not in known:
        raise IntegrityError(
            f"{path.name} has {len(entries)} entries and none with digest {head}; "
            "entries were cut off or rewritten, do not trust its cert scores"
        )
    return entries
