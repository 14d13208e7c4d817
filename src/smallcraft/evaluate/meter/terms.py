"""What is fixed before the first look at a sealed set: terms in the open, and plans of pass/fail questions.

Terms are a mapping with a number, the registration. Every entry about a data set that carries the same number
has the same terms; so a metric or margin that is changed after a look is refused, and going on with another
one means another number: a new pre-registration that stands in the ledger and pays for its own answers.
A plan allows `questions` answers of which at most `passes` may be passes. Of such series there are
`sum_{i <= passes} C(questions, i)`, so all of it reveals at most the log2 of that; each answer is charged
what it adds to the sum so far.
Always: the charges of a series, however it goes, add up to no more than the plan's price.
Left to others: the file, the budget, who asks (`evaluate.meter.ledger`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from smallcraft.canonical import digest_value, plain
from smallcraft.errors import IntegrityError, InvalidInputError, MeteredError
from smallcraft.evaluate.meter.bits import adaptive_bound, bits_of_passes
from smallcraft.evaluate.meter.chain import LedgerEntry

REGISTRATION = "registration"
PASSED = "passed"
_PLAN = {"metric", "slice", "sense", "bar", "questions", "passes", REGISTRATION}


@dataclass(frozen=True)
class PassPlan:
    """A series of questions that are answered PASS or not, against one bar.

    Attributes:
        metric: What is measured.
        bar: What passes, in the metric's unit.
        questions: How many may be asked, at least 1.
        passes: How many may pass, from 1 to `questions`; the series ends with the last one.
        sense: Which side of the bar passes; a value at the bar does.
        slice: Of which rows.
        registration: Number of the pre-registration; the next one for another plan over the same rows.
    """

    metric: str
    bar: float
    questions: int
    passes: int
    sense: Literal["at_least", "at_most"] = "at_least"
    slice: str = "all"
    registration: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no plan."""
        if not (1 <= self.passes <= self.questions and math.isfinite(self.bar)):
            raise InvalidInputError(
                "a plan needs a finite bar and 1 <= passes <= questions, "
                f"got bar {self.bar}, {self.passes} passes in {self.questions} questions"
            )
        if self.sense not in ("at_least", "at_most"):
            raise InvalidInputError(f"a bar's sense is 'at_least' or 'at_most', got {self.sense!r}")
        require_registration(self.registration)

    @property
    def terms(self) -> Mapping[str, Any]:
        """As its entries carry it."""
        return dict(plain(self))

    @property
    def digest(self) -> str:
        """Of the terms: the pre-registration of its entries."""
        return digest_value(self.terms)

    @property
    def bits(self) -> float:
        """Price of the whole series."""
        return bits_of_passes(self.questions, self.passes)

    def bits_of(self, question: int) -> float:
        """What the answer to a question adds, counted from 1: one bit each up to `passes`, then less."""
        return bits_of_passes(question, self.passes) - bits_of_passes(question - 1, self.passes)

    def is_pass(self, value: float | None) -> bool:
        """Whether a value passes; one that could not be measured does not."""
        if value is None or math.isnan(value):
            return False
        return bool(value >= self.bar if self.sense == "at_least" else value <= self.bar)

    def bound(self, n: int, *, bits_before: float = 0.0, delta: float = 0.05) -> float:
        """How far from the truth a value that passed can lie, for all questions of the plan at once.

        The questions that the answers can lead to are at most `sum_{1 <= j <= passes} C(questions, j)`, so
        one union bound over the plan's price holds for every one of them: what passed is, but for a chance
        of delta, worth at least the bar minus this.

        Args:
            n: Rows.
            bits_before: Revealed about them before the series began.
            delta: Chance that it lies farther.
        """
        return adaptive_bound(n, bits_before + self.bits, delta=delta)


def plan_of(entry: LedgerEntry) -> PassPlan | None:
    """The plan that an entry was asked under; None for an entry of another kind."""
    return PassPlan(**entry.terms) if set(entry.terms) == _PLAN else None


def require_registration(number: object) -> None:
    """Refuse a number that is none.

    Raises:
        InvalidInputError: It is no whole number of at least 1.
    """
    if not (isinstance(number, int) and not isinstance(number, bool) and number >= 1):
        raise InvalidInputError(f"a pre-registration has a whole number from 1 on, got {number!r}; write 1")


