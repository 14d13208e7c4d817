"""Finds phone numbers in a text: by the plus sign, by a national form, or by a word that announces one.

Always: digits alone are no phone number: an order number, a date, a price or a version needs a word like
"phone" before it to count.
Not covered: national numbers in forms not listed here, without such a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COUNTRY = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|(?:21|22|23|24|25|26|29|35|37|38|42|50|59|67|68|69|80|85|87|88|96|97|99)\d"
)
# Digits after the country code (least, most) where they are fixed narrowly; with it 15 at most (E.164).
_LENGTHS = {"1": (10, 10), "7": (10, 10), "33": (9, 9), "44": (9, 10), "49": (7, 11), "39": (6, 11)}
_OTHER_LENGTHS = (7, 12)
_NORTH_AMERICAN = re.compile(r"[2-9]\d\d[2-9]\d{6}")

_START = r"(?<![\w+.,:/#@-])(?<![\w)] \()"
_END = r"(?![\w@]|[.,:/-]\d)"
_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d(?:[ .()/-]{0,3}\d){7,16}" + _END)
_FORMS = (
    r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}",  # North America
    r"0(?:20 \d{4} \d{4}|1\d1 \d{3} \d{4}|7\d{3} ?\d{3} \d{3}|[17]\d{3} \d{6})",  # United Kingdom
    r"0[1-9](?: \d\d){4}|0[1-9](?:\.\d\d){4}|0[1-9](?:-\d\d){4}",  # France
    r"01[5-7]\d{1,2}[ /-]\d{7,8}|0\d{2,4}/\d{5,8}|\(0\d{2,4}\) ?\d{5,8}",  # Germany
    r"\(\d\d\) 9?\d{4}-\d{4}",  # Brazil
    r"06[ -]\d{8}",  # Netherlands
    r"04\d\d \d{3} \d{3}|\(0[2378]\) \d{4} \d{4}",  # Australia
    r"0[789]0-\d{4}-\d{4}|0[36]-\d{4}-\d{4}",  # Japan
)
_NATIONAL = re.compile(f"{_START}(?:{'|'.join(_FORMS)}){_END}")
_FRENCH = re.compile(_FORMS[2])
_ANOTHER_PAIR = re.compile(r"[ .-]\d\d(?!\d)")
_RUN = re.compile(r"(?<![\d+])\+?\(?\d(?:[ .()/-]{0,2}\d){6,14}" + _END)
_LONGEST_ANNOUNCEMENT = 40
_WORDS = (
    r"(?:tele)?phone|tel|telefon(?:nummer)?|t[ée]l[ée]phone|tel[ée]fono|telefone|mobile|m[óo]vil"
    r"|cell(?:phone)?|handy(?:nummer)?|rufnummer|portable|whatsapp|fax|sms"
    r"|(?:call|ring|text|reach) (?:me|us|him|her|them)(?: back)? (?:on|at)"
)
_ANNOUNCEMENT = re.compile(
    rf"(?i)(?<!\w)(?:{_WORDS})(?!\w)"
    r"(?: ?(?:number|nummer|num|no|nr|is|at|on|ist|est|es|lautet)(?!\w))*[ .:=#-]{0,4}$"
)
# What every text with a phone number matches, without looking around (which Rust's regex cannot).
LIKELY_PHONE = rf"\+\d|{'|'.join(_FORMS)}|(?i:{_WORDS})[^\d]{{0,{_LONGEST_ANNOUNCEMENT}}}\d"
_DATE = re.compile(r"(?:(?:19|20)\d\d[-./]\d{1,2}[-./]\d|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d(?!\d))")


@dataclass(frozen=True)
class PhoneNumber:
    """A number and where it stands in the text."""

    start: int
    end: int
    text: str


def find_phone_numbers(text: str) -> Iterator[PhoneNumber]:
    """Every phone number of a text; one that two rules find comes twice.

    >>> [number.text for number in find_phone_numbers("call +44 20 7946 0958, order 20794609581")]
    ['+44 20 7946 0958']
    """
    for found in _INTERNATIONAL.finditer(text) if "+" in text else ():
        number = _longest_international(found.group())
        if number is not None:
            yield PhoneNumber(found.start(), found.start() + len(number), number)
    for found in _NATIONAL.finditer(text):
        # Six pairs of digits and more are a list.
        if not (_FRENCH.fullmatch(found.group()) and _ANOTHER_PAIR.match(text, found.end())):
            yield PhoneNumber(*found.span(), found.group())
    for found in _RUN.finditer(text):
        before = text[max(0, found.start() - _LONGEST_ANNOUNCEMENT) : found.start()]
        if _ANNOUNCEMENT.search(before) and not _DATE.match(found.group()):
            yield PhoneNumber(*found.span(), found.group())


def _longest_international(run: str) -> str | None:
    """The run, or as much of it up to a space as is a valid number: other numbers may follow it."""
    while run:
        if _is_international(run):
            return run
        run = run.rpartition(" ")[0]
    return None


def _is_international(number: str) -> bool:
    digits = re.sub(r"\D", "", number.replace("(0)", ""))
    code = _COUNTRY.match(digits)
    if code is None or len(digits) > 15:
        return False
    rest = digits[code.end() :]
    if rest.startswith("0") and code.group() != "39":
        return False
    least, most = _LENGTHS.get(code.group(), _OTHER_LENGTHS)
    is_long_enough = least <= len(rest) <= most
    return is_long_enough and (code.group() != "1" or bool(_NORTH_AMERICAN.fullmatch(rest)))
