from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.registry.papers.samples import HOSTILE, facts_of

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.registry.papers.checking import (
    compare_published,
    embed_card,
    published_checkpoint,
    split_checkpoint,
    with_checkpoint,
)
from smallcraft.registry.papers.model_card import render_model_card

LABEL = "helpdesk@3"
CARD = render_model_card(facts_of())
NOTE = "log.example/x\n1\nBmC8IWunNKRiHi+W7KCmlCL9Ya67UqCax5FVMA3Jsjo=\n\n— log.example/x AAAA\n"
START, END = f"<!-- smallcraft card: {LABEL} -->", "<!-- end of smallcraft card -->"
README = f"# My project\n\nWhat it does.\n\n{START}\n{END}\n\nMore.\n"


def published(text=README, card=CARD):
    return embed_card(text, card, label=LABEL)


@pytest.mark.parametrize("text", [CARD, published(), published(""), published("# Other\n")])
def test_an_untouched_copy_is_equal(text):
    assert compare_published(text, CARD, label=LABEL).is_equal


@pytest.mark.parametrize("text", [CARD, published()])
def test_line_ends_and_white_space_at_them_are_no_statement(text):
    changed = text.replace("\n", "  \r\n") if text is CARD else text.replace("\n", "\r\n")
    assert compare_published(changed, CARD, label=LABEL).is_equal


@pytest.mark.parametrize("whole", [CARD, published()])
def test_an_edited_number_is_found_at_its_line(whole):
    edited = whole.replace("| 0.905 |", "| 0.995 |")
    found = compare_published(edited, CARD, label=LABEL).difference
    line = next(number for number, text in enumerate(edited.splitlines(), 1) if "0.995" in text)
    assert (found.line, "0.905" in found.wanted, "0.995" in found.got) == (line, True, True)
    assert found.sentence.startswith(f"line {line} is not what the release says: wanted '| macro")


BODY = CARD[CARD.index("# helpdesk") :]


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, BODY.count("\n") - 1), word=st.text("abcxyz0123456789|", min_size=1))
def test_any_line_that_is_changed_dropped_or_added_is_found(number, word):
    lines = BODY.removesuffix("\n").split("\n")
    changes = (
        [*lines[:number], lines[number] + word, *lines[number + 1 :]],
        [*lines[:number], word, *lines[number:]],
        [*lines[:number], *lines[number + 1 :]],
    )
    for changed in changes:
        body = "\n".join(changed) + "\n"
        for text in (CARD.replace(BODY, body), published(card=body)):
            found = compare_published(text, CARD, label=LABEL)
            assert not found.is_equal
            assert found.difference.sentence.endswith("print the card again with `smallcraft card`")


def test_a_card_cut_short_is_found():
    cut = CARD[: CARD.index("## Provenance")]
    found = compare_published(cut, CARD, label=LABEL).difference
    assert found.got is None
    assert found.line == cut.count("\n")
    assert "got the end of the card" in found.sentence


def test_the_card_of_another_release_is_found_at_its_marker():
    found = compare_published(published(), CARD, label="helpdesk@4").difference
    assert (found.line, found.wanted) == (5, "<!-- smallcraft card: helpdesk@4 -->")


def test_a_copy_may_keep_its_front_matter():
    text = f"{START}\n{CARD}{END}\n"
    assert compare_published(text, CARD, label=LABEL).is_equal
    found = compare_published(text.replace('"en"', '"de"'), CARD, label=LABEL).difference
    assert found.got == '- "de"'


@pytest.mark.parametrize(
    "text",
    [
        published() + published(),
        README.replace(END, ""),
        README.replace(START, ""),
    ],
)
def test_a_start_without_an_end_and_two_copies_are_refused(text):
    with pytest.raises(InvalidInputError, match="must hold one card"):
        compare_published(text, CARD, label=LABEL)
    with pytest.raises(InvalidInputError, match="keep one copy"):
        embed_card(text, CARD, label=LABEL)


@pytest.mark.parametrize("text", ["", "# My project\n"])
def test_a_file_without_a_card_is_told_what_to_put_there(text):
    with pytest.raises(NotFoundError, match="between the lines '<!-- smallcraft card: helpdesk@3 -->'"):
        compare_published(text, CARD, label=LABEL)


def test_embedding_keeps_all_else_and_is_idempotent():
    text = published()
    assert text.startswith(
        "# My project\n\nWhat it does.\n\n<!-- smallcraft card: helpdesk@3 -->\n# helpdesk"
    )
    assert text.endswith("<!-- end of smallcraft card -->\n\nMore.\n")
    assert published(text) == text


def test_text_of_users_cannot_end_the_copy_early():
    card = render_model_card(facts_of(HOSTILE))
    assert compare_published(published(card=card), card, label=LABEL).is_equal
    whole = f"{START}\n{card}{END}\n"
    assert compare_published(whole, card, label=LABEL).is_equal


def test_a_checkpoint_comes_back_as_it_went_in():
    printed = split_checkpoint(with_checkpoint(CARD, NOTE))
    assert (printed.card, printed.checkpoint) == (CARD, NOTE)
    assert split_checkpoint(CARD).checkpoint is None
    assert split_checkpoint(CARD).card == CARD


@pytest.mark.parametrize("embed", [False, True])
def test_the_comparison_hands_the_checkpoint_back_and_does_not_judge_it(embed):
    text = with_checkpoint(CARD, NOTE)
    found = compare_published(published(card=text) if embed else text, CARD, label=LABEL)
    assert (found.difference, found.checkpoint) == (None, NOTE)


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: text.replace("## Checkpoint\n", "## Checkpoint\n\nAccuracy is 1.0.\n"),
        lambda text: text + "\nAccuracy is 1.0.\n",
        lambda text: text.replace("signed.", "signed, and true."),
        lambda text: text.replace("— log", "```\n— log"),
        lambda text: text.removesuffix("```\n"),
    ],
)
def test_any_word_beside_the_note_is_a_difference(forge):
    text = forge(with_checkpoint(CARD, NOTE))
    assert text != with_checkpoint(CARD, NOTE)
    found = compare_published(text, CARD, label=LABEL)
    assert not found.is_equal
    assert found.checkpoint is None


@pytest.mark.parametrize("note", ["no end", "origin\n```\n# owned\n", "```text\n"])
def test_a_note_that_would_leave_its_block_is_refused(note):
    with pytest.raises(InvalidInputError, match="must end in a newline and hold no line"):
        with_checkpoint(CARD, note)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_checkpoint_of_a_published_card_is_found_wherever_the_card_stands(end):
    printed = with_checkpoint(CARD, NOTE)
    embedded = embed_card("# Ours\n\nwords\n", printed, label="helpdesk@3") + "\nmore\n"
    for text in (printed, embedded):
        assert published_checkpoint(text.replace("\n", end)) == NOTE
    assert published_checkpoint(embed_card("# Ours\n", CARD, label="helpdesk@3")) is None
