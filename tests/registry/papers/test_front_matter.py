from __future__ import annotations

from huggingface_hub import ModelCard
from tests.registry.papers.samples import facts_of

from smallcraft.registry.papers.front_matter import card_metadata
from smallcraft.registry.papers.model_card import render_model_card


def test_the_hubs_own_reader_finds_every_score_with_its_split():
    card = ModelCard(render_model_card(facts_of()))
    found = {(r.metric_type, r.dataset_split): r for r in card.data.eval_results}
    assert found.keys() == {("macro_f1", "cert"), ("macro_f1", "dev"), ("accuracy", "dev")}
    sealed = found["macro_f1", "cert"]
    assert (sealed.metric_value, sealed.metric_name) == (0.905, "macro_f1, 0.885 to 0.925")
    assert sealed.task_type == "text-classification"
    assert sealed.dataset_revision == "sha256:" + "3" * 64
    assert sealed.dataset_name == "export ticket, https://example.org/tickets"
    assert (card.data.license, card.data.language, card.data.library_name) == (
        "apache-2.0",
        ["en"],
        "smallcraft",
    )


def test_what_was_not_measured_is_not_in_the_index():
    facts = facts_of()
    for found in (*facts["candidates"], facts["released"]):
        for one in found.get("measurements", ()):
            one["value"] = None
    assert card_metadata(facts)["model-index"] == []


def test_a_license_that_is_no_identifier_is_named_in_full():
    found = card_metadata({"card": {"license": "Ask legal: 'internal' use"}})
    assert (found["license"], found["license_name"]) == ("other", "Ask legal: 'internal' use")
    assert card_metadata({})["license"] == "unknown"


def test_a_table_of_features_is_a_tabular_task():
    assert card_metadata({"task": {"features": ["age"]}})["pipeline_tag"] == "tabular-classification"
