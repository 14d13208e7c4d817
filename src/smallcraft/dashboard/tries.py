"""Every candidate that was ever tried, and every round of labelling, out of the registry's log.

A released build tells of its winner and its losers; one that a gate kept back stands in the log as trials.
Leaves to others: reading entries (`dashboard.archive`), filters and pages (`views.experiments`).
Always: each candidate of each build once; what cannot be read is named, and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from smallcraft.dashboard.archive import Happened, open_log, read_happened
from smallcraft.dashboard.sources import Sources, read_part
from smallcraft.registry.composing import read_decision
from smallcraft.registry.memory.decisions import DecisionRecord
from smallcraft.registry.memory.evidence import Facts, Figure, candidate_of, find_figure, map_of, text_of
from smallcraft.registry.memory.rounds import LabelRound
from smallcraft.registry.memory.trials import Trial, trials_of_build
from smallcraft.registry.memory.wording import tell_gist
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.tlog.entry import Entry

_TOLD_WITH_RELEASE = frozenset(("lost", "skipped", "stopped", "crashed"))
_COST = "cpu_s_per_1000"


@dataclass(frozen=True)
class Try:
    """One candidate of one build.

    Attributes:
        rung: Its name.
        project: That it was tried for.
        release: What its build released; empty where a gate kept everything back.
        number: Of the log's entry that tells of it, from 1.
        time: Of that entry, RFC 3339.
        outcome: `released`, `lost`, `skipped`, `stopped`, `crashed`, `failed` or `undecided`.
        quality: The declared metric on dev; None where it was not measured.
        cost: CPU-seconds of 1,000 answers.
        size: In MB.
        changed: A released one: what it changed against the release before.
        why: A released one: the reason that was given; another one: why it is not the winner.
    """

    rung: str
    project: str
    release: str
    number: int
    time: str
    outcome: str
    quality: Figure | None
    cost: Figure | None
    size: Figure | None
    changed: str
    why: str


@dataclass(frozen=True)
class Tries:
    """All of them.

    Attributes:
        tries: Newest first; of one build in the ladder's order.
        rounds: Of labelling, newest first: when, and what it bought.
        problems: What could not be read, in words.
    """

    tries: tuple[Try, ...]
    rounds: tuple[tuple[str, LabelRound], ...]
    problems: tuple[str, ...]


def read_tries(sources: Sources) -> Tries:
    """Everything that was tried; only what is new since the last time is read.

    Raises:
        NotFoundError: Nothing was released or tried yet.
        IntegrityError: The log is broken.
    """
    log = open_log(sources)
    return sources.remember("tries", log.checkpoint.root_digest, lambda: _read(sources, log))


@dataclass(frozen=True)
class _Build:
    """A build that released something."""

    winner: str
    tries: tuple[Try, ...]


def _read(sources: Sources, log: OpenLog) -> Tries:
    builds, happened, problems = [], [], []
    for number, entry in enumerate(log.entries, start=1):
        if entry.kind == "put" and not log.is_erased(entry):
            build = read_part(partial(_remember_build, sources, entry, number))
            builds += [] if build.value is None else [build.value]
            problems += [build.problem] if build.value is None else []
        elif entry.kind == "decision" and entry.manifest:
            event = read_part(partial(read_happened, sources, entry, number))
            happened += [] if event.value is None else [event.value]
            problems += [event.problem] if event.value is None else []
    winners = frozenset(build.winner for build in builds)
    tries = [*(one for build in builds for one in build.tries), *_kept_back(happened, winners)]
    rounds = [(one.time, one.what) for one in reversed(happened) if isinstance(one.what, LabelRound)]
    newest_first = sorted(tries, key=lambda one: -one.number)
    return Tries(tuple(newest_first), tuple(rounds), tuple(problems))


def _kept_back(happened: Iterable[Happened], winners: frozenset[str]) -> Iterator[Try]:
    """Trials of builds that released nothing; those of the others are told with their release."""
    for one in happened:
        trial = one.what
        if isinstance(trial, LabelRound):
            continue
        if trial.status not in _TOLD_WITH_RELEASE or trial.winner not in winners:
            yield _try_of(trial, release="", number=one.number, time=one.time)


def _remember_build(sources: Sources, entry: Entry, number: int) -> _Build:
    assert entry.manifest is not None

    def read() -> _Build:
        stored = sources.registry().find(entry.label)
        return _build_of(stored.facts, read_decision(stored), entry, number)

    return sources.remember(f"tries {entry.label}", entry.manifest.digest, read)


def _build_of(facts: Facts, decision: DecisionRecord | None, entry: Entry, number: int) -> _Build:
    rung = text_of(facts, "chosen")
    found = candidate_of(facts, rung)
    metric = text_of(facts, "metric") or "accuracy"
    released = Try(
        rung=rung,
        project=entry.name or "",
        release=entry.label,
        number=number,
        time=entry.time,
        outcome="released",
        quality=find_figure(found, metric, split="dev"),
        cost=find_figure(found, _COST, split=None),
        size=find_figure(found, "size_mb", split=None),
        changed="" if decision is None else next(iter(tell_gist(decision.delta)), ""),
        why="not recorded" if decision is None else decision.rationale.text,
    )
    losers = [
        _try_of(trial, release=entry.label, number=number, time=entry.time)
        for trial in trials_of_build(facts)
        if trial.rung != rung
    ]
    return _Build(text_of(map_of(facts, "bundle"), "digest"), (released, *losers))


def _try_of(trial: Trial, *, release: str, number: int, time: str) -> Try:
    costs = {cost.name: cost for cost in trial.costs}
    return Try(
        rung=trial.rung,
        project=trial.name,
        release=release,
        number=number,
        time=time,
        outcome=trial.status,
        quality=next(iter(trial.scores), None),
        cost=costs.get(_COST),
        size=costs.get("size_mb"),
        changed="",
        why=trial.reason,
    )
