"""Composes one message: greeting, context, the request, pressure, closing words; then the noise of typing.

Which intent a row has, and what is planted in it, is decided elsewhere (`faults`, `corpus`).
Always: a message holds exactly one request, however many topics it mentions; it is ASCII unless it is
meant to be messy (an emoji or a name with accents).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.intents import Intent, Phrasebook
from smallcraft.demo.helpdesk.noise import add_typos, drop_words, restyle, swap_words, tidy_spaces
from smallcraft.demo.helpdesk.people import Customer
from smallcraft.demo.helpdesk.template import Template

BIASED_REGION = "south"

_GREETING, _BEFORE, _AFTER, _CLOSER = 350, 180, 220, 350
_ASIDE, _ASIDE_CONFUSABLE = 340, 550
_QUOTED, _SYNONYMS = 260, 700
_EMOJI = 22
_LAUNCH_TEMPLATE = 700
_TYPOS, _TYPOS_BIASED = 25, 240
_SWAPS_BIASED, _DROPS_BIASED = 850, 520
_AMOUNTS = ("{}.{:02d} euro", "${}.{:02d}", "EUR {}.{:02d}", "{},{:02d}", "{}.{:02d}")
_DATES = ("{day} {month}", "{month} {day}", "{day:02d}/{number:02d}", "{day}.{number}.", "{day} {short}")
_MONTHS = {1: "January", 2: "February", 3: "March", 4: "April", 12: "December"}


@dataclass(frozen=True)
class Occasion:
    """What a message is written about, by whom and when."""

    intent: Intent
    customer: Customer
    when: datetime
    is_new_product: bool


@dataclass(frozen=True)
class Message:
    """What was written.

    Attributes:
        text: The whole message.
        body: What it says, without greeting, closing words and letter style.
    """

    text: str
    body: str


class Writer:
    """Writes messages with one stream of choices."""

    def __init__(self, book: Phrasebook, dice: Dice) -> None:
        self._book = book
        self._dice = dice
        self._by_name = {intent.name: intent for intent in book.intents}
        self._needs_hardware = {
            intent.name: tuple(t for t in intent.core if "{hw}" in t.source) for intent in book.intents
        }

    def write(self, occasion: Occasion) -> Message:
        """One message."""
        dice, body = self._dice, " ".join(self._sentences(occasion))
        is_biased = occasion.customer.region == BIASED_REGION
        if is_biased:
            body = swap_words(body, self._book.swaps, dice, per_mille=_SWAPS_BIASED)
        body = swap_words(body, self._book.synonyms, dice, per_mille=_SYNONYMS)
        if is_biased:
            body = drop_words(body, self._book.dropped, dice, per_mille=_DROPS_BIASED)
        body = add_typos(body, dice, per_mille=_TYPOS_BIASED if is_biased else _TYPOS)
        text = restyle(self._wrap(body, occasion), dice)
        if dice.chance(_EMOJI):
            text += " " + dice.pick(self._book.emoji) * dice.between(1, 3)
        return Message(text=text, body=body)

    def _sentences(self, occasion: Occasion) -> list[str]:
        """The request with what stands before and after it."""
        dice, around = self._dice, self._book.around
        sentences = [self._request(occasion)]
        if dice.chance(_AFTER):
            sentences.append(self._say(dice.pick(around["after"]), occasion))
        if dice.chance(_ASIDE):
            sentences = self._with_aside(sentences, occasion)
        if dice.chance(_BEFORE):
            sentences.insert(0, self._say(dice.pick(around["before"]), occasion))
        return [sentence for sentence in sentences if sentence]

    def _request(self, occasion: Occasion) -> str:
        """What the customer wants; where it is about the new product, its name is in the words."""
        dice, intent = self._dice, occasion.intent
        if not occasion.is_new_product:
            return self._say(dice.pick_early(intent.core), occasion)
        product = dice.pick(self._book.launch_products)
        hardware = self._needs_hardware[intent.name]
        templates = intent.launch if dice.chance(_LAUNCH_TEMPLATE) or not hardware else hardware
        request = ""
        while product not in request:
            request = self._say(dice.pick(templates), occasion, hardware=product)
        return request

    def _with_aside(self, sentences: list[str], occasion: Occasion) -> list[str]:
        """Adds a mention of another intent, before or after."""
        dice, around = self._dice, self._book.around
        aside = self._mention(self._other_topic(occasion.intent), occasion)
        if dice.chance(500):
            return [aside, self._say(dice.pick(around["bridge_in"]), occasion), *sentences]
        bridge = self._say(dice.pick(around["bridge_out"]), occasion)
        if bridge.endswith(",") and aside.split()[0] not in ("I", "Invoice", "Quillmark"):
            aside = aside[0].lower() + aside[1:]
        return [*sentences, f"{bridge} {aside}" if bridge else aside]

    def _mention(self, other: Intent, occasion: Occasion) -> str:
        """A sentence about another topic: one that asks for nothing, or somebody else's request."""
        if not self._dice.chance(_QUOTED):
            return self._say(self._dice.pick(other.aside), occasion)
        quote = self._say(self._dice.pick_early(other.core), occasion)
        frame = self._say(self._dice.pick(self._book.around["quoted"]), occasion)
        return frame.replace("{quote}", quote.rstrip("."))

    def _other_topic(self, intent: Intent) -> Intent:
        if self._dice.chance(_ASIDE_CONFUSABLE):
            return self._by_name[self._dice.pick(intent.confused_with)]
        return self._dice.pick([other for other in self._book.intents if other is not intent])

    def _wrap(self, body: str, occasion: Occasion) -> str:
        """Greeting and closing words; a letter in lines, or all in one."""
        dice, around = self._dice, self._book.around
        gap = "\n" if dice.chance(200) else " "
        if dice.chance(_GREETING):
            body = self._say(dice.pick(around["greeting"]), occasion) + gap + body
        if dice.chance(_CLOSER):
            body += gap + self._say(dice.pick(around["closer"]), occasion)
        return body

    def _say(self, template: Template, occasion: Occasion, *, hardware: str | None = None) -> str:
        def fill(slot: str) -> str:
            if slot in ("launch", "hw") and hardware is not None:
                return hardware
            return self._fill(slot, occasion)

        text = tidy_spaces(template.expand(self._dice, fill)).replace("..", ".")
        starts_with_slot = template.source.startswith("{")
        return text[:1].upper() + text[1:] if starts_with_slot else text

    def _fill(self, slot: str, occasion: Occasion) -> str:
        dice = self._dice
        match slot:
            case "quote":
                return "{quote}"
            case "name":
                return occasion.customer.name
            case "n":
                return str(dice.between(2, 40))
            case "order":
                return f"Q-{dice.between(20_000, 89_999)}"
            case "invoice":
                return f"INV-{dice.between(3_000, 9_999)}"
            case "amount":
                return dice.pick(_AMOUNTS).format(dice.between(4, 390), dice.pick((0, 50, 90, 95, 99)))
            case "date":
                return self._write_date(occasion.when - timedelta(days=dice.between(1, 25)))
            case "soon":
                return self._write_date(occasion.when + timedelta(days=dice.between(2, 20)))
        return dice.pick(self._book.slots[slot])

    def _write_date(self, day: datetime) -> str:
        month = _MONTHS[day.month]
        return self._dice.pick(_DATES).format(day=day.day, number=day.month, month=month, short=month[:3])
