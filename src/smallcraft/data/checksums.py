"""Numbers that prove themselves: payment cards, IBANs and national ids by length, issuer and check digits.

Finding them in a text belongs to `data.personal`.
Always: one changed digit makes a valid card or IBAN invalid.
National ids are those whose form and check let at most one random code in twenty pass.
"""

from __future__ import annotations

import re
from datetime import date

# Issuers by first digits and length. Visa's 13 digits are left out: nobody issues them any more, and an
# article number (EAN-13) has as many.
_CARD = re.compile(
    r"4\d{15}(?:\d{3})?"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:30[0-5]\d|3095|36\d\d|3[89]\d\d)\d{10}(?:\d{2}|\d{5})?"
    r"|(?:352[89]|35[3-8]\d|6011|64[4-9]\d|65\d\d|62\d\d)\d{12,15}"
    r"|(?:50(?:18|20|38)|5893|6304|67(?:59|6[1-3]))\d{12,15}"
)
_DOUBLED = str.maketrans("0123456789", "0246813579")

# Country and number of characters, from the registry of ISO 13616.
_IBAN_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS: dict[str, int] = {entry[:2]: int(entry[2:]) for entry in _IBAN_REGISTRY.split()}

_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_FINNISH_SIGNS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_FINNISH_CENTURIES = {"+": 1800, **dict.fromkeys("-UVWXY", 1900), **dict.fromkeys("ABCDEF", 2000)}
# What a letter or digit at an odd place counts in an Italian tax code, in order 0-9 (as A-J), then A-Z.
_ITALIAN_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is right by the Luhn rule (ISO/IEC 7812-1, annex B).

    >>> passes_luhn("79927398713"), passes_luhn("79927398710")
    (True, False)
    """
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2] + doubled)) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Whether digits are a payment card's: a known issuer, its length, and the Luhn digit.

    >>> is_card_number("4242424242424242"), is_card_number("4242424242424243")
    (True, False)
    """
    return _CARD.fullmatch(digits) is not None and passes_luhn(digits)


def is_iban(code: str) -> bool:
    """Whether letters and digits without spaces are an IBAN: its country's length, and remainder 1 by 97.

    >>> is_iban("GB82WEST12345698765432"), is_iban("GB82WEST12345698765433")
    (True, False)
    """
    code = code.upper()
    if len(code) != IBAN_LENGTHS.get(code[:2]) or not "02" <= code[2:4] <= "98":
        return False
    return _remainder_97(code[4:] + code[:4]) == 1


def _remainder_97(code: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in code)) % 97


def is_spanish_id(code: str) -> bool:
    """A DNI or NIE: seven or eight digits, the letter of the remainder by 23.

    >>> is_spanish_id("12345678Z"), is_spanish_id("12345678A")
    (True, False)
    """
    number = code[:-1].translate(str.maketrans("XYZ", "012"))
    return _SPANISH_LETTERS[int(number) % 23] == code[-1]


def is_french_id(digits: str) -> bool:
    """A social security number (NIR): sex, a month, and two digits that complete to 97.

    >>> is_french_id("255081416802538"), is_french_id("255081416802539")
    (True, False)
    """
    has_month = 1 <= int(digits[3:5]) <= 12 or 20 <= int(digits[3:5]) <= 42
    return digits[0] in "12" and has_month and (int(digits[:13]) + int(digits[13:])) % 97 == 0


def is_italian_id(code: str) -> bool:
    """A tax code (codice fiscale) of 16 signs: the last one follows from the others.

    >>> is_italian_id("RSSMRA85T10A562S"), is_italian_id("RSSMRA85T10A562T")
    (True, False)
    """
    values = [int(sign) if sign.isdigit() else ord(sign) - ord("A") for sign in code[:15]]
    total = sum(_ITALIAN_ODD[value] if at % 2 == 0 else value for at, value in enumerate(values))
    return chr(ord("A") + total % 26) == code[15]


def is_finnish_id(code: str) -> bool:
    """An identity code (henkilötunnus): a day that was, and the sign of the remainder by 31.

    >>> is_finnish_id("131052-308T"), is_finnish_id("131052-308U")
    (True, False)
    """
    try:
        date(_FINNISH_CENTURIES[code[6]] + int(code[4:6]), int(code[2:4]), int(code[:2]))
    except ValueError:
        return False
    return _FINNISH_SIGNS[int(code[:6] + code[7:10]) % 31] == code[10]


def is_brazilian_id(digits: str) -> bool:
    """A tax number (CPF) of 11 digits, the last two by weights; not one digit eleven times.

    >>> is_brazilian_id("52998224725"), is_brazilian_id("52998224724")
    (True, False)
    """
    values = [int(digit) for digit in digits]
    for length in (9, 10):
        total = sum(value * (length + 1 - at) for at, value in enumerate(values[:length]))
        if values[length] != total * 10 % 11 % 10:
            return False
    return len(set(values)) > 1
