from __future__ import annotations

from tests.registry.papers.samples import decision_record, facts_of

from smallcraft.registry.papers.sections import choice


def test_the_decision_tells_verdict_parent_reason_and_the_way_back():
    told = choice.decision({**facts_of(), "decision_record": decision_record()})
    assert told[:7] == [
        "- by the measurements: ngram is the cheapest not inferior to fast; ticket",
        "- quality beside cost: beaten on every axis: none",
        "- verdict: accept",
        "- parents: helpdesk ticket@2, sha256:" + "4" * 64,
        "- rationale: cheaper, and no worse ticket (said by a person)",
        "- to go back: smallcraft alias stable helpdesk@2",
        "- limit: weak for region=ticket",
    ]


def test_a_first_release_has_no_parent_and_a_rule_that_spoke_is_told():
    record = {"verdict": "accept", "parents": [], "rationale": {"text": "the rule", "by": "rule"}}
    told = choice.decision({"decision_record": record})
    assert "- parents: none: the first release" in told
    assert "- to go back: nothing before it to go back to" in told
    assert "- rationale: the rule (by the rule; nobody said more)" in told


def test_without_a_record_the_rationale_is_missing():
    assert "missing: the decision record" in choice.decision(facts_of())[-1]


def test_every_candidate_says_why_it_lost():
    told = choice.candidates(facts_of())
    [fast] = [line for line in told if line.startswith("| fast")]
    assert fast.endswith("| not measured | 12.5 | lost | as good, but costs 1.9 times as much, ticket |")
    [frozen] = [line for line in told if line.startswith("| frozen")]
    assert frozen.endswith("| lost | no backbone ticket |")
    [ngram] = [line for line in told if line.startswith("| ngram")]
    assert ngram.endswith("| **chosen** | the decision above |")
    assert told[-1] == "- ngram is shown to be better than majority on ticket"
    assert choice.candidates({})[0].startswith("**missing: the candidates")


def test_parts_are_told_with_their_worth():
    assert choice.parts_worth(facts_of()) == ["- without n-grams macro\\_f1 falls by 0.02 on ticket"]
    assert choice.parts_worth({}) == ["No part of it was taken away to see what that does."]


def test_provenance_has_every_digest():
    told = "\n".join(choice.provenance(facts_of()))
    for digit in "9cdef":
        assert "sha256:" + digit * 64 in told
    assert "- made with: python: 3.11.7; numpy: 2.4.6; scikit-learn: 1.9.1; onnx: unknown" in told
    assert "| m.npz | 120,000 |" in told


def test_an_encoder_that_does_not_ship_is_not_told_to():
    facts = facts_of()
    assert "tried by candidates, not in the bundle" in "\n".join(choice.provenance(facts))
    facts["bundle"]["files"].append({"path": "model.onnx"})
    assert choice.has_graph(facts)
    assert "its weights are in the bundle" in "\n".join(choice.provenance(facts))
