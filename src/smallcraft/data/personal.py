"""Finds personal data inside one text: e-mail, phone, payment card, IBAN, national id, internet address.

Check digits belong to `data.checksums`, phone numbers to `data.phones`.
Always: a value is told masked, never in full; each stretch of text counts as one kind only.
Not covered: names, postal addresses, and ids without a check digit (but a US social security number that is
announced as one).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from smallcraft.data.checksums import (
    IBAN_LENGTHS,
    is_brazilian_id,
    is_card_number,
    is_finnish_id,
    is_french_id,
    is_iban,
    is_italian_id,
    is_spanish_id,
)
from smallcraft.data.phones import LIKELY_PHONE, find_phone_numbers

Span = tuple[int, int]
_TAKEN = "\0"

_EMAIL = re.compile(
    r"(?<![\w%+-])\w[\w.%+'-]{0,63}@(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?P<top>[^\W\d_]{2,24}))"
    r"(?![\w@]|[.-]\w)"
)
# "logo@2x.png": a file, not a mailbox.
_FILE_ENDINGS = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "html", "pdf"}
)
# At each start: all digits together, or groups of 4 (and the rest of long numbers), 4-6-4, 4-6-5.
_CARD = re.compile(
    r"(?<![\w.,/+-])"
    r"(?=(?P<core>\d{14,19}|\d{4}(?P<by>[ -])(?:\d{4}(?P=by)\d{4}(?P=by)\d{4}|\d{6}(?P=by)\d{4,5}))"
    r"(?P<rest>(?P=by)\d{2,3})?(?![\w-]|[.,]\d))"
)
_IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
_IPV4 = re.compile(r"(?<![\w.-])(?<!\bv )(?<!version )\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IDS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"(?<![\w-])(?:\d{8}|[XYZ]\d{7})-?[A-Z](?![\w-])"), is_spanish_id),
    (re.compile(r"(?<![\w-])[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z](?![\w-])"), is_italian_id),
    (re.compile(r"(?<![\w-])\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y](?![\w-])"), is_finnish_id),
    (re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w-])"), is_brazilian_id),
    (re.compile(r"(?<![\w.-])[12] ?\d\d ?\d\d ?\d\d ?\d{3} ?\d{3} ?\d\d(?![\w.-])"), is_french_id),
)
_US_ID = re.compile(
    r"(?i)(?<!\w)(?:ssn|social security(?: number| no)?)(?!\w)\W{0,3}(?:is|:|#)?\W{0,2}"
    r"(?P<number>(?!000|666|9)\d{3}[ -]?(?!00)\d\d[ -]?(?!0000)\d{4})(?!\d)"
)


@dataclass(frozen=True)
class PersonalValue:
    """One value of a text: its kind, and a form that does not tell it."""

    kind: str
    masked: str


def find_personal_data(text: str, *, kinds: Collection[str] | None = None) -> tuple[PersonalValue, ...]:
    """Every personal value of a text, kind by kind in the order of `KINDS`.

    Args:
        text: Full-width digits and odd spaces in it are read as plain ones.
        kinds: Which kinds to look for; None for all.

    >>> find_personal_data("I am jane.doe@mail.example, card 4242 4242 4242 4242")
    (PersonalValue(kind='card', masked='**** 4242'), PersonalValue(kind='email', masked='j***@m***.example'))
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found = []
    for kind, (search, mask) in _SEARCHES.items():
        if kinds is not None and kind not in kinds:
            continue
        for start, end in sorted(set(search(text))):
            value = text[start:end]
            if _TAKEN not in value:
                found.append(PersonalValue(kind, mask(value)))
                text = text[:start] + _TAKEN * (end - start) + text[end:]
    return tuple(found)


def _search_ibans(text: str) -> Iterator[Span]:
    for head in _IBAN_HEAD.finditer(text):
        length = IBAN_LENGTHS.get(head.group()[:2].upper())
        if length is None:
            continue
        groups = "".join(rf"{{0}}[A-Za-z0-9]{{{{{size}}}}}" for size in _fours(length - 4))
        for between in ("", " ", "-"):
            found = re.compile(groups.format(between) + "(?![A-Za-z0-9])").match(text, head.end())
            if found and is_iban(re.sub("[ -]", "", text[head.start() : found.end()])):
                yield head.start(), found.end()


def _fours(length: int) -> list[int]:
    return [4] * (length // 4) + ([length % 4] if length % 4 else [])


def _search_cards(text: str) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        for end in {found.end("rest"), found.end("core")} - {-1}:
            if is_card_number(re.sub("[ -]", "", text[found.start("core") : end])):
                yield found.start("core"), end


def _search_ids(text: str) -> Iterator[Span]:
    for pattern, is_valid in _IDS:
        for found in pattern.finditer(text):
            code = found.group()
            plain = code if is_valid is is_finnish_id else re.sub(r"[ .-]", "", code)
            if is_valid(plain):
                yield found.span()
    for found in _US_ID.finditer(text):
        yield found.span("number")


def _search_emails(text: str) -> Iterator[Span]:
    for found in _EMAIL.finditer(text) if "@" in text else ():
        if found["top"].lower() not in _FILE_ENDINGS:
            yield found.span()


def _search_phones(text: str) -> Iterator[Span]:
    for number in find_phone_numbers(text):
        yield number.start, number.end


def _search_addresses(text: str) -> Iterator[Span]:
    """Public IPv4 addresses; one made of single digits is more often a version."""
    for found in _IPV4.finditer(text):
        parts = found.group().split(".")
        is_address = all(int(part) <= 255 and str(int(part)) == part for part in parts)
        if (
            is_address
            and any(len(part) > 1 for part in parts)
            and ipaddress.ip_address(found.group()).is_global
        ):
            yield found.span()


def _mask_email(value: str) -> str:
    name, _, domain = value.partition("@")
    return f"{name[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"


def _mask_card(value: str) -> str:
    return f"**** {value[-4:]}"


def _mask_iban(value: str) -> str:
    return f"{value[:2]}** **** {value[-2:]}"


def _mask_end(value: str) -> str:
    return f"*** {value[-2:]}"


def _mask_address(value: str) -> str:
    return f"{value.partition('.')[0]}.*.*.*"


_SEARCHES: Mapping[str, tuple[Callable[[str], Iterator[Span]], Callable[[str], str]]] = {
    "iban": (_search_ibans, _mask_iban),
    "card": (_search_cards, _mask_card),
    "national_id": (_search_ids, _mask_end),
    "email": (_search_emails, _mask_email),
    "phone": (_search_phones, _mask_end),
    "ip_address": (_search_addresses, _mask_address),
}
KINDS = tuple(_SEARCHES)
# What every text that holds a kind matches once it is normalised (NFKC), without looking around.
LIKELY: Mapping[str, str] = {
    "iban": r"[A-Za-z]{2}\d\d[ -]?[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{3}",
    "card": r"\d(?:[ -]?\d){13}",
    "national_id": r"\d{7}-?[A-Z]|[A-Z]{6}\d\d[A-Z]\d\d|\d{6}[-+A-Z]\d{3}|\d{3}\.\d{3}\.\d{3}-\d\d"
    r"|[12](?: ?\d){14}|(?i:ssn|social security)\D{0,20}\d{3}",
    "email": r"\w@\w",
    "phone": LIKELY_PHONE,
    "ip_address": r"\d\.\d{1,3}\.\d{1,3}\.\d",
}
