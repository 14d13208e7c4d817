"""Renders a release's model card: Markdown with Hugging Face front matter, from its facts alone.

Leaves to others: what each section says (`papers.sections`), escaping (`papers.markdown`), which facts there
are (whoever published them), comparing a published copy (`papers.checking`).
Always: equal facts give equal bytes; a fact that is not there is printed as missing, with where to say it;
nothing is guessed; a table that is cut says how many more rows there are.
Not covered: whether what a person wrote under `[card]` is true.

Source:
    Sections of Mitchell et al. (2019), Model Cards for Model Reporting, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from smallcraft.records import Release
from smallcraft.registry.memory.evidence import Facts
from smallcraft.registry.papers.facts import BY_BUILD, recorded_facts, said, text_of
from smallcraft.registry.papers.front_matter import card_metadata
from smallcraft.registry.papers.markdown import front_matter
from smallcraft.registry.papers.sections import choice, costs, data, details, quality

_SECTIONS: tuple[tuple[str, Callable[[Facts], list[str]]], ...] = (
    ("Model details", details.model_details),
    ("Intended use", details.intended_use),
    ("Factors", details.factors),
    ("Metrics", quality.metrics),
    ("Evaluation data", data.evaluation_data),
    ("Sealed test set", data.sealed_test_set),
    ("Training data", data.training_data),
    ("Quantitative analyses", quality.quantitative_analyses),
    ("Audits", quality.audits),
    ("Cost", costs.cost),
    ("Ethical considerations", details.ethical_considerations),
    ("Caveats and recommendations", details.caveats),
    ("How to use", details.how_to_use),
    ("Verdicts", quality.verdicts),
    ("Decision", choice.decision),
    ("Candidates tried", choice.candidates),
    ("What its parts are worth", choice.parts_worth),
    ("Provenance", choice.provenance),
)


def render_release_card(release: Release) -> str:
    """The card of a release as read from the registry, with the version and digest it got there."""
    return render_model_card(recorded_facts(release))


def render_model_card(facts: Facts) -> str:
    """A model card in Markdown.

    Args:
        facts: As a release records them: `name`, `version`, `created`, `task`, `chosen`, `sentence`,
            `metric`, `margin`, `candidates`, `released`, `verdicts`, `audits`, `data`, `quality`, `bundle`,
            `backbone`, `environment`, `card`, `cert`, `decision`, `manifest_digest` and so on, and
            `decision_record`, the document of `decision.json`; each may be absent.

    Returns:
        The card, ending in a newline.
    """
    lines = [*front_matter(card_metadata(facts)), "", f"# {text_of(facts, 'name', 'unnamed model')}"]
    lines += ["", said(facts, "sentence", "the decision", BY_BUILD)]
    for title, section in _SECTIONS:
        lines += ["", f"## {title}", "", *section(facts)]
    return "\n".join(lines) + "\n"


def list_missing(facts: Facts) -> tuple[str, ...]:
    """What the card of these facts prints as missing, in the card's order, each once."""
    return _missing_in(render_model_card(facts), "")


def list_unsaid(facts: Facts) -> tuple[str, ...]:
    """What the card of these facts lacks that only a person can say, in the card's order, each once."""
    return _missing_in(render_model_card(facts), "say it in ")


def _missing_in(card: str, remedy: str) -> tuple[str, ...]:
    found = re.findall(rf"\*\*missing: (.*?) \({re.escape(remedy)}", card)
    return tuple(dict.fromkeys(found))