def require_same_terms(entries: Sequence[LedgerEntry], dataset: str, terms: Mapping[str, Any]) -> None:
    """Refuse terms that differ from those under which the data set was first asked.

    Args:
        entries: Of the ledger.
        dataset: Digest of the sealed table.
        terms: As they would be written, with their registration.

    Raises:
        MeteredError: They changed; the message says what, since when, and how to go on.
    """
    for entry in entries:
        same_number = entry.terms.get(REGISTRATION) == terms[REGISTRATION]
        if entry.dataset == dataset and same_number and entry.terms != terms:
            last = max(e.terms.get(REGISTRATION, 0) for e in entries if e.dataset == dataset)
            raise MeteredError(
                f"the pre-registration was changed after the first look: entry {entry.seq} of {entry.time} "
                f"has {_changes(entry.terms, terms)}; restore it, or declare pre-registration {last + 1}: "
                "a new question, which is paid for and stands in the record"
            )


def require_question_left(series: Sequence[LedgerEntry], plan: PassPlan) -> None:
    """Refuse a question that the plan does not allow.

    Args:
        series: The entries of the plan over this data set so far.
        plan: The plan.

    Raises:
        MeteredError: All questions were asked, or all passes were given.
    """
    go_on = (
        f"label a fresh cert set, or declare pre-registration {plan.registration + 1}, which pays for itself"
    )
    if len(series) >= plan.questions:
        raise MeteredError(
            f"the plan allows {_count(plan.questions, 'question')}, this would be the "
            f"{_ordinal(len(series) + 1)}; {go_on}"
        )
    given = [entry for entry in series if entry.answer.get(PASSED)]
    if len(given) >= plan.passes:
        raise MeteredError(
            f"the plan allows {_count(plan.passes, 'pass', 'passes')}, and entry {given[-1].seq} was the "
            f"{_ordinal(len(given))}; {go_on}"
        )


def require_rules_kept(entries: Sequence[LedgerEntry], name: str) -> None:
    """Check that entries with terms are what this software would have written.

    Args:
        entries: Of a ledger whose chain holds.
        name: How the ledger is called in messages.

    Raises:
        IntegrityError: Changed terms, a wrong price, or more answers than a plan allows.
    """
    known: dict[tuple[str, object], LedgerEntry] = {}
    asked: dict[tuple[str, str], list[LedgerEntry]] = {}
    for entry in entries:
        if not entry.terms:
            continue
        first = known.setdefault((entry.dataset, entry.terms.get(REGISTRATION)), entry)
        if first.terms != entry.terms:
            changes = _changes(first.terms, entry.terms)
            raise _unruly(entry, name, f"changes pre-registration of entry {first.seq}, which has {changes}")
        plan = _readable_plan(entry, name)
        if plan is not None:
            _require_place(entry, plan, asked.setdefault((entry.dataset, plan.digest), []), name)


def _require_place(entry: LedgerEntry, plan: PassPlan, before: list[LedgerEntry], name: str) -> None:
    try:
        require_question_left(before, plan)
    except MeteredError as error:
        raise _unruly(entry, name, f"should have been refused ({error})") from error
    before.append(entry)
    price = plan.bits_of(len(before))
    if abs(entry.bits - price) > 1e-9:
        raise _unruly(entry, name, f"is charged {entry.bits:g} bits, by its plan it costs {price:g}")
    if entry.preregistration != plan.digest or set(entry.answer) != {PASSED}:
        raise _unruly(entry, name, "is no answer under the plan that it carries")


def _readable_plan(entry: LedgerEntry, name: str) -> PassPlan | None:
    try:
        return plan_of(entry)
    except (InvalidInputError, TypeError) as error:
        raise _unruly(entry, name, "carries terms that are no plan") from error


def _unruly(entry: LedgerEntry, name: str, what: str) -> IntegrityError:
    return IntegrityError(
        f"line {entry.seq} of {name} {what}; it was not written by asking: do not trust the cert scores"
    )


def _changes(first: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in {**first, **now} if first.get(name) != now.get(name)]
    return ", ".join(f"{name} {first.get(name)!r}, not {now.get(name)!r}" for name in names)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _ordinal(number: int) -> str:
    """`51st`, `12th`."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
