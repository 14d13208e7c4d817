"""A step fills in one more field of each ticket, and what is drawn in one step never moves another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.tickets import FIRST_DAY, label_tickets, plan_tickets, write_messages

ROWS = 1000


@pytest.fixture(scope="module")
def steps():
    book = load_phrasebook()
    planned = plan_tickets(book, 7, ROWS)
    written = write_messages(planned, book, 7)
    return planned, written, label_tickets(written, book, 7)


def test_each_step_fills_in_its_own_field_and_leaves_the_others(steps):
    planned, written, labelled = steps
    assert len(planned) == len(written) == len(labelled) == ROWS
    assert {ticket.message for ticket in planned} == {""}
    assert [replace(ticket, message="") for ticket in written] == planned
    assert [replace(ticket, label="") for ticket in labelled] == written
    assert all(ticket.message and ticket.label for ticket in labelled)


def test_tickets_come_in_order_of_time_within_twelve_weeks(steps):
    times = [ticket.occasion.when for ticket in steps[0]]
    assert times == sorted(times)
    assert times[0] >= FIRST_DAY
    assert all(ticket.week == 1 + (ticket.occasion.when - FIRST_DAY).days // 7 for ticket in steps[0])
    assert {ticket.week for ticket in steps[0]} == set(range(1, 13))


def test_a_copy_has_its_originals_intent_and_region_and_another_customer(steps):
    planned = steps[0]
    copies = [ticket for ticket in planned if ticket.copy is not None]
    assert copies
    for ticket in copies:
        original = planned[ticket.copy.of].occasion
        assert ticket.occasion.intent == original.intent
        assert ticket.occasion.customer.region == original.customer.region
        assert ticket.occasion.customer.key != original.customer.key


def test_another_seed_of_the_words_leaves_the_occasions_alone(steps):
    book = load_phrasebook()
    other = write_messages(steps[0], book, 8)
    assert [ticket.occasion for ticket in other] == [ticket.occasion for ticket in steps[1]]
    assert [ticket.message for ticket in other] != [ticket.message for ticket in steps[1]]
