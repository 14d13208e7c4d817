"""What a text shows of broken encodings: one kind a text, the worst it has.

Leaves to others: counting (`data.profiles.texts`), naming the words that carry it (`stats.word_odds`).
Not covered: damage that is valid text in some language; mojibake of encodings other than Latin-1 and
Windows-1252.
"""

from __future__ import annotations

import re
from typing import Literal

Damage = Literal["sound", "replaced", "control", "mojibake", "entity", "escaped"]

# UTF-8's trailing bytes as those encodings show them.
_TRAILING = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
# First bytes of common characters: Latin, Cyrillic, Greek; quotes and dashes; emoji; the byte order mark.
_MOJIBAKE = re.compile(f"[ÂÃÄÅÐÑÎÏ][{_TRAILING}]|[âãäåæç][{_TRAILING}]{{2}}|ð[Ÿ\x9f][{_TRAILING}]|ï»¿")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,5});")
_ESCAPED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})")


def damage_of(text: str) -> Damage:
    r"""The worst damage of a text: `sound` for none.

    Args:
        text: As it came.

    >>> damage_of("café"), damage_of("cafÃ©"), damage_of("caf\ufffd"), damage_of("a&nbsp;b")
    ('sound', 'mojibake', 'replaced', 'entity')
    """
    is_plain = text.isascii()
    if not is_plain:
        if "\ufffd" in text:
            return "replaced"
        if _MOJIBAKE.search(text):
            return "mojibake"
    if not text.isprintable() and _CONTROL.search(text):
        return "control"
    if "&" in text and _ENTITY.search(text):
        return "entity"
    return "escaped" if "\\" in text and _ESCAPED.search(text) else "sound"
