"""Builds the rows step by step: who writes when about what, then the words, then the given label.

What is planted comes from `faults`; frames and files belong to `corpus`.
Always: tickets are sorted by time, and a step fills in one more field of each without reordering them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.faults import (
    WEEKS,
    Copy,
    copy_message,
    plan_copies,
    plan_new_product,
    plan_wrong_labels,
    wrong_label,
)
from smallcraft.demo.helpdesk.intents import Intent, Phrasebook
from smallcraft.demo.helpdesk.noise import normalise
from smallcraft.demo.helpdesk.people import Customer, customers_for, invent_customers
from smallcraft.demo.helpdesk.writer import BIASED_REGION, Occasion, Writer

FIRST_DAY = datetime(2026, 1, 5)  # a Monday; the corpus has local times without a zone

_DAY_WEIGHTS = (20, 19, 18, 17, 15, 6, 5)
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 15, 12, 14, 16, 16, 14, 11, 9, 8, 7, 5, 3, 2)
_TRIES = 500
_DIGITS_ALIKE = str.maketrans("123456789", "000000000")

# Streams of one seed: what draws from one of them never moves another.
_TIMES, _PEOPLE, _FAULTS, _WORDS, _LABELS = range(5)


@dataclass(frozen=True)
class Ticket:
    """One row on its way: the occasion first, then the message, then the given label."""

    occasion: Occasion
    week: int
    message: str = ""
    label: str = ""
    copy: Copy | None = None


def plan_tickets(book: Phrasebook, seed: int, rows: int, *, last_week: int = WEEKS) -> list[Ticket]:
    """Who writes when about what, in order of time; nothing is written yet.

    Args:
        book: What may be written about.
        seed: See `corpus.generate`.
        rows: See `corpus.generate`.
        last_week: Of the export that copies leak in.
    """
    people, faults = Dice(seed, _PEOPLE), Dice(seed, _FAULTS)
    times = _draw_times(rows, Dice(seed, _TIMES))
    weeks = [1 + (when - FIRST_DAY).days // 7 for when in times]
    customers = invent_customers(customers_for(rows), book, people)
    copies = plan_copies(weeks, faults, last_week=last_week)
    about_new_product = plan_new_product(weeks, copies, faults)
    tickets = list[Ticket]()
    for row, (when, week) in enumerate(zip(times, weeks, strict=True)):
        is_new = row in about_new_product
        intent = _draw_intent(book, is_new_product=is_new, dice=people)
        occasion = Occasion(intent, people.pick_early(customers), when, is_new)
        tickets.append(Ticket(occasion, week, copy=copies.get(row)))
    return [_as_copy(ticket, tickets, customers, people) for ticket in tickets]


def _draw_times(rows: int, dice: Dice) -> list[datetime]:
    """Sorted times over twelve weeks, busiest on Monday and in office hours."""
    days, hours = range(7), range(24)
    return sorted(
        FIRST_DAY
        + timedelta(
            days=7 * dice.below(WEEKS) + dice.pick_weighted(days, _DAY_WEIGHTS),
            hours=dice.pick_weighted(hours, _HOUR_WEIGHTS),
            seconds=dice.below(3600),
        )
        for _ in range(rows)
    )


def _draw_intent(book: Phrasebook, *, is_new_product: bool, dice: Dice) -> Intent:
    choice = [i for i in book.intents if i.launch] if is_new_product else book.intents
    return dice.pick_weighted(choice, [intent.weight for intent in choice])


def _as_copy(ticket: Ticket, tickets: list[Ticket], customers: tuple[Customer, ...], dice: Dice) -> Ticket:
    """A copy has its original's intent and region, and comes under another customer's key."""
    if ticket.copy is None:
        return ticket
    original = tickets[ticket.copy.of].occasion
    writer = original.customer
    while writer.key == original.customer.key or writer.region != original.customer.region:
        writer = dice.pick(customers)
    return replace(ticket, occasion=replace(ticket.occasion, intent=original.intent, customer=writer))


def write_messages(tickets: list[Ticket], book: Phrasebook, seed: int) -> list[Ticket]:
    """No two bodies are alike but for digits and form, except in the planted copies."""
    dice = Dice(seed, _WORDS)
    writer, seen = Writer(book, dice), set[str]()
    written = list[Ticket]()
    for ticket in tickets:
        if ticket.copy is None:
            message = _write_unseen(ticket.occasion, writer, seen)
        else:
            message = copy_message(written[ticket.copy.of].message, ticket.copy.kind, dice)
        written.append(replace(ticket, message=message))
    return written


def _write_unseen(occasion: Occasion, writer: Writer, seen: set[str]) -> str:
    for _ in range(_TRIES):
        message = writer.write(occasion)
        key = normalise(message.body).translate(_DIGITS_ALIKE)
        if key not in seen:
            seen.add(key)
            return message.text
    raise AssertionError(f"the phrasebook has too little variety for {occasion.intent.name}")


def label_tickets(tickets: list[Ticket], book: Phrasebook, seed: int) -> list[Ticket]:
    """The given label: the true one, except where a wrong one is planted."""
    dice = Dice(seed, _LABELS)
    copies = {row: ticket.copy for row, ticket in enumerate(tickets) if ticket.copy is not None}
    is_biased = [ticket.occasion.customer.region == BIASED_REGION for ticket in tickets]
    wrong = plan_wrong_labels(is_biased, copies, dice)
    return [
        replace(
            ticket,
            label=wrong_label(ticket.occasion.intent, book, dice)
            if row in wrong
            else ticket.occasion.intent.name,
        )
        for row, ticket in enumerate(tickets)
    ]
