"""A text's language by its script and its most ordinary words: coarse, in microseconds, without a model.

Good for seeing that the mix of languages moves, not for telling what one short text is.
Not covered: languages of Latin script that are not listed (`latin`), and telling apart languages that share
another script (`cyrillic`, `arabic`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

NONE, LATIN = "none", "latin"
_MOST_LETTERS = 100

# Frequent words; one that several languages share votes for each. Of equal languages the first one wins.
_ORDINARY: Mapping[str, str] = {
    "en": "the and is are was i my to of in it you for that with have this what how do can not please we on"
    " a an be as at but by did does from had has he her him his if me no or our out she so than then there"
    " they up us were when where which who why will would your get got need any all very just",
    "de": "der die das und ist ich nicht ein eine zu mit den von für auf wie wir sie es dem bitte mein kann",
    "fr": "le la les et est je ne pas un une des du de que pour avec mon ma vous nous dans sur ce qui ai au",
    "es": "el la los las y es no un una de que en por para con mi se lo como mis del al está qué pero su",
    "it": "il la lo gli e è non un una di che in per con mio mia si come del della sono questo ho le ma",
    "pt": "o a os as e é não um uma de que em por para com meu minha se como do da no na está eu mas",
    "nl": "de het een en is ik niet van mijn te in dat met voor op hoe wat kan zijn maar er ze naar bij",
    "sv": "och är jag inte en ett det att som på för med min mitt av har hur kan till den i men om",
    "da": "og er jeg ikke en et det at som på for med min mit af har hvordan kan til den i men om",
    "pl": "i nie w na jest się to że do z jak mi mój moje czy po dla ale co od tak mam proszę",
    "cs": "a je se na to že v z do jak mi můj moje ale co pro jsem není si s by ve prosím",
    "fi": "ja on ei en se että minun miten voi olen mutta kun niin tämä mitä oli jos myös",
    "tr": "ve bir bu için ne mi de da ben benim çok var yok değil nasıl ama ile gibi lütfen",
    "id": "dan yang di saya tidak ini itu untuk dengan apa bagaimana ke dari bisa ada tolong akan",
}
_RANKS = {language: rank for rank, language in enumerate(_ORDINARY)}
_VOTES: dict[str, tuple[str, ...]] = {}
for _language, _words in _ORDINARY.items():
    for _word in _words.split():
        _VOTES[_word] = (*_VOTES.get(_word, ()), _language)

# Where blocks of letters begin, each until the next one.
_BLOCKS: tuple[tuple[int, str], ...] = (
    (0x0000, LATIN),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "armenian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0780, "other"),
    (0x0900, "devanagari"),
    (0x0980, "bengali"),
    (0x0A00, "other"),
    (0x0B80, "tamil"),
    (0x0C00, "other"),
    (0x0E00, "thai"),
    (0x0E80, "other"),
    (0x10A0, "georgian"),
    (0x1100, "korean"),
    (0x1200, "other"),
    (0x1E00, LATIN),
    (0x1F00, "greek"),
    (0x2000, "other"),
    (0x3040, "japanese"),
    (0x3100, "other"),
    (0x3400, "chinese"),
    (0xA000, "other"),
    (0xAC00, "korean"),
    (0xD7B0, "other"),
    (0x20000, "chinese"),
    (0x30000, "other"),
)
_STARTS = [start for start, _ in _BLOCKS]


def language_of(text: str, words: Iterable[str]) -> str:
    """A language such as `en`, a script such as `cyrillic`, `latin` when its words tell nothing, or `none`.

    Args:
        text: As it came.
        words: Of it, in lower case.

    >>> language_of("Wo ist mein Geld", ["wo", "ist", "mein", "geld"]), language_of("12 ?", ["12", "?"])
    ('de', 'none')
    >>> language_of("где деньги", ["где", "деньги"])
    'cyrillic'
    """
    if not text.isascii():
        script = _script_of(text)
        if script != LATIN:
            return script
    votes: dict[str, int] = {}
    for word in words:
        for language in _VOTES.get(word, ()):
            votes[language] = votes.get(language, 0) + 1
    if votes:
        return min(votes, key=lambda language: (-votes[language], _RANKS[language]))
    return LATIN if any(map(str.isalpha, text)) else NONE


def _script_of(text: str) -> str:
    """The script of most letters; Japanese when there is any of its own, whatever it shares with Chinese."""
    counts: dict[str, int] = {}
    for letter in text[:_MOST_LETTERS]:
        if letter.isalpha():
            script = LATIN if letter < "\u0370" else _BLOCKS[bisect_right(_STARTS, ord(letter)) - 1][1]
            counts[script] = counts.get(script, 0) + 1
    if "japanese" in counts and "chinese" in counts:
        return "japanese"
    return min(counts, key=lambda script: (-counts[script], script)) if counts else LATIN
