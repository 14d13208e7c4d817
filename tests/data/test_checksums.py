"""Laws of check digits: generated numbers are valid, one changed digit is not; published examples hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.checksums import (
    IBAN_LENGTHS,
    is_brazilian_id,
    is_card_number,
    is_finnish_id,
    is_french_id,
    is_iban,
    is_italian_id,
    is_spanish_id,
    passes_luhn,
)

# Numbers that issuers and payment services publish for tests.
TEST_CARDS = [
    "4111111111111111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "3566002020360505",
    "6200000000000005",
    "6759649826438453",
]
# Examples of the IBAN registry.
TEST_IBANS = [
    "GB29NWBK60161331926819",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "BR1800360305000010009795493C1",
    "LC55HEMM000100010012001200023015",
]


def luhn_digit(digits: str) -> str:
    return next(digit for digit in "0123456789" if passes_luhn(digits + digit))


def with_iban_check(country: str, rest: str) -> str:
    number = int("".join(str(int(sign, 36)) for sign in rest + country + "00"))
    return f"{country}{98 - number % 97:02}{rest}"


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


cards = st.sampled_from(
    [("4", 16), ("51", 16), ("2720", 16), ("34", 15), ("36", 14), ("6011", 16), ("62", 19)]
)
cards = cards.flatmap(
    lambda issuer: digits(issuer[1] - len(issuer[0]) - 1).map(lambda rest: issuer[0] + rest)
)
cards = cards.map(lambda number: number + luhn_digit(number))
ibans = st.sampled_from(sorted(IBAN_LENGTHS)).flatmap(
    lambda country: st.text(
        "0123456789ABCXYZ", min_size=IBAN_LENGTHS[country] - 4, max_size=IBAN_LENGTHS[country] - 4
    ).map(lambda rest: with_iban_check(country, rest))
)


def changed(code: str, at: int, by: int) -> str:
    return code[:at] + str((int(code[at]) + by) % 10) + code[at + 1 :]


@given(cards)
def test_a_made_card_number_is_valid(number):
    assert is_card_number(number)


@given(cards, st.data())
def test_a_card_number_with_one_changed_digit_is_not(number, data):
    at = data.draw(st.integers(0, len(number) - 1))
    assert not is_card_number(changed(number, at, data.draw(st.integers(1, 9))))


@given(ibans)
def test_a_made_iban_is_valid_in_either_case(code):
    assert is_iban(code)
    assert is_iban(code.lower())


@given(ibans, st.data())
def test_an_iban_with_one_changed_digit_is_not(code, data):
    at = data.draw(st.sampled_from([at for at, sign in enumerate(code) if sign.isdigit()]))
    assert not is_iban(changed(code, at, data.draw(st.integers(1, 9))))


@given(ibans, st.sampled_from("0A"))
def test_an_iban_of_another_length_is_not(code, extra):
    assert not is_iban(code[:-1])
    assert not is_iban(code + extra)


@pytest.mark.parametrize("number", TEST_CARDS)
def test_published_test_cards_are_card_numbers(number):
    assert is_card_number(number)


@pytest.mark.parametrize("code", TEST_IBANS)
def test_the_registry_s_examples_are_ibans(code):
    assert is_iban(code)


@pytest.mark.parametrize(
    "number", ["356938035643809", "4006381333931", "1589349912345678", "9999999999999995"]
)
def test_device_article_and_serial_numbers_are_no_cards(number):
    assert not is_card_number(number)


@pytest.mark.parametrize(
    ("is_valid", "codes"),
    [
        (is_spanish_id, ["12345678Z", "X1234567L", "Y1234567X", "Z1234567R"]),
        (is_french_id, ["255081416802538", "180126955222380"]),
        (is_italian_id, ["RSSMRA85T10A562S", "MRTMTT91D08F205J"]),
        (is_finnish_id, ["131052-308T", "010594Y9032"]),
        (is_brazilian_id, ["52998224725", "11144477735"]),
    ],
)
def test_published_examples_of_national_ids_are_valid(is_valid, codes):
    assert all(is_valid(code) for code in codes)


@pytest.mark.parametrize(
    ("is_valid", "form"),
    [
        (is_spanish_id, "ddddddddL"),
        (is_french_id, "1dd0ddddddddddd"),
        (is_brazilian_id, "ddddddddddd"),
        (is_italian_id, "LLLLLLddLddLdddL"),
        (is_finnish_id, "1d0ddd-dddL"),
    ],
)
def test_at_most_one_random_code_in_twenty_is_a_national_id(is_valid, form):
    rng = np.random.default_rng(7)
    letters = "ABCDEFGHJKLMNPRSTUVWXY"
    made = (
        "".join(
            str(rng.integers(10)) if sign == "d" else letters[rng.integers(22)] if sign == "L" else sign
            for sign in form
        )
        for _ in range(4_000)
    )
    assert sum(map(is_valid, made)) <= 4_000 / 20


def test_a_day_that_never_was_is_no_finnish_id():
    assert not is_finnish_id("310252-308T")


def test_one_digit_eleven_times_is_no_brazilian_id():
    assert not is_brazilian_id("11111111111")
