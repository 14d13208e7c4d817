"""The registry's history as a story: version, date, what changed, by how much, why, how to use it.

Between the releases stand the candidates that did not become one, aliases that moved, versions that were
retired. Leaves to others: reading the log (`registry.store`), printing, colours and tables.
Always: what was not recorded reads "not recorded", what was not measured "not measured"; a first release
needs no parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from smallcraft.records import Release
from smallcraft.registry.memory.decisions import DecisionRecord, usage_of
from smallcraft.registry.memory.evidence import Facts, candidate_of, find_figure, list_of, map_of, number_of
from smallcraft.registry.memory.rounds import LabelRound
from smallcraft.registry.memory.trials import Trial, trials_of_build
from smallcraft.registry.memory.wording import tell_delta, tell_gist
from smallcraft.registry.tlog.entry import Entry

_UNKNOWN = "not recorded"
_UNMEASURED = "not measured"
_ENDINGS = {
    "lost": "lost",
    "skipped": "was skipped",
    "stopped": "was stopped",
    "crashed": "crashed",
    "failed": "won, but a gate failed",
    "undecided": "won, but a gate was undecided",
}


@dataclass(frozen=True)
class HistoryLine:
    """One release, and what happened around it.

    Attributes:
        release: Its label.
        created: When.
        chosen: The winner's rung.
        quality: The declared metric with its interval.
        size: Of the bundle.
        sentence: Why this candidate won.
        parent: The release it follows; None for the first.
        verdict: What was decided.
        changed: What changed since the parent, a line a subject.
        why: The reason that was given.
        said_by: `person` or `rule`.
        usage: A snippet that uses it.
        rollback: The command that goes back to the parent.
        aliases: Names that mean it now.
        is_retired: Whether it was taken out of use.
        trials: The other candidates of its build, a line each.
        events: What happened between it and the next release, a line each.
    """

    release: str
    created: str
    chosen: str
    quality: str
    size: str
    sentence: str
    parent: str | None = None
    verdict: str = _UNKNOWN
    changed: tuple[str, ...] = ()
    why: str = _UNKNOWN
    said_by: str | None = None
    usage: str = ""
    rollback: str | None = None
    aliases: tuple[str, ...] = ()
    is_retired: bool = False
    trials: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """The whole history: releases, oldest first, and what happened before the first of them."""

    lines: tuple[HistoryLine, ...]
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detail:
    """One named thing about a release."""

    term: str
    text: str


def describe_release(release: Release, decision: DecisionRecord | None = None) -> HistoryLine:
    """A release: version, date, rung, quality with interval, size, decision, delta and reason."""
    facts = release.facts
    line = HistoryLine(
        release=release.label,
        created=release.created,
        chosen=str(facts.get("chosen") or _UNKNOWN),
        quality=_quality(facts),
        size=_size(facts),
        sentence=str(facts.get("sentence") or _UNKNOWN),
        usage=usage_of(release.label, facts),
        trials=tuple(_told_trial(trial) for trial in trials_of_build(facts)),
    )
    if decision is None:
        return line
    return replace(
        line,
        parent=decision.parents[0].release if decision.parents else None,
        verdict=decision.verdict,
        changed=tell_gist(decision.delta),
        why=decision.rationale.text,
        said_by=decision.rationale.by,
        usage=decision.usage,
        rollback=decision.rollback,
    )


def describe_history(
    releases: Iterable[Release], decisions: Mapping[str, DecisionRecord] | None = None
) -> tuple[HistoryLine, ...]:
    """The lines of several releases, in the order given; decisions by the release's label."""
    known = decisions or {}
    return tuple(describe_release(release, known.get(release.label)) for release in releases)


def describe_details(release: Release, decision: DecisionRecord | None = None) -> tuple[Detail, ...]:
    """What `show` says of one release: the line's parts, the whole delta, verdicts, limits, files."""
    line = describe_release(release, decision)
    verdicts = list_of(release.facts, "verdicts")
    return (
        Detail("release", line.release),
        Detail("created", line.created),
        Detail("chosen", line.chosen),
        Detail("quality", line.quality),
        Detail("size", line.size),
        Detail("decision", line.sentence),
        *_decision_details(line, decision),
        *(Detail(f"gate {v.get('gate')}", _verdict(v)) for v in verdicts),
        Detail("use", line.usage),
        Detail("manifest", release.manifest_digest),
        Detail("manifest before", release.previous_manifest or "none, this is the first version"),
        *(Detail(f"file {file.path}", f"{file.size_bytes:,} bytes, {file.digest}") for file in release.files),
    )


