"""A round through the project's own verbs: a file with wrong labels, `label next`, people, `label import`.

Everything is as a user has it: the rows are judged by the cheap rung of the project, the batch has its blind
arm, the labels of the next version are read back from its files, and the official test is the sealed part.
Always: nobody but the people sees the truth.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.datasets import Dataset, Rows
from smallcraft.data.quality.sheet import unescaped
from smallcraft.label.measuring import Delta, measure_batch
from smallcraft.label.outcome import Outcome
from smallcraft.pipeline.config import Config, load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.labelling.answers import measure, take_answers
from smallcraft.pipeline.labelling.planning import LabelPlan, propose
from smallcraft.pipeline.labelling.project import LabelProject, open_label_project
from smallcraft.pipeline.labelling.trainer import DevTrainer

_PROJECT = """name = "campaign"
seed = {seed}

[data]
path = "rows.csv"
cert = "cert.csv"
text = "text"
label = "label"

[ladder]
rungs = ["majority", "ngram"]
backbone = "none"
"""
_NOW = datetime(2026, 11, 29, tzinfo=UTC)


@dataclass(frozen=True)
class ProjectRound:
    """What a round in a project did.

    Attributes:
        seed: Of all of it.
        rows: Of train, which may be asked about.
        wrong: Of these, with a wrong label.
        asked: Rows asked about, by arm.
        repaired: Of these, labels that were wrong and are right in the next version, by arm.
        broken: Labels of the whole file that were right and are wrong now.
        printed: What `label measure` says of accuracy, on dev.
        on_test: The same on the official test.
    """

    seed: int
    rows: int
    wrong: int
    asked: Mapping[str, int]
    repaired: Mapping[str, int]
    broken: int
    printed: Delta
    on_test: Delta

    @property
    def ratio(self) -> float:
        """Repairs for one answer of the targeted arm, over those of the blind arm."""
        rate = {arm: self.repaired[arm] / self.asked[arm] for arm in ("targeted", "random")}
        return rate["targeted"] / rate["random"] if rate["random"] else float("inf")

    @property
    def is_covered(self) -> bool:
        """Whether the printed interval contains the delta on the official test."""
        return self.printed.interval.low <= self.on_test.value <= self.printed.interval.high


def run_project_round(
    dataset: Dataset, *, wrong: float, right: float, answers: int, seed: int, strategy: str = "relabel_value"
) -> ProjectRound:
    """Plant wrong labels, ask, answer, import, measure.

    Args:
        dataset: The official split.
        wrong: Share of training labels to replace.
        right: How often people are right.
        answers: Budget of the round, in votes.
        seed: Of all of it.
        strategy: Of the targeted arm.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-campaign-") as name:
        folder, rng = Path(name), np.random.default_rng([seed, 77])
        truth = _plant(folder, dataset, wrong=wrong, seed=seed, rng=rng)
        config, quiet = load_config(folder), SilentListener()
        before = open_label_project(config, quiet)
        proposed = propose(config, LabelPlan(float(answers), strategy, "csv"), now=_NOW)
        people = _answers(proposed.files[0], truth, right=right, rng=rng)
        (folder / "answers.csv").write_bytes(people)
        taken = take_answers(config, folder / "answers.csv", now=_NOW)
        assert taken.version is not None, "people changed labels"
        outcome = measure(config, proposed.campaign.id, seeds=(seed,), now=_NOW).outcome
        arms = {ask.item: ask.arm for ask in proposed.campaign.asks}
        return _judge(config, before, taken.version.path, outcome, truth=truth, arms=arms, seed=seed)


def _plant(
    folder: Path, dataset: Dataset, *, wrong: float, seed: int, rng: np.random.Generator
) -> Mapping[str, str]:
    """Write the project; gives the true label of each text."""
    names = sorted({*dataset.train.labels, *dataset.test.labels})
    code = {name: place for place, name in enumerate(names)}
    codes = np.array([code[label] for label in dataset.train.labels])
    other = (codes + rng.integers(1, len(names), len(codes))) % len(names)
    given = np.where(rng.random(len(codes)) < wrong, other, codes)
    _save(folder / "rows.csv", dataset.train, [names[place] for place in given.tolist()])
    _save(folder / "cert.csv", dataset.test, dataset.test.labels)
    (folder / "smallcraft.toml").write_text(_PROJECT.format(seed=seed), encoding="utf-8")
    return dict(zip(map(str, dataset.train.columns["text"]), dataset.train.labels, strict=True))


def _save(path: Path, rows: Rows, labels: list[str]) -> None:
    pl.DataFrame({"text": [str(text) for text in rows.columns["text"]], "label": labels}).write_csv(path)


def _answers(sheet: Path, truth: Mapping[str, str], *, right: float, rng: np.random.Generator) -> bytes:
    """One vote on each line, right so often, else any other class; a second line is another person's."""
    names = sorted({*truth.values()})
    with sheet.open(newline="", encoding="utf-8-sig") as stream:
        lines = list(csv.DictReader(stream))
    seen: dict[str, int] = {}
    told = []
    for line in lines:
        label = truth[unescaped(line["text"])]
        if rng.random() >= right:
            label = str(rng.choice([name for name in names if name != label]))
        seen[line["item_id"]] = seen.get(line["item_id"], 0) + 1
        told.append({**line, "annotator": f"person{seen[line['item_id']]}", "label": label})
    return pl.DataFrame(told).write_csv().encode()


def _judge(
    config: Config,
    project: LabelProject,
    version: str,
    outcome: Outcome,
    *,
    truth: Mapping[str, str],
    arms: Mapping[str, str],
    seed: int,
) -> ProjectRound:
    """Hold the next version against the truth, and measure on the official test."""
    table = project.table(())
    (path,) = sorted(config.folder.glob(version))
    now, was = (
        pl.read_csv(path)["label"].to_list(),
        pl.read_csv(config.folder / "rows.csv")["label"].to_list(),
    )
    classes, after = table.seen.classes, table.seen.truth.copy()
    asked, repaired = dict.fromkeys(("targeted", "random"), 0), dict.fromkeys(("targeted", "random"), 0)
    wrong = broken = 0
    for row, item in enumerate(table.items):
        at = table.copies[item][0]
        right = truth[table.frame["text"][row]]
        after[row] = classes.index(now[at])
        wrong += was[at] != right
        broken += was[at] == right != now[at]
        if arm := arms.get(item):
            asked[arm] += 1
            repaired[arm] += was[at] != right == now[at]
    assert outcome.overall is not None
    frames = project.prepared.splits.frames
    prepared = replace(
        project.prepared,
        splits=replace(project.prepared.splits, frames={**frames, "dev": frames["cert"]}),
    )
    seen = project.judged.predictions
    tested = replace(
        project,
        prepared=prepared,
        judged=replace(project.judged, predictions={**seen, "dev": seen["cert"]}),
    )
    trainer = DevTrainer(tested, table, listener=SilentListener())
    on_test = measure_batch(
        trainer, before=table.seen.truth, after=after, truth=trainer.truth, seeds=[seed]
    ).overall
    return ProjectRound(seed, len(table.items), wrong, asked, repaired, broken, outcome.overall, on_test)
