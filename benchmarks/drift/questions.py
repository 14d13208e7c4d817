"""clinc150 as traffic: questions out of scope enter a stream of questions in scope, or an encoding breaks.

A rung of the ladder learns from half of the training questions; the others, with the official test, are the
traffic, and the validation questions are what it is certified on.
Always: no question of the traffic was learned from; a window draws its questions without putting one back,
and those in scope come again in later windows only when all have come.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.datasets import data_file, read_clinc150_out_of_scope
from benchmarks.drift.watched import WatchedFolder
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.load import load_table
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.models.ladder import fit_rung
from smallcraft.models.workshop import no_progress
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.settings import WatchSettings
from smallcraft.pipeline.profiled_rows import answered_rows
from smallcraft.pipeline.stages.train import open_workshop_of_rows
from smallcraft.records import Roles
from smallcraft.serve.windows.embeddings import embed

# What becomes of a window's questions.
Change = Callable[[list[str], np.random.Generator], list[str]]
TEXT = "message"
HOUR_S, WINDOW_ROWS = 3600, 200
_EVERY_OTHER = 2
# What a build gives a cascade to spend: a quarter of the default margin of 0.01.
_ROUTING = 0.0025


@dataclass(frozen=True)
class Model:
    """What answers questions.

    Attributes:
        bundle: That is asked.
        known: What it answered to questions that are asked again and again.
        places: Of each of these.
    """

    bundle: Bundle
    known: Rows
    places: Mapping[str, int]

    def rows(self, texts: Sequence[str]) -> Rows:
        """Questions with what is answered to them."""
        if all(text in self.places for text in texts):
            return self.known.take(np.array([self.places[text] for text in texts]))
        return _answered(self.bundle, texts)


@dataclass(frozen=True)
class Helpdesk:
    """A certified model and traffic for it.

    Attributes:
        release: With its reference.
        model: That answers.
        in_scope: Questions that the model was not taught, of intents it knows.
        out_of_scope: Of none of them.
    """

    release: WatchedRelease
    model: Model
    in_scope: tuple[str, ...]
    out_of_scope: tuple[str, ...]


@dataclass(frozen=True)
class Entered:
    """What became of questions out of scope.

    Attributes:
        false_alarms: Before they came.
        delay: Windows until the alarm, the one that raised it included; None where none came.
        alarm: That was raised; None for none.
        share: Of them among all rows since they came.
        batch: Share of them among the rows of the review batch; None without an alarm.
        targeted: Likewise without the batch's random arm.
        random: Likewise of the random arm alone.
    """

    false_alarms: int
    delay: int | None
    alarm: Alarm | None
    share: float
    batch: float | None = None
    targeted: float | None = None
    random: float | None = None


def helpdesk(rung: str) -> Helpdesk:
    """Teach and certify a model: seconds for `ngram`, a minute for `cascade`, which the ladder chooses here.

    Args:
        rung: Its name.

    Raises:
        AbsentDataError: The data are not there.
    """
    found = json.loads(data_file("clinc150/data_full.json").read_text(encoding="utf-8"))
    taught, kept = found["train"][::_EVERY_OTHER], found["train"][1::_EVERY_OTHER]
    with tempfile.TemporaryDirectory() as folder:
        bundle = _teach(rung, taught, Path(folder))
    learned, asked = _texts(taught), _texts(found["val"])
    reference = make_reference(
        _answered(bundle, asked),
        rng=np.random.default_rng(0),
        learned_from=replace(_answered(bundle, learned), embedding=embed(bundle, _inputs(learned))),
    )
    in_scope, strange = _texts([*kept, *found["test"]]), read_clinc150_out_of_scope()
    places = {text: place for place, text in enumerate(dict.fromkeys([*in_scope, *strange]))}
    model = Model(bundle, _answered(bundle, list(places)), places)
    return Helpdesk(WatchedRelease("helpdesk@1", reference), model, tuple(in_scope), tuple(strange))


def _teach(rung: str, rows: Sequence[tuple[str, str]], folder: Path) -> Bundle:
    path = folder / "train.csv"
    pl.DataFrame({TEXT: _texts(rows), "intent": [intent for _, intent in rows]}).write_csv(path)
    table = load_table(str(path), Roles(label="intent", text=TEXT))
    workshop = open_workshop_of_rows(
        table.ref, table.frame, seed=0, cache=folder / "cache", backbone="auto", progress=no_progress
    )
    attempt = fit_rung(rung, replace(workshop, tolerance=_ROUTING), folder / "bundles", about={})
    assert attempt.bundle is not None, attempt
    return open_bundle(attempt.bundle)


def _answered(bundle: Bundle, texts: Sequence[str]) -> Rows:
    return answered_rows(bundle, pl.DataFrame({TEXT: texts}), source="clinc150")


def _texts(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [text for text, _ in rows]


def _inputs(texts: Sequence[str]) -> Inputs:
    return Inputs(len(texts), list(texts), np.empty((len(texts), 0)), ())


def traffic(desk: Helpdesk, *, seed: int) -> Iterator[list[str]]:
    """Windows of 200 questions in scope, without end.

    Args:
        desk: Whose.
        seed: Of their order.
    """
    rng = np.random.default_rng([seed, 2])
    waiting: list[str] = []
    while True:
        if len(waiting) < WINDOW_ROWS:
            waiting += [desk.in_scope[place] for place in rng.permutation(len(desk.in_scope))]
        yield waiting[:WINDOW_ROWS]
        waiting = waiting[WINDOW_ROWS:]


def play(
    desk: Helpdesk,
    folder: Path,
    change: Change,
    *,
    settings: WatchSettings,
    quiet: int,
    waits: int,
    seed: int,
) -> Entered:
    """Watch quiet windows, then changed ones until an alarm is raised.

    Args:
        desk: A certified model.
        folder: An empty one.
        change: What becomes of a window's questions.
        settings: As declared.
        quiet: Windows before the change.
        waits: Windows that are waited for.
        seed: Of all chance.
    """
    rng, drawn = np.random.default_rng([seed, 3]), traffic(desk, seed=seed)
    strange = set(desk.out_of_scope)
    seen = odd = 0
    with WatchedFolder(desk.release, settings, folder, seed=seed) as watched:
        for at in range(quiet):
            watched.store_window(at, desk.model.rows(next(drawn)))
        false_alarms = len(watched.look().raised)
        for alarm in watched.journal.alarms():
            if alarm.is_open:
                watched.close_alarm(alarm, quiet, accepted=False)
        for since in range(waits):
            texts = change(next(drawn), rng)
            seen, odd = seen + len(texts), odd + sum(text in strange for text in texts)
            raised = watched.close_window(quiet + since, desk.model.rows(texts)).raised
            if raised:
                (alarm,) = (each for each in watched.journal.alarms() if each.id == raised[0].id)
                batch = read_batch(alarm)
                return Entered(
                    false_alarms,
                    since + 1,
                    alarm,
                    odd / seen,
                    _share(batch, strange),
                    _share([row for row in batch if row["arm"] != "random"], strange),
                    _share([row for row in batch if row["arm"] == "random"], strange),
                )
        return Entered(false_alarms, None, None, odd / max(seen, 1))


def out_of_scope(desk: Helpdesk, share: float) -> Change:
    """A change: a share of the questions belongs to no intent.

    Args:
        desk: Whose.
        share: Of a window's questions.
    """

    def change(texts: list[str], rng: np.random.Generator) -> list[str]:
        several = round(share * len(texts))
        places = rng.choice(len(desk.out_of_scope), several, replace=False)
        return [desk.out_of_scope[place] for place in places] + texts[several:]

    return change


def misread(texts: list[str], rng: np.random.Generator) -> list[str]:
    """A change: a client sends typographic apostrophes, which a gateway reads in another encoding."""
    del rng
    return [text.replace("'", "\u2019").encode().decode("cp1252", errors="replace") for text in texts]


def is_misread(token: str) -> bool:
    """Whether a word has a piece of what `misread` makes of an apostrophe.

    >>> is_misread("\u20ac"), is_misread("what")
    (True, False)
    """
    return not set(token).isdisjoint("\u00e2\u20ac\u2122")


def read_batch(alarm: Alarm) -> list[dict[str, object]]:
    """The rows of an alarm's review batch."""
    assert alarm.review is not None
    lines = Path(alarm.review).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _share(batch: Sequence[dict[str, object]], strange: set[str]) -> float | None:
    texts = [dict(row["values"])[TEXT] for row in batch]  # type: ignore[call-overload]
    return sum(text in strange for text in texts) / len(texts) if texts else None
