import copy
import re

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smallcraft.registry.cards import list_missing, list_unsaid, render_model_card, render_release_card
from smallcraft.registry.store import Registry

HOSTILE = "<script>alert(1)</script> | `x` \"q\" 'p' [a](b) \n\n---\n# owned\n```\n: - {x: 1}"

SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Audits",
    "Ethical considerations",
    "Caveats and recommendations",
    "How to use",
    "Verdicts",
    "Candidates tried",
    "What its parts are worth",
    "Provenance",
]


def measurement(value, split, slice="all"):  # noqa: A002
    return {
        "name": "macro_f1",
        "value": value,
        "low": None if value is None else value - 0.02,
        "high": None if value is None else value + 0.02,
        "unit": "ratio",
        "n": 600,
        "split": split,
        "slice": slice,
        "method": "bootstrap, 95%",
    }


def facts_of(word="ticket"):
    return {
        "name": f"helpdesk {word}",
        "version": 3,
        "created": "2026-10-01T12:00:00Z",
        "smallcraft_version": "0.1.0",
        "task": {"kind": "multiclass", "classes": ["refund", word], "text": "message"},
        "chosen": "ngram",
        "sentence": f"ngram is the cheapest not inferior to fast; {word}",
        "metric": "macro_f1",
        "margin": 0.01,
        "confidence": 0.95,
        "candidates": [
            {
                "rung": "ngram",
                "status": "measured",
                "reason": "cheapest",
                "measurements": [
                    measurement(0.912, "dev"),
                    measurement(0.905, "cert"),
                    measurement(None, "cert", slice=f"region={word}"),
                ],
            },
            {"rung": "frozen", "status": "skipped", "reason": f"no backbone {word}"},
        ],
        "verdicts": [
            {"gate": "floor", "outcome": "PASS", "reason": "0.89 >= 0.88", "required": True},
            {
                "gate": f"fairness {word}",
                "outcome": "UNDECIDED",
                "reason": "too few rows",
                "needs": "about 420 more rows",
                "required": False,
            },
        ],
        "audits": [
            {
                "audit": "robustness",
                "summary": f"typos turn 3 % of {word} rows wrong",
                "findings": [{"what": f"a {word} is taken for a refund", "row": 3}],
            }
        ],
        "ablations": [f"without n-grams macro_f1 falls by 0.02 on {word}"],
        "data": {
            "source": f"export {word}",
            "license": "CC-BY-4.0",
            "digest": "sha256:" + "a" * 64,
            "splits": {"train": {"rows": 6000, "digest": "sha256:" + "b" * 64}},
            "notes": [word],
        },
        "checks": [{"check": "duplicates", "outcome": "PASS", "summary": f"none {word}"}],
        "bundle": {"digest": "sha256:" + "c" * 64, "size_bytes": 123456, "files": ["m.npz"]},
        "backbone": None,
        "environment": {"python": "3.11", "cpu": word},
        "card": {"intended_use": f"routing {word}", "license": "apache-2.0", "language": "en"},
        "cert": {"queries": 1, "bits_left": 7.5},
    }


def parts(card):
    _, front, body = re.split(r"^---$\n?", card, maxsplit=2, flags=re.MULTILINE)
    return yaml.safe_load(front), body


def test_a_card_has_every_section_once_and_in_order():
    assert re.findall(r"^## (.*)$", render_model_card(facts_of()), re.MULTILINE) == SECTIONS


def test_a_card_of_no_facts_has_the_same_sections_and_says_what_is_missing():
    card = render_model_card({})
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    for key in ("intended_use", "out_of_scope", "ethical_considerations", "caveats", "consent"):
        assert f"(say it in smallcraft.toml under [card] {key})**" in card
    assert "missing: the data's license (say it in smallcraft.toml under [data] license)" in card
    assert parts(card)[0]["license"] == "unknown"


def test_what_is_said_is_not_missing():
    missing = list_missing(facts_of())
    assert "out-of-scope use" in missing
    assert not {"intended use", "the data's license", "the decision"} & {*missing}
    assert {*missing} < {*list_missing({})}


