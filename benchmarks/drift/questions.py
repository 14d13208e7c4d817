"""clinc150 as traffic: questions out of scope enter a stream of questions in scope, or an encoding breaks.

A model of the rung `ngram` learns from half of the training questions; the others, with the official test,
are the traffic, and the validation questions are what it is certified on.
Always: no question of the traffic was learned from; a window draws its questions without putting one back,
and those in scope come again in later windows only when all have come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import data_file, read_clinc150_out_of_scope
from benchmarks.drift.watched import WatchedFolder
from smallcraft.bundle.inputs import Inputs
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.models.calibrate import fit_scale
from smallcraft.models.parts.linear import design_matrix, fit_margin, linear_logits
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.settings import WatchSettings

Floats = NDArray[np.float64]
# What becomes of a window's questions.
Change = Callable[[list[str], np.random.Generator], list[str]]
HOUR_S, WINDOW_ROWS = 3600, 200
_EVERY_OTHER = 2


@dataclass(frozen=True)
class Model:
    """What answers questions.

    Attributes:
        answer: Probabilities `(n, 150)` of texts.
        classes: Names of the intents.
    """

    answer: Callable[[Sequence[str]], Floats]
    classes: tuple[str, ...]

    def rows(self, texts: Sequence[str]) -> Rows:
        """Questions with what is answered to them."""
        probs = self.answer(texts)
        labels = [self.classes[code] for code in probs.argmax(axis=1).tolist()]
        return Rows(
            len(texts), texts={"message": list(texts)}, answers=AnswerRows(labels, probs.max(axis=1), probs)
        )


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


def helpdesk() -> Helpdesk:
    """Teach and certify the model; a few CPU-seconds.

    Raises:
        AbsentDataError: The data are not there.
    """
    found = json.loads(data_file("clinc150/data_full.json").read_text(encoding="utf-8"))
    taught, kept = found["train"][::_EVERY_OTHER], found["train"][1::_EVERY_OTHER]
    classes = tuple(sorted({intent for _, intent in taught}))
    code = {name: place for place, name in enumerate(classes)}
    texts = [text for text, _ in taught]
    block = fit_ngrams(train_tokenizer(texts), [_inputs(texts)])
    labels = np.array([code[intent] for _, intent in taught], dtype=np.int64)
    weights = fit_margin(design_matrix([[block.encode(_inputs(texts))]]), labels, len(classes), 0)
    asked = [text for text, _ in found["val"]]
    truth = np.array([code[intent] for _, intent in found["val"]], dtype=np.int64)
    scale = fit_scale(linear_logits(design_matrix([[block.encode(_inputs(asked))]]), weights), truth)

    def answer(several: Sequence[str]) -> Floats:
        logits = scale * linear_logits(design_matrix([[block.encode(_inputs(several))]]), weights)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    model = Model(answer, classes)
    reference = make_reference(
        model.rows(asked),
        rng=np.random.default_rng(0),
        learned_from=Rows(len(texts), texts={"message": texts}),
    )
    in_scope = tuple(text for text, _ in (*kept, *found["test"]))
    release = WatchedRelease("helpdesk@1", reference)
    return Helpdesk(release, model, in_scope, tuple(read_clinc150_out_of_scope()))


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
    texts = [dict(row["values"])["message"] for row in batch]  # type: ignore[call-overload]
    return sum(text in strange for text in texts) / len(texts) if texts else None


def _inputs(texts: Sequence[str]) -> Inputs:
    return Inputs(len(texts), list(texts), np.empty((len(texts), 0)), ())