def tell_story(
    entries: Sequence[Entry],
    *,
    releases: Mapping[str, Release],
    decisions: Mapping[str, DecisionRecord],
    trials: Mapping[str, Trial | LabelRound],
) -> Story:
    """The history that a log tells.

    Args:
        entries: Of the log, in its order; those of one name, or all.
        releases: Label to release; one whose files were erased may be missing.
        decisions: Label to the decision behind it, where one is recorded.
        trials: Digest, as in the manifest of a `decision` entry, to the trial or the round that it records.
    """
    lines: list[HistoryLine] = []
    before: list[str] = []
    bundles = _bundles(releases.values())
    means: dict[tuple[str | None, str | None], int | None] = {}
    for entry in entries:
        if entry.kind == "put":
            lines.append(_line_of(entry, releases, decisions))
        elif told := _event_of(entry, means, trials=trials, bundles=bundles):
            place = _latest_of(entry.name, lines)
            if place is None:
                before.append(told)
            else:
                lines[place] = replace(lines[place], events=(*lines[place].events, told))
        if entry.kind == "alias":
            means[entry.name, entry.alias] = entry.version
        if entry.kind == "retire":
            lines = [replace(ln, is_retired=ln.is_retired or ln.release == entry.label) for ln in lines]
    return Story(
        tuple(replace(line, aliases=_aliases_of(line.release, means)) for line in lines), tuple(before)
    )


def render_story(story: Story, *, is_newest_first: bool = True) -> tuple[str, ...]:
    """The story as plain lines."""
    lines = reversed(story.lines) if is_newest_first else story.lines
    chapters = [_rendered(line) for line in lines]
    opening = ["before the first release", *(f"  {event}" for event in story.before)] if story.before else []
    parts = [*chapters, opening] if is_newest_first else [opening, *chapters]
    return tuple(line for part in parts if part for line in (*part, ""))[:-1]


def _rendered(line: HistoryLine) -> list[str]:
    names = f" ({', '.join(line.aliases)})" if line.aliases else ""
    retired = ", retired" if line.is_retired else ""
    head = f"{line.release}{names}{retired}, {line.created}: {line.chosen}, {line.quality}, {line.size}"
    author = f" ({line.said_by})" if line.said_by else ""
    parts = (
        ("changed", line.changed),
        ("why", (f"{line.why}{author}",)),
        # A rule gives the sentence as its reason.
        ("chosen", () if line.why.startswith(line.sentence) else (line.sentence,)),
        ("tried", line.trials),
        ("use", tuple(part for part in line.usage.splitlines() if part)),
        ("go back", (line.rollback,) if line.rollback else ()),
        ("then", line.events),
    )
    return [head, *(row for term, texts in parts for row in _block(term, texts))]


def _block(term: str, texts: Sequence[str]) -> list[str]:
    return [f"  {term if at == 0 else '':<9}{text}" for at, text in enumerate(texts)]


def _line_of(
    entry: Entry, releases: Mapping[str, Release], decisions: Mapping[str, DecisionRecord]
) -> HistoryLine:
    release = releases.get(entry.label)
    if release is not None:
        return describe_release(release, decisions.get(entry.label))
    return HistoryLine(entry.label, entry.time, _UNKNOWN, _UNMEASURED, _UNMEASURED, "its files were erased")


