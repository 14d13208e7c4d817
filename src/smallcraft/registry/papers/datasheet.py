"""Renders a release's datasheet: the questions of Gebru et al. about its data, answered from its facts.

Leaves to others: the questions' answers from checks and counts (`papers.answers`), what a machine reads
(`papers.croissant`).
Always: equal facts give equal bytes; what only a person knows and nobody said is printed as missing; a share
of right labels stands here only when people looked again, with its interval; no row's content.

Source:
    Gebru et al. (2021), Datasheets for Datasets, CACM 64(12), section 3: its seven sections; questions on one
    subject are asked together.
"""

from __future__ import annotations

from collections.abc import Callable

from smallcraft.records import Release
from smallcraft.registry.memory.evidence import Facts
from smallcraft.registry.papers import answers
from smallcraft.registry.papers.facts import carded, in_data, recorded_facts, text_of

_Answer = Callable[[Facts], list[str]]


def render_release_datasheet(release: Release) -> str:
    """The datasheet of a release as read from the registry."""
    return render_datasheet(recorded_facts(release))


def render_datasheet(facts: Facts) -> str:
    """A datasheet in Markdown.

    Args:
        facts: `name`, `version`, `created`, `task`, `data`, `card`, `quality` (as `check --json` has it),
            `candidates`, `backbone`; each may be absent. `data` may carry `files` (`path`, `sha256`,
            `size_bytes`, `format`), `columns` (`name`, `type`, `role`) and `class_counts` (a split to its
            classes' rows).

    Returns:
        The datasheet, ending in a newline.
    """
    lines = [f"# Datasheet of {text_of(facts, 'name', 'unnamed data')}"]
    for title, questions in _SECTIONS:
        lines += ["", f"## {title}"]
        for question, answer in questions:
            lines += ["", f"**{question}**", "", *answer(facts)]
    return "\n".join(lines) + "\n"


def _said(key: str) -> _Answer:
    """The answer is what a person said under that key of `[card]`."""
    return lambda facts: [carded(facts, key)]


def _said_of_data(key: str, what: str) -> _Answer:
    return lambda facts: [in_data(facts, key, what)]


_MOTIVATION: tuple[tuple[str, _Answer], ...] = (
    ("For what purpose was the data made?", _said("purpose")),
    ("Who made it, and on whose behalf?", _said_of_data("source", "the data's source")),
    ("Who paid for it?", _said("funding")),
    ("Who answers for it here?", _said("owner")),
)
_COMPOSITION: tuple[tuple[str, _Answer], ...] = (
    ("What does one row stand for?", _said("instances")),
    ("How many rows are there, and of which classes?", answers.counts),
    ("Is it all there is, or a sample of a larger set?", _said("sampling")),
    ("What does each row hold? Is there a label?", answers.columns),
    ("Is anything missing from single rows?", answers.check("integrity")),
    ("Do rows belong together?", answers.related),
    ("Which splits are there, and why these?", answers.splits),
    ("Are there errors, noise, or copies?", answers.errors),
    ("How much of it is right?", answers.rightness),
    ("Is it complete in itself, or does it rely on something outside?", answers.files),
    ("Does it hold what is confidential, offensive or sensitive?", _said("sensitive")),
    ("Does it name people, or let them be known?", answers.check("personal_data")),
)
_COLLECTION: tuple[tuple[str, _Answer], ...] = (
    ("How was each row acquired?", _said("collection")),
    ("Who collected it, and how were they paid?", _said("collectors")),
    ("Over what time?", _said("collection_period")),
    ("Was there an ethical review?", _said("ethical_review")),
    ("Did the people in it know and agree, and can they take that back?", _said("consent")),
    ("What may it do to the people in it?", _said("ethical_considerations")),
)
_LABELLING: tuple[tuple[str, _Answer], ...] = (
    ("How and by whom were the labels given?", _said("labelling")),
    ("Do those who gave them agree?", answers.votes),
    ("What was cleaned, set aside or held out?", answers.preparation),
    ("Is the raw data kept?", answers.raw),
)
_USES: tuple[tuple[str, _Answer], ...] = (
    ("What has it been used for?", answers.used_for),
    ("What is it for here?", _said("intended_use")),
    ("What should it not be used for?", _said("out_of_scope")),
    ("What might affect its use later?", _said("caveats")),
)
_DISTRIBUTION: tuple[tuple[str, _Answer], ...] = (
    ("Who may get it, how and when?", _said("distribution")),
    ("Under which license?", _said_of_data("license", "the data's license")),
    ("What else was used, and under which license?", answers.third_parties),
)
_MAINTENANCE: tuple[tuple[str, _Answer], ...] = (
    ("Who keeps it, corrects it, and answers for erasure?", _said("maintenance")),
    ("Where do questions go?", _said("contact")),
    ("Which version is this, and how are others told apart?", answers.identity),
)
_SECTIONS: tuple[tuple[str, tuple[tuple[str, _Answer], ...]], ...] = (
    ("Motivation", _MOTIVATION),
    ("Composition", _COMPOSITION),
    ("Collection process", _COLLECTION),
    ("Preprocessing, cleaning, labelling", _LABELLING),
    ("Uses", _USES),
    ("Distribution", _DISTRIBUTION),
    ("Maintenance", _MAINTENANCE),
)
