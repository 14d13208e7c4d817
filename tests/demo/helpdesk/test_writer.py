from datetime import datetime

import pytest

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.people import Customer
from smallcraft.demo.helpdesk.writer import BIASED_REGION, Occasion, Writer

BOOK = load_phrasebook()
WHEN = datetime(2026, 3, 10, 9)


def write_many(intent, *, region="north", name="Anna", is_new_product=False, count=150):
    writer = Writer(BOOK, Dice(5, 0))
    occasion = Occasion(intent, Customer("C-1", name, region), WHEN, is_new_product)
    return [writer.write(occasion).text for _ in range(count)]


@pytest.mark.parametrize("intent", BOOK.intents, ids=lambda intent: intent.name)
@pytest.mark.parametrize("region", ["north", BIASED_REGION])
def test_every_mark_of_a_template_is_gone_and_no_space_is_double(intent, region):
    for text in write_many(intent, region=region):
        assert text == text.strip()
        assert text
        assert not set("[]{}|") & set(text)
        assert "  " not in text


def test_messages_of_one_intent_are_various():
    texts = write_many(BOOK.intents[0], count=300)
    assert len(set(texts)) > 280


def test_a_message_is_ascii_but_for_emoji_and_names():
    plain = write_many(BOOK.intents[0], count=400)
    messy = [text for text in plain if not text.isascii()]
    assert 0 < len(messy) < 40
    assert all(set(filter(lambda c: not c.isascii(), text)) <= set("".join(BOOK.emoji)) for text in messy)
    assert any("Zoë" in text for text in write_many(BOOK.intents[0], name="Zoë"))


@pytest.mark.parametrize("intent", [i for i in BOOK.intents if i.launch], ids=lambda i: i.name)
def test_a_message_about_the_new_product_names_it(intent):
    texts = write_many(intent, is_new_product=True, region=BIASED_REGION)
    assert all("tavori" in text.lower() for text in texts)