def _event_of(
    entry: Entry,
    means: Mapping[tuple[str | None, str | None], int | None],
    *,
    trials: Mapping[str, Trial | LabelRound],
    bundles: frozenset[str],
) -> str:
    """What an entry beside a release says; empty where a reader of the history need not know."""
    why = f": {entry.reason}" if entry.reason else ""
    if entry.kind == "alias":
        return f"{entry.time} {_moved(entry, means.get((entry.name, entry.alias)))}{why}"
    if entry.kind == "retire":
        gone = ", its files erased" if entry.erased else ""
        return f"{entry.time} {entry.label} was retired{gone}{why}"
    trial = trials.get(entry.manifest.digest) if entry.kind == "decision" and entry.manifest else None
    if trial is None:
        return ""
    if isinstance(trial, LabelRound):
        return f"{entry.time} {trial.sentence}"
    # The losers of a released build stand with that release already.
    is_told = trial.status in ("lost", "skipped", "stopped", "crashed") and trial.winner in bundles
    return "" if is_told else f"{entry.time} not released: {_told_trial(trial)}"


def _moved(entry: Entry, version: int | None) -> str:
    if entry.version is None:
        return f"{entry.alias} was taken away" + (f" from {entry.name}@{version}" if version else "")
    now = f"{entry.name}@{entry.version}"
    if version is None:
        return f"{entry.alias} means {now}"
    went = "went back" if entry.version < version else "moved"
    return f"{entry.alias} {went} from {entry.name}@{version} to {now}"


def _told_trial(trial: Trial) -> str:
    """`fast lost: as good at an equal cost within noise (macro_f1 0.8863 [0.8585, 0.9128])`."""
    score = next(iter(trial.scores), None)
    shown = "" if score is None else f" ({score.name} {_number(score.value)}{_bounds(score.low, score.high)})"
    return f"{trial.rung} {_ENDINGS[trial.status]}: {trial.reason}{shown}"


def _decision_details(line: HistoryLine, decision: DecisionRecord | None) -> tuple[Detail, ...]:
    if decision is None:
        return ()
    return (
        Detail("verdict", decision.verdict),
        Detail("why", f"{line.why} ({line.said_by})"),
        Detail("follows", ", ".join(parent.release for parent in decision.parents) or "nothing: the first"),
        *(Detail("changed", text) for text in tell_delta(decision.delta)),
        *(Detail("limit", text) for text in decision.limits),
        *(Detail("tried", f"{one.rung}: {one.status}: {one.reason}") for one in decision.tried),
        *((Detail("go back", decision.rollback),) if decision.rollback else ()),
        *(Detail(f"evidence {path}", digest) for path, digest in sorted(decision.evidence.items())),
    )


def _latest_of(name: str | None, lines: Sequence[HistoryLine]) -> int | None:
    places = [at for at, line in enumerate(lines) if line.release.rpartition("@")[0] == name]
    return places[-1] if places else None


def _aliases_of(label: str, means: Mapping[tuple[str | None, str | None], int | None]) -> tuple[str, ...]:
    return tuple(sorted(str(alias) for (name, alias), at in means.items() if f"{name}@{at}" == label))


def _bundles(releases: Iterable[Release]) -> frozenset[str]:
    return frozenset(str(map_of(release.facts, "bundle").get("digest")) for release in releases)


def _quality(facts: Facts) -> str:
    """The declared metric on the sealed split, of the bundle that ships; else of the candidate on dev.

    By a plan of pass/fail questions: what was shown, since no score was told.
    """
    plan = map_of(facts, "cert").get("plan")
    if isinstance(plan, Mapping):
        return f"{plan.get('asked')} {'shown' if plan.get('passed') else 'not shown'} on cert"
    metric = str(facts.get("metric"))
    places = (map_of(facts, "released"), candidate_of(facts, facts.get("chosen")))
    for split in ("cert", "dev"):
        for place in places:
            if found := find_figure(place, metric, split=split):
                return f"{metric} {_number(found.value)}{_bounds(found.low, found.high)} on {split}"
    return _UNMEASURED


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    return f"{value:.4f}"


def _size(facts: Facts) -> str:
    size = number_of(map_of(facts, "bundle"), "size_bytes")
    return _UNMEASURED if size is None else f"{size / 1e6:.2f} MB"


def _verdict(verdict: Facts) -> str:
    needs = verdict.get("needs")
    reason = f"{verdict.get('outcome')}: {verdict.get('reason')}"
    return f"{reason}; would settle it: {needs}" if needs else reason
