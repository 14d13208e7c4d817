"""The registry's history and comparisons, from what its log and its releases hold.

Leaves to others: what a story says (`registry.memory.story`), reading the log (`registry.store`).
Always: what is told was read and hashed; erased releases stand with what their entries say.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.registry.composing import read_decision, side_of
from smallcraft.registry.content.disk import read_blob
from smallcraft.registry.indexing import refresh_search
from smallcraft.registry.manifests.kinds import DECISION_PATH
from smallcraft.registry.memory.comparing import Comparison, compare_releases
from smallcraft.registry.memory.decisions import DecisionRecord
from smallcraft.registry.memory.rounds import LabelRound, is_round, parse_round
from smallcraft.registry.memory.story import Detail, Story, describe_details, tell_story
from smallcraft.registry.memory.trials import Trial, parse_trial
from smallcraft.registry.reading import read_manifest
from smallcraft.registry.references import find_at_time, whole_time
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Content


def tell_registry(registry: Registry, *, name: str | None = None) -> Story:
    """The history of a registry.

    Args:
        registry: The registry.
        name: Of the releases to tell of; None for all.

    Raises:
        IntegrityError: Something on the way is not what was committed.
    """
    stored = registry.stored(name)
    decisions: dict[str, DecisionRecord] = {}
    for one in stored:
        decision = read_decision(one)
        if decision is not None:
            decisions[one.entry.label] = decision
    entries = [entry for entry in registry.log().entries if name in {None, entry.name}]
    return tell_story(
        entries,
        releases={one.entry.label: one.release for one in stored},
        decisions=decisions,
        trials=_trials(registry),
    )


def tell_found(registry: Registry, words: str) -> Story:
    """The history of the releases whose name, settings or reasons hold every word.

    Raises:
        SmallcraftError: The disk refused to bring the search up to the log.
    """
    search = refresh_search(registry.layout, registry.log())
    labels = {found.label for found in search.find(words)}
    story = tell_registry(registry)
    return Story(tuple(line for line in story.lines if line.release in labels))


def aliases_at(registry: Registry, time: str) -> Mapping[str, str]:
    """What each alias meant at a time: `helpdesk@stable` to `helpdesk@3`.

    Args:
        registry: The registry.
        time: RFC 3339 in UTC; a day alone means its end.

    Raises:
        InvalidInputError: That is no time.
    """
    state, whole = registry.log().state, whole_time(time)
    found = {}
    for name, alias in sorted(state.moves):
        entry = find_at_time(name, alias, whole, state)
        if entry is not None:
            found[f"{name}@{alias}"] = entry.label
    return found


def detail_release(registry: Registry, reference: str) -> tuple[Detail, ...]:
    """Everything that one release says of itself.

    Raises:
        NotFoundError: There is no such release.
        IntegrityError: Something on the way is not what was committed.
    """
    stored = registry.find(reference)
    return describe_details(stored.release, read_decision(stored))


def compare_in(registry: Registry, before: str, after: str) -> Comparison:
    """Two releases side by side.

    Raises:
        NotFoundError: There is no such release.
        IntegrityError: Something on the way is not what was committed.
    """
    return compare_releases(side_of(registry.find(before)), side_of(registry.find(after)))


def _trials(registry: Registry) -> Mapping[str, Trial | LabelRound]:
    """What was tried and not released, and rounds of labelling, by the digest that the entry names."""
    found: dict[str, Trial | LabelRound] = {}
    for number, entry in enumerate(registry.log().entries, start=1):
        if entry.kind == "decision" and entry.manifest:
            use = f"the decision of entry {number}"
            manifest = read_manifest(registry.layout, entry.manifest, use=use).manifest
            file = next(layer.file for layer in manifest.files if layer.file.path == DECISION_PATH)
            document = read_blob(registry.layout, Content(file.digest, file.size_bytes), use=use)
            parse = parse_round if is_round(document) else parse_trial
            found[entry.manifest.digest] = parse(document, what=use)
    return found