def test_the_card_shows_the_numbers_with_their_intervals():
    card = render_model_card(facts_of())
    assert "| macro\\_f1 | cert | all | 0.905 | 0.885 to 0.925 | ratio | 600 | bootstrap, 95% |" in card
    assert "| macro\\_f1 | cert | region=ticket | not measured | none |" in card
    assert "| ngram | measured | 0.905 (cert, 0.885 to 0.925) | **chosen** | cheapest |" in card
    assert "| frozen | skipped | not measured | lost | no backbone ticket |" in card
    assert "about 420 more rows" in card


def test_front_matter_carries_a_model_index():
    front, _ = parts(render_model_card(facts_of()))
    assert front["license"] == "apache-2.0"
    assert front["language"] == ["en"]
    assert "on-device" in front["tags"]
    [entry] = front["model-index"]
    assert entry["name"] == "helpdesk ticket"
    by_split = {result["dataset"]["split"]: result for result in entry["results"]}
    assert by_split.keys() == {"dev", "cert"}
    [metric] = by_split["cert"]["metrics"]
    assert metric == {"type": "macro_f1", "name": "macro_f1, 0.885 to 0.925", "value": 0.905}
    assert by_split["cert"]["task"] == {"type": "text-classification"}


def test_a_license_that_is_no_identifier_is_named_in_full():
    facts = {"card": {"license": "Ask legal: 'internal' use"}}
    front, _ = parts(render_model_card(facts))
    assert (front["license"], front["license_name"]) == ("other", "Ask legal: 'internal' use")


def structure(card):
    """What a renderer would see beside the text: fences, headings, cells, rules, tags."""
    _, body = parts(card)
    return (
        re.findall(r"^(?:#+ |```|---|\|(?= ))", body, re.MULTILINE),
        [line.count("|") for line in body.splitlines() if line.startswith("|")],
        re.findall(r"<", re.sub(r"^```.*?^```$", "", body, flags=re.MULTILINE | re.DOTALL)),
    )


@settings(max_examples=40, deadline=None)
@example(word=HOSTILE)
@given(word=st.text(max_size=30))
def test_no_text_changes_the_structure_of_the_card(word):
    card = render_model_card(facts_of(word))
    assert structure(card) == structure(render_model_card(facts_of()))
    front, _ = parts(card)
    assert front["model-index"][0]["name"] == f"helpdesk {word}"
    card.encode("utf-8")


def test_a_card_is_the_same_for_equal_facts():
    assert render_model_card(facts_of()) == render_model_card(copy.deepcopy(facts_of()))


@pytest.mark.parametrize("key", sorted(facts_of()))
@pytest.mark.parametrize("value", [None, 3, "text", [], {}, [None], {"x": None}])
def test_a_fact_of_an_unexpected_shape_never_breaks_the_card(key, value):
    card = render_model_card({**facts_of(), key: value})
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    assert parts(card)[0]["tags"][0] == "smallcraft"


def test_a_releases_card_has_the_version_it_was_given(tmp_path, now):
    facts = {k: v for k, v in facts_of().items() if k not in {"name", "version", "created"}}
    registry = Registry.create(tmp_path / "r")
    release = registry.publish("helpdesk", {"bundle/m.npz": b"m"}, facts, now=now)
    card = render_release_card(release)
    assert 'load("helpdesk@1")' in card
    assert "- version: 1\n" in card
    assert release.manifest_digest in card


def test_what_only_a_person_can_say_is_told_apart_from_what_a_build_would_fill():
    facts = facts_of()
    del facts["verdicts"]
    unsaid = list_unsaid(facts)
    assert set(unsaid) < set(list_missing(facts))
    assert "verdicts of the gates" in list_missing(facts)
    assert "verdicts of the gates" not in unsaid
    said = {**facts, "card": {**facts["card"], "consent": "given at sign-up"}}
    assert set(unsaid) - set(list_unsaid(said)) == {"what people agreed to"}


def test_what_a_plan_told_stands_among_the_evaluation_data_and_empty_notes_do_not():
    cert = {
        "queries": 3,
        "plan": {"passed": True},
        "told": "cert said only PASS",
        "wear": "",
        "clock": ["late"],
    }
    card = render_model_card({"name": "x", "cert": cert})
    assert "sealed test set, told: cert said only PASS" in card.replace("*", "")
    assert "sealed test set, clock: late" in card.replace("*", "")
    assert "sealed test set, wear" not in card
    assert "sealed test set, plan" not in card
