"""Laws of phone numbers: written as one, or announced as one; order numbers, dates and prices never."""

from __future__ import annotations

import re

import numpy as np
import pytest

from smallcraft.data.phones import LIKELY_PHONE, find_phone_numbers

NUMBERS = [
    "+1 (415) 555-2671",
    "+14155552671",
    "+44 20 7946 0958",
    "+44 (0)20 7946 0958",
    "+49 170 1234567",
    "+49 (0)30 901820",
    "+33 6 12 34 56 78",
    "+39 06 6982",
    "+91 98765 43210",
    "+86 138 0013 8000",
    "+971 50 123 4567",
    "(415) 555-2671",
    "415-555-2671",
    "1-800-555-2671",
    "020 7946 0958",
    "07911 123456",
    "06 12 34 56 78",
    "01.42.68.53.00",
    "0171/1234567",
    "0151-23456789",
    "(11) 91234-5678",
    "06-12345678",
    "0412 345 678",
    "090-1234-5678",
]
ANNOUNCED = [
    "phone: 5551234567",
    "my phone number is 555 867 5309",
    "Tel. 030 901820",
    "Telefonnummer 0171 1234567",
    "móvil 612345678",
    "call me on 5551234567",
    "text us back at 555 123 4567",
    "WhatsApp 612 345 678",
]
OTHERS = [
    "order 1234567890123",
    "order number 07123456789",
    "ticket 123-456-789",
    "invoice 030-1234567",
    "2026-01-31 14:05:00",
    "31.01.2026 14:05",
    "call me on 2026-01-31 14:05",
    "call me at 31.12.2026",
    "$1,234,567.89",
    "+10.000.000",
    "1000 +20000000",
    "+12345678",
    "from 2019 to 2024 and 2025",
    "123 456 7890",
    "100-200-3000",
    "ticket-415-555-2671-x",
    "978-3-16-148410-0",
    "550e8400-e29b-41d4-a716-446655440000",
    "lotto 03 12 23 34 45 49",
    "12.5 13.5 14.5 15.5",
    "192.168.100.200",
    "https://shop.example/415-555-2671",
    "call me on monday",
]


def found(text: str) -> list[str]:
    return [number.text for number in find_phone_numbers(text)]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_a_known_form_is_found_whole(number):
    for text in (number, f"reach us under {number}, any day.", f"({number})"):
        assert number in found(text) or number.strip("()") in found(text)


@pytest.mark.parametrize("text", ANNOUNCED)
def test_digits_after_a_word_for_phone_are_a_number(text):
    assert found(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_are_no_phone_numbers(text):
    assert found(text) == []


def test_a_number_ends_where_the_next_one_begins():
    assert found("+44 20 7946 0958 12 items") == ["+44 20 7946 0958"]


@pytest.mark.parametrize("text", [*NUMBERS, *ANNOUNCED])
def test_the_cheap_pattern_misses_no_number(text):
    assert re.search(LIKELY_PHONE, text)


def test_random_order_numbers_and_times_are_never_phone_numbers():
    rng = np.random.default_rng(5)
    for _ in range(2_000):
        order = rng.integers(10**6, 10**15)
        day = f"20{rng.integers(10, 30)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"
        assert found(f"order {order} of {day} 10:{rng.integers(60):02}, {rng.integers(10**6)}.99 EUR") == []
