"""The metered test set: each answer that cert gives is an entry in a hash-chained file, and costs bits.

An answer that can take one of A values reveals at most log2(A) bits. What was revealed before a look is what
a candidate can have been fitted to; after B such bits, with probability 1 - delta,
`|cert - truth| <= sqrt((B ln 2 + ln(2 / delta)) / (2 n))` for a score that is a mean over n rows in [0, 1].
The bound belongs beside every cert score.

When to refuse. The strict rule, half the margin, is met by no small set: at n = 1,000 the very first look,
with B = 0, has a bound of 0.043. So in this form the limit is a number of bits. By default it is what lets
the bound grow to three times that of the first look, `8 log2(2 / delta)`: 43 bits at 95 %, five answers
rounded to three decimals. A look is refused when the bits revealed before it have reached the limit; the
first one never is. Where the bound of an answer exceeds half the margin, `Look.wear` says so.

Two ways to ask. `ask` tells numbers, each at its price. `ask_pass` tells PASS or not against a bar, by a plan
fixed at the first question; a plan whose price is not left is refused before it starts.

A pre-registration that changes. Terms given with a question (metric, margin, plan) are written down, and are
the same for every question of one registration number: another metric under the same number is refused. Under
a new number it is another question, paid for like any other, and the record shows that there were two. (The
other choice, to refuse it for good, would make a mistyped margin cost a whole cert set, and be got round by
deleting the ledger.)

A clock that was set back. The order of entries is that of the chain; their times are what the clock said. A
look at an earlier time than the one before it is accepted, since no price depends on time, and noted
(`clock_notes`).

Always: the same candidate, pre-registration and data set asked again is answered from the file, free; an
answer leaves this module only after its entry is on the disk and the anchor has it; edited, dropped, swapped
or inserted entries are detected.
Covered: a line half written when the machine stopped (it was never answered; it is removed), two processes
at once, entries cut off the end (a small file beside the ledger holds the last digest).
Not covered: an owner who rebuilds ledger and head together; give an anchor that keeps the entries elsewhere,
such as the registry's log.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smallcraft.canonical import digest_value, plain
from smallcraft.errors import IntegrityError, InvalidInputError, MeteredError
from smallcraft.evaluate.meter.bits import Wear, adaptive_bound, default_max_bits, wear_of
from smallcraft.evaluate.meter.chain import (
    GENESIS,
    Answer,
    LedgerEntry,
    SeenLines,
    append_entry,
    locked,
    read_entries,
    repair_tail,
)
from smallcraft.evaluate.meter.terms import (
    PASSED,
    REGISTRATION,
    PassPlan,
    require_question_left,
    require_registration,
    require_rules_kept,
    require_same_terms,
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

    def wear(self, n: int, *, margin: float, delta: float = 0.05) -> Wear:
        """Whether the answer is still fine enough to tell a margin, and what would help."""
        return wear_of(n, self.bits_before, margin=margin, delta=delta)

    @property
    def passed(self) -> bool | None:
        """What a pass/fail question was told; None for a question of the other kind."""
        return self.entry.answer.get(PASSED)


Anchor = Callable[[Sequence[LedgerEntry]], None]
"""Told every entry on the disk before an answer is given, a repeated one too: keeps them elsewhere."""


def no_anchor(entries: Sequence[LedgerEntry]) -> None:
    """For a ledger that stands alone."""


@dataclass(frozen=True)
class Ledger:
    """A ledger file and its limit; reads the file anew for each question.

    Attributes:
        path: The file; need not exist yet.
        max_bits: Looks are refused once so many bits of a data set were revealed.
        anchor: Keeps the entries elsewhere.
    """

    path: Path
    max_bits: float
    anchor: Anchor = field(default=no_anchor, compare=False, repr=False)
    _seen: SeenLines = field(default_factory=SeenLines, compare=False, repr=False)

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """All entries, checked."""
        with locked(self.path):
            entries = repair_tail(self.path, self._seen)
        require_rules_kept(entries, self.path.name)
        return entries

    @property
    def head(self) -> str:
        """Digest of the last entry; keep it where the ledger's owner cannot write."""
        entries = self.entries
        return entries[-1].digest if entries else GENESIS

    def bits_spent(self, dataset: str) -> float:
        """Bits revealed about a data set so far."""
        return _bits_of(self.entries, dataset)

    def registrations(self, dataset: str) -> int:
        """How many pre-registrations this data set was asked under; more than one belongs on the card."""
        found = {entry.terms.get(REGISTRATION) for entry in self.entries if entry.dataset == dataset}
        return len(found)

    def ask(
        self,
        candidate: str,
        preregistration: str,
        dataset: str,
        answer_fn: Callable[[], Answer],
        *,
        bits: float,
        now: datetime,
        terms: Mapping[str, Any] | None = None,
        registration: int = 1,
    ) -> Look:
        """Ask the sealed set about a candidate; with `ask_pass` the one way to its labels.

        Args:
            candidate: Digest of the bundle.
            preregistration: Digest of what was fixed before the first look.
            dataset: Digest of the sealed table.
            answer_fn: Opens the labels and gives a JSON-able mapping; called only for a new question.
            bits: log2 of the number of answers it can give (`bits_of_choices`, `bits_of_rounded`).
            now: Time of the entry.
            terms: What may not change between looks, in the open: metric, margin, confidence, slices.
            registration: Number of the pre-registration that the terms belong to.

        Raises:
            MeteredError: The bits of this data set are spent, or the terms changed under one number;
                `answer_fn` was not called.
            IntegrityError: The ledger was tampered with.
            InvalidInputError: The bits are negative, or the answer is not JSON.
        """
        if not (math.isfinite(bits) and bits >= 0):
            raise InvalidInputError(f"bits must be finite and at least 0, got {bits}; log2 of the answers")
        require_registration(registration)
        fixed = plain({**terms, REGISTRATION: registration}) if terms else {}
        question = _Question(candidate, preregistration, dataset, fixed)
        with locked(self.path):
            entries = repair_tail(self.path, self._seen)
            if fixed:
                require_same_terms(entries, dataset, fixed)
            known = question.answered(entries)
            if known:
                self.anchor(entries)
                return known
            before = _bits_of(entries, dataset)
            self._require_bits(before)
            entry = question.entry(entries, plain(answer_fn()), bits=bits, now=now)
            append_entry(self.path, entry)
            self.anchor((*entries, entry))
            return Look(entry, is_new=True, bits_before=before)

    def ask_pass(
        self,
        candidate: str,
        plan: PassPlan,
        dataset: str,
        value_fn: Callable[[], float | None],
        *,
        now: datetime,
    ) -> Look:
        """Ask whether a candidate reaches the plan's bar; nothing else is told.

        Args:
            candidate: Digest of the bundle; asked again, it is answered from the ledger and is not counted.
            plan: The same for every question of its registration over this data set.
            dataset: Digest of the sealed table.
            value_fn: Opens the labels and gives the metric's exact value, None where it does not apply;
                called only for a new question. The value is compared here and is not kept.
            now: Time of the entry.

        Returns:
            A look whose `passed` is the answer.

        Raises:
            MeteredError: The plan was changed, its questions or passes are used up, its price is more than
                what is left, or the bits are spent; `value_fn` was not called.
            IntegrityError: The ledger was tampered with.
        """
        question = _Question(candidate, plan.digest, dataset, plan.terms)
        with locked(self.path):
            entries = repair_tail(self.path, self._seen)
            require_same_terms(entries, dataset, plan.terms)
            known = question.answered(entries)
            if known:
                self.anchor(entries)
                return known
            before = _bits_of(entries, dataset)
            series = question.series(entries)
            require_question_left(series, plan)
            if series:
                self._require_bits(before)
            else:
                self._require_price(plan, before)
            answer = {PASSED: plan.is_pass(value_fn())}
            entry = question.entry(entries, answer, bits=plan.bits_of(len(series) + 1), now=now)
            append_entry(self.path, entry)
            self.anchor((*entries, entry))
            return Look(entry, is_new=True, bits_before=before)

    def _require_bits(self, spent: float) -> None:
        if spent >= self.max_bits and spent > 0:
            raise MeteredError(
                f"the sealed test set may reveal {self.max_bits:.1f} bits and has revealed {spent:.1f}; "
                "label a fresh one (the old one may then be added to dev), or raise [quality] cert_bits "
                "knowingly"
            )

    def _require_price(self, plan: PassPlan, spent: float) -> None:
        left = max(self.max_bits - spent, 0.0)
        if plan.bits > left:
            raise MeteredError(
                f"a plan of {plan.questions} questions with up to {plan.passes} passes costs "
                f"{plan.bits:.1f} bits and {left:.1f} are left; allow fewer passes or questions, or label a "
                "fresh cert set"
            )


