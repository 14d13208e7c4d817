"""Laws of personal data: planted values are found anywhere, one changed digit is not, values stay masked."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.checksums import IBAN_LENGTHS, passes_luhn
from smallcraft.data.personal import KINDS, LIKELY, find_personal_data

FOUND = [
    ("card", "paid with 4242 4242 4242 4242 exp 12/27"),
    ("card", "4242 4242 4242 4242 0"),
    ("card", "order 12 4111-1111-1111-1111"),
    ("card", "3782 822463 10005"),
    ("card", "４２４２ ４２４２ ４２４２ ４２４２"),
    ("iban", "to DE89 3704 0044 0532 0130 00 please"),
    ("iban", "gb29nwbk60161331926819"),
    ("email", "write to Jane.Doe+x@mail.co.uk."),
    ("email", "<jürgen@müller.example>, thanks"),
    ("email", "...jane@mail.example--now"),
    ("phone", "call +1 (415) 555-2671"),
    ("phone", "（415）555-2671"),
    ("national_id", "DNI 12345678Z"),
    ("national_id", "12345678-Z"),
    ("national_id", "RSSMRA85T10A562S"),
    ("national_id", "hetu 131052-308T"),
    ("national_id", "CPF 529.982.247-25"),
    ("national_id", "2 55 08 14 168 025 38"),
    ("national_id", "my SSN is 123-45-6789"),
    ("ip_address", "from 81.2.69.142 at noon"),
]
CLEAN = [
    "order 4242424242424243",
    "ISBN 978-3-16-148410-0, EAN 4006381333931, IMEI 356938035643809",
    "logo@2x.png at foo@bar",
    "@someone said so @ 10.30",
    "1.2.3.4 and version 81.2.69.142 and 192.168.100.200 and 999.81.2.69",
    "123-45-6789",
    "12345678A",
    "529.982.247-24",
    "be10 some more here",
    "DE89 3704 0044 0532 0130 01",
    "424242424242424242420",
    "0.4242424242424242",
]

filler = st.text(alphabet="abz éß中!?,;\n", max_size=20)


def kinds_in(text: str) -> set[str]:
    return {value.kind for value in find_personal_data(text)}


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_a_planted_value_is_found_as_its_kind_only(kind, text):
    assert kinds_in(text) == {kind}


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_one_is_left_alone(text):
    assert find_personal_data(text) == ()


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


@st.composite
def written_cards(draw) -> str:
    number = "4" + draw(digits(14))
    number += next(digit for digit in "0123456789" if passes_luhn(number + digit))
    return draw(st.sampled_from(["", " ", "-"])).join(re.findall("....", number))


@st.composite
def written_ibans(draw) -> str:
    country = draw(st.sampled_from(sorted(IBAN_LENGTHS)))
    rest = draw(digits(IBAN_LENGTHS[country] - 4))
    code = int("".join(str(int(sign, 36)) for sign in rest + country + "00"))
    code = f"{country}{98 - code % 97:02}{rest}"
    return draw(st.sampled_from(["", " ", "-"])).join(re.findall(".{1,4}", code))


@given(filler, written_cards(), filler)
def test_a_made_card_is_found_anywhere(before, card, after):
    assert "card" in kinds_in(f"{before} {card} {after}")


@given(filler, written_ibans(), filler)
def test_a_made_iban_is_found_anywhere(before, iban, after):
    assert "iban" in kinds_in(f"{before} {iban} {after}")


@given(st.data(), st.integers(1, 9), st.sampled_from(["card", "iban"]))
def test_one_changed_digit_is_not_found(data, by, kind):
    text = data.draw(written_cards() if kind == "card" else written_ibans())
    at = data.draw(st.sampled_from([at for at, sign in enumerate(text) if sign.isdigit()]))
    changed = text[:at] + str((int(text[at]) + by) % 10) + text[at + 1 :]
    assert kind not in kinds_in(f"see {changed} here")


@given(st.text(max_size=60) | st.text(alphabet="0123456789 -+().@/ab:", max_size=60))
def test_any_text_can_be_searched_and_only_the_cheap_patterns_matches_are(text):
    plain = unicodedata.normalize("NFKC", text)
    for kind in kinds_in(text):
        assert re.search(LIKELY[kind], plain)


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_a_value_is_told_masked(kind, text):
    for value in find_personal_data(text):
        assert value.masked not in text
        assert "*" in value.masked
        assert sum(sign.isdigit() for sign in value.masked) <= 4


def test_masks_keep_enough_to_find_the_value_again():
    assert [value.masked for value in find_personal_data("jane@mail.example 4242424242424242")] == [
        "**** 4242",
        "j***@m***.example",
    ]


def test_only_the_kinds_asked_for_are_looked_for():
    text = "jane@mail.example 4242424242424242"
    assert {value.kind for value in find_personal_data(text, kinds={"email"})} == {"email"}


def test_every_kind_has_a_cheap_pattern():
    assert set(LIKELY) == set(KINDS)


@pytest.mark.parametrize(
    "text", ["1 " * 50_000, "a." * 50_000 + "@", "de89 " * 20_000, "+1(" * 30_000, "call me on " * 9_000]
)
def test_long_odd_texts_are_searched_in_one_pass(text):
    assert find_personal_data(text) == ()
