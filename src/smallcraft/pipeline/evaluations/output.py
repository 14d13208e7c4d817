"""Writes an evaluation down: `evaluation.json` and `evaluation.html`, each whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smallcraft.pipeline.evaluations.page import render_evaluation_page
from smallcraft.pipeline.evaluations.record import Evaluation
from smallcraft.pipeline.workspace import write_whole


@dataclass(frozen=True)
class EvaluationFiles:
    """Where an evaluation was written."""

    document: Path
    page: Path


def write_evaluation(found: Evaluation, folder: Path, *, now: datetime | None = None) -> EvaluationFiles:
    """Write both files; the folder is made when it is not there.

    Args:
        found: The evaluation.
        folder: Where they go; files of these names are replaced.
        now: Printed on the page.
    """
    page = render_evaluation_page(found, now=now or datetime.now(UTC))
    document = json.dumps(found.as_json(), indent=2, allow_nan=False) + "\n"
    files = EvaluationFiles(folder / "evaluation.json", folder / "evaluation.html")
    write_whole(files.document, document.encode("utf-8"))
    write_whole(files.page, page.encode("utf-8"))
    return files
