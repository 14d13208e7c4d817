import pytest

from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.noise import normalise

BOOK = load_phrasebook()
FILLED_BY_WRITER = {"order", "invoice", "amount", "date", "soon", "n", "name", "quote", "launch"}


def slots_of(template):
    for part in template.parts:
        if isinstance(part, tuple):
            for option in part:
                yield from slots_of(option)
        elif part.startswith("{"):
            yield part[1:-1]


def every_template():
    for intent in BOOK.intents:
        yield from (*intent.core, *intent.aside, *intent.launch)
    for lines in BOOK.around.values():
        yield from lines


def test_there_are_twenty_intents_with_twelve_ways_to_ask_or_more():
    assert len(set(BOOK.names)) == 20
    assert min(len(intent.core) for intent in BOOK.intents) >= 12
    assert min(len(intent.aside) for intent in BOOK.intents) >= 4


@pytest.mark.parametrize("intent", BOOK.intents, ids=lambda intent: intent.name)
def test_an_intent_is_confused_with_other_known_ones(intent):
    assert intent.confused_with
    assert set(intent.confused_with) <= set(BOOK.names) - {intent.name}


def test_every_slot_can_be_filled():
    used = {slot for template in every_template() for slot in slots_of(template)}
    assert used <= FILLED_BY_WRITER | set(BOOK.slots)


def test_no_template_stands_twice():
    sources = [template.source for template in every_template() if template.source]
    assert len(sources) == len(set(sources))


def test_every_launch_sentence_names_the_product():
    launch = [template for intent in BOOK.intents for template in intent.launch]
    assert launch
    assert all("{launch}" in template.source for template in launch)


def test_the_words_of_the_launch_are_used_nowhere_else():
    launch = {template.source for intent in BOOK.intents for template in intent.launch}
    elsewhere = " ".join(t.source for t in every_template() if t.source not in launch)
    slots = " ".join(word for words in BOOK.slots.values() for word in words)
    others = " ".join(word for words in BOOK.synonyms.values() for word in words)
    known = set(normalise(f"{elsewhere} {slots} {others}").split())
    assert not known & set(BOOK.launch_words)


def test_no_word_is_its_own_synonym():
    assert not [word for word, others in BOOK.synonyms.items() if word in others]


def test_what_customers_want_is_written_in_ascii():
    assert all(template.source.isascii() for template in every_template())