@dataclass(frozen=True)
class _Question:
    candidate: str
    preregistration: str
    dataset: str
    terms: Mapping[str, Any]

    def answered(self, entries: Sequence[LedgerEntry]) -> Look | None:
        """The look that already answered it."""
        wanted = (self.candidate, self.preregistration, self.dataset)
        for entry in entries:
            if (entry.candidate, entry.preregistration, entry.dataset) == wanted:
                return Look(entry, is_new=False, bits_before=_bits_of(entries[: entry.seq - 1], self.dataset))
        return None

    def series(self, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        """All entries of its pre-registration over its data set."""
        wanted = (self.preregistration, self.dataset)
        return [entry for entry in entries if (entry.preregistration, entry.dataset) == wanted]

    def entry(
        self, before: Sequence[LedgerEntry], answer: Answer, *, bits: float, now: datetime
    ) -> LedgerEntry:
        """The entry that follows."""
        bare = LedgerEntry(
            seq=len(before) + 1,
            previous=before[-1].digest if before else GENESIS,
            time=now.isoformat(),
            candidate=self.candidate,
            preregistration=self.preregistration,
            dataset=self.dataset,
            answer=answer,
            bits=float(bits),
            digest="",
            terms=self.terms,
        )
        return replace(bare, digest=digest_value(bare.facts))


def _bits_of(entries: Sequence[LedgerEntry], dataset: str) -> float:
    return math.fsum(entry.bits for entry in entries if entry.dataset == dataset)


def open_ledger(
    path: Path, *, max_bits: float | None = None, delta: float = 0.05, anchor: Anchor = no_anchor
) -> Ledger:
    """The ledger at a path, checked; an absent file is an empty ledger.

    Args:
        path: A JSON-lines file; beside it stand `<name>.head` and `<name>.lock`.
        max_bits: The limit; None for `default_max_bits(delta)`.
        delta: Chance that the bound does not hold.
        anchor: Keeps the entries elsewhere.

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
        require_rules_kept(repair_tail(path), path.name)
    return Ledger(path, limit, anchor)


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
    require_rules_kept(entries, path.name)
    return entries


def clock_notes(entries: Sequence[LedgerEntry]) -> tuple[str, ...]:
    """A sentence for each entry dated before one that it follows; their order is that of the chain."""
    notes: list[str] = []
    latest: LedgerEntry | None = None
    for entry in entries:
        if latest is not None and _moment(entry) < _moment(latest):
            notes.append(
                f"entry {entry.seq} is dated {entry.time} and follows entry {latest.seq} of {latest.time}: "
                "the clock was set back; the order of entries is certain, their times are what the clock said"
            )
        else:
            latest = entry
    return tuple(notes)


def _moment(entry: LedgerEntry) -> datetime:
    """Times without a zone are read as UTC."""
    moment = datetime.fromisoformat(entry.time)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
