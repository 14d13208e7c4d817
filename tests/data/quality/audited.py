"""A small labelled split, a model's answers, and a person who fills in audit sheets."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import polars as pl

from smallcraft.data.quality.audit import plan_audit, write_audit_sheet
from smallcraft.data.quality.sheet import ANSWER, ROW
from smallcraft.records import Predictions, Roles

ROLES = Roles(label="intent", text="message", features=("age",))
CLASSES = ("card", "loan", "-1")
MESSAGES = ("hello {}", "=1+{}", "+{}", "@x{}", 'a "quoted", {}\nline', "'{}", "ünïcode {}", "-{}")


@dataclass(frozen=True)
class Split:
    """Rows, what is true of them, and a model's answers."""

    frame: pl.DataFrame
    truth: np.ndarray
    given: Predictions

    @property
    def accuracy(self):
        return float((self.truth == self.given.truth).mean())


def make_split(rows=600, *, wrong=0.08, seed=0):
    """A model that is right on nine rows of ten, and labels of which some are exchanged."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, rows)
    logits = rng.normal(size=(rows, 3))
    logits[np.arange(rows), truth] += 3
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = np.where(rng.random(rows) < wrong, (truth + rng.integers(1, 3, rows)) % 3, truth)
    frame = pl.DataFrame(
        {
            "message": [MESSAGES[row % len(MESSAGES)].format(row) for row in range(rows)],
            "age": [float(row) for row in range(rows)],
            "intent": [CLASSES[code] for code in codes],
        }
    )
    return Split(frame, truth, Predictions(CLASSES, codes.astype(np.int64), probs))


def write_sheet_for(split, path, *, n=60, seed=3, name="all"):
    """The plan, after writing its sheet."""
    plan = plan_audit(split.given, n=n, seed=seed, split=name)
    write_audit_sheet(path, plan, split.frame, ROLES)
    return plan


def lines_of(path):
    """A sheet as a person's tool reads it."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def fill_in(path, split, *, change=None, separator=",", encoding="utf-8-sig"):
    """Answer every row with the truth; `change` maps the place of a line to another answer."""
    lines = lines_of(path)
    for at, line in enumerate(lines):
        line[ANSWER] = CLASSES[split.truth[int(line[ROW])]]
        if change and at in change:
            line[ANSWER] = change[at]
    write_lines(path, lines, separator=separator, encoding=encoding)
    return lines


def write_lines(path, lines, *, separator=",", encoding="utf-8-sig"):
    """Save a sheet as a spreadsheet does."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, fieldnames=list(lines[0]), delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    path.write_bytes(buffer.getvalue().encode(encoding))
