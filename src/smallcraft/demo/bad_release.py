"""The tour's bad release: a real version, built on an export whose fault its gates cannot see.

Every message is cut and two labels are exchanged, in the rows that it learns from as in those that judge it,
so it passes; on whole messages of clients it errs.
Leaves to others: what is broken (`demo.helpdesk.faults`), rolling it back (`demo.rollouts`).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from smallcraft.demo.helpdesk.faults import bad_release_rows
from smallcraft.demo.helpdesk.project import TOUR_FILE
from smallcraft.demo.weeks import LABELLED
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.result import BuildResult

PROJECT, EXPORT = "broken-export.toml", "broken-export.csv"
BECAUSE = "the newest export, taken over as it came"
_CHANGES = (
    ('path = "tickets.csv"', f'path = "{EXPORT}"'),
    ('votes = ["ann_a", "ann_b", "ann_c"]', "votes = []"),
    ('rungs = ["majority", "ngram", "fast"]', 'rungs = ["majority", "ngram"]'),
    ("rows = 100", 'run = ["failures"]'),
)


def write_bad_project(folder: Path) -> Path:
    """Write the broken export, and the project file that names it.

    Args:
        folder: Of the tour, with its labelled rows.

    Returns:
        The project file; its releases go under the tour's name, into the tour's registry.
    """
    rows = pl.read_csv(folder / LABELLED)
    bad_release_rows(rows).write_csv(folder / EXPORT)
    text = TOUR_FILE
    for before, after in _CHANGES:
        assert before in text, f"the tour's project file says {before}"
        text = text.replace(before, after, 1)
    project = folder / PROJECT
    project.write_text(text, encoding="utf-8", newline="\n")
    return project


def build_bad_release(project: Path, *, listener: Listener) -> BuildResult:
    """Build it as any release is built.

    Args:
        project: From `write_bad_project`.
        listener: Told as things happen.
    """
    return build(load_config(project), listener=listener, because=lambda _decision: BECAUSE)
