from __future__ import annotations

import copy
import re

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.registry.papers.samples import HOSTILE, decision_record, facts_of

from smallcraft.records import Release
from smallcraft.registry.papers.model_card import (
    list_missing,
    list_unsaid,
    render_model_card,
    render_release_card,
)
from smallcraft.registry.papers.person import MODEL_KEYS

SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Sealed test set",
    "Training data",
    "Quantitative analyses",
    "Audits",
    "Cost",
    "Ethical considerations",
    "Caveats and recommendations",
    "How to use",
    "Verdicts",
    "Decision",
    "Candidates tried",
    "What its parts are worth",
    "Provenance",
]
MITCHELL = {
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
}


def whole_facts(word="ticket"):
    return {**facts_of(word), "decision_record": decision_record(word)}


def parts(card):
    _, front, body = re.split(r"^---$\n?", card, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), body


def sections(card):
    return re.findall(r"^## (.*)$", card, re.MULTILINE)


def test_a_card_has_every_section_once_and_in_order():
    assert sections(render_model_card(whole_facts())) == SECTIONS
    assert {*SECTIONS} > MITCHELL


def test_a_card_of_no_facts_has_the_same_sections_and_says_what_is_missing():
    card = render_model_card({})
    assert sections(card) == SECTIONS
    for key in MODEL_KEYS:
        assert f"(say it in smallcraft.toml under [card] {key})**" in card
    assert "missing: the data's license (say it in smallcraft.toml under [data] license)" in card
    assert parts(card)[0]["license"] == "unknown"


def test_no_section_is_empty():
    for card in (render_model_card({}), render_model_card(whole_facts())):
        for section in card.split("\n## ")[1:]:
            assert section.partition("\n")[2].strip()


def test_of_whole_facts_only_what_people_know_is_missing():
    said = {**whole_facts(), "card": dict.fromkeys(MODEL_KEYS, "said")}
    assert list_missing(said) == ("an audit of its labels",)
    assert list_unsaid(said) == ()


def test_a_build_leaves_nothing_missing_that_it_could_have_filled(built):
    from smallcraft.pipeline.workspace import open_registry

    release = open_registry(built).read("latest")
    facts = {**release.facts, "decision_record": decision_record()}
    told = render_release_card(Release(**{**vars(release), "facts": facts}))
    missing = {*re.findall(r"\*\*missing: (.*?) \(", told)}
    assert missing <= {*MODEL_KEYS.values(), "an audit of its labels"}


def test_the_card_shows_the_numbers_with_their_intervals():
    card = render_model_card(whole_facts())
    assert "| macro\\_f1 | cert | all | 0.905 | 0.885 to 0.925 | ratio | 600 | one metered look |" in card
    assert "| accuracy | dev | region=ticket &amp; age=old | not measured | none |" in card
    assert "| ngram | measured | 0.912 (dev, 0.892 to 0.932) |" in card
    assert "about 420 more rows" in card


def structure(card):
    """What a reader of CommonMark makes of the body beside the text: blocks, in order."""
    parsed = MarkdownIt("commonmark").enable("table").parse(parts(card)[1])
    return [(token.type, token.tag) for token in parsed]


def live_markup(card):
    """Links, images and tags that a reader would make of the text."""
    parsed = MarkdownIt("commonmark").enable("table").parse(parts(card)[1])
    children = [child for token in parsed for child in token.children or ()]
    return [child.type for child in children if child.type not in {"text", "code_inline", "softbreak"}]


@settings(max_examples=25, deadline=None)
@example(word=HOSTILE)
@given(word=st.text(min_size=1, max_size=30).filter(lambda word: " ".join(word.split())))
def test_no_text_changes_the_structure_of_the_card(word):
    card, plain = render_model_card(whole_facts(word)), render_model_card(whole_facts())
    assert structure(card) == structure(plain)
    assert live_markup(card) == live_markup(plain)
    assert parts(card)[0]["model-index"][0]["name"] == f"helpdesk {word}"
    card.encode("utf-8")


def test_a_card_is_the_same_for_equal_facts():
    assert render_model_card(whole_facts()) == render_model_card(copy.deepcopy(whole_facts()))


@pytest.mark.parametrize("key", sorted(whole_facts()))
@pytest.mark.parametrize("value", [None, 3, "text", [], {}, [None], {"x": None}, [{"x": [None]}]])
def test_a_fact_of_an_unexpected_shape_never_breaks_the_card(key, value):
    card = render_model_card({**whole_facts(), key: value})
    assert sections(card) == SECTIONS
    assert parts(card)[0]["tags"][0] == "smallcraft"


def test_a_releases_card_has_the_version_it_was_given():
    release = Release("helpdesk", 1, "sha256:" + "7" * 64, None, "2026-10-01T12:00:00Z", (), whole_facts())
    card = render_release_card(release)
    assert 'load("helpdesk@1")' in card
    assert "- version: 1\n" in card
    assert release.manifest_digest in card


def test_what_only_a_person_can_say_is_told_apart_from_what_a_build_would_fill():
    facts = whole_facts()
    del facts["verdicts"]
    unsaid = list_unsaid(facts)
    assert {*unsaid} < {*list_missing(facts)}
    assert "verdicts of the gates" in list_missing(facts)
    assert "verdicts of the gates" not in unsaid
    said = {**facts, "card": {**facts["card"], "consent": "given at sign-up"}}
    assert {*unsaid} - {*list_unsaid(said)} == {"what people agreed to"}
