"""Promises of training: what can be learned is learned, what cannot is not, and twice gives the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.load import load_table
from smallcraft.models.ladder import fit_rung
from smallcraft.models.workshop import Workshop, no_progress
from smallcraft.pipeline.selftest.promise import Promise, expect
from smallcraft.pipeline.selftest.rows import made_messages
from smallcraft.pipeline.stages.train import open_workshop_of_rows
from smallcraft.records import Roles
from smallcraft.stats.intervals import clopper_pearson_interval

_ROLES = Roles(label="intent", text="message")
_TRAIN, _TEST = 240, 150


def what_words_give_away_is_learned(folder: Path, seed: int) -> str:
    """The lower bound of accuracy on unseen rows."""
    right, rows = _right_answers(_train(_workshop(folder, seed), folder), seed)
    low = clopper_pearson_interval(right, rows).low
    return expect(low > 0.9, f"{right} of {rows} unseen rows right, at least {low:.1%}")


def shuffled_labels_are_not_learned(folder: Path, seed: int) -> str:
    """With three classes, chance is a third."""
    workshop = _workshop(folder, seed)
    shuffled = np.random.default_rng(seed).permutation(workshop.labels)
    right, rows = _right_answers(_train(replace(workshop, labels=shuffled), folder), seed)
    low = clopper_pearson_interval(right, rows, level=0.999).low
    return expect(low < 1 / 3, f"{right} of {rows} right after learning shuffled labels; chance is a third")


def twice_gives_the_same_bundle(folder: Path, seed: int) -> str:
    """Digest of all files, each time from nothing."""
    digests = {_train(_workshop(folder / name, seed), folder / name).digest for name in ("once", "again")}
    return expect(len(digests) == 1, f"{len(digests)} digest(s) of two trainings")


def an_answer_does_not_depend_on_its_neighbours(folder: Path, seed: int) -> str:
    """A row alone, and among others."""
    bundle = _train(_workshop(folder, seed), folder)
    texts = made_messages(30, seed=seed + 1)["message"]
    alone = np.concatenate([bundle.predict_proba([text]) for text in texts])
    largest = float(np.abs(bundle.predict_proba(texts) - alone).max())
    return expect(largest < 1e-6, f"probabilities differ by {largest:.0e} at most")


def _workshop(folder: Path, seed: int) -> Workshop:
    folder.mkdir(exist_ok=True)
    pl.DataFrame(made_messages(_TRAIN, seed=seed)).write_csv(folder / "rows.csv")
    table = load_table(folder / "rows.csv", _ROLES)
    return open_workshop_of_rows(
        table.ref, table.frame, seed=seed, cache=folder / "cache", backbone="none", progress=no_progress
    )


def _train(workshop: Workshop, folder: Path) -> Bundle:
    attempt = fit_rung("ngram", workshop, folder / "bundles", about={})
    assert attempt.bundle is not None
    return open_bundle(attempt.bundle)


def _right_answers(bundle: Bundle, seed: int) -> tuple[int, int]:
    """On rows that were drawn with another seed."""
    rows = made_messages(_TEST, seed=seed + 1000)
    truth: NDArray[np.str_] = np.array(rows["intent"])
    return int((np.array(bundle.predict(rows["message"])) == truth).sum()), _TEST


PROMISES = (
    Promise("training", "labels that words give away are learned", what_words_give_away_is_learned),
    Promise("training", "shuffled labels are not learned", shuffled_labels_are_not_learned),
    Promise("training", "the same rows and seed give the same bundle", twice_gives_the_same_bundle),
    Promise(
        "training",
        "a row's answer does not depend on its neighbours",
        an_answer_does_not_depend_on_its_neighbours,
    ),
)
