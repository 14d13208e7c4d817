"""The privacy audit of one recipe, in CPU-seconds: canaries in a twin, the reference, the scan of the bundle.

What a build has made before it audits is made first and counted apart: the candidate, its decoder, and the
embeddings of the train rows in the workshop's memory.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job
from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.table import make_table
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.privacy import PrivacyAudit
from smallcraft.models.ladder import fit_rung
from smallcraft.models.workshop import Workshop, no_progress
from smallcraft.pipeline.stages.score import predictions_of
from smallcraft.pipeline.stages.train import open_workshop_of_rows
from smallcraft.pipeline.stages.twin import WorkshopTwin
from smallcraft.records import Roles

_ROLES = Roles(label="label", text="text")
_HELD_OUT = 0.15
_SEED = 0


def main() -> None:
    """Train each rung of the job on 85 % of the rows, and audit it with the rest as natural canaries."""
    job = read_job()
    kept = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    frame = pl.DataFrame({"text": kept["columns"]["text"], "label": kept["labels"]})
    order = np.random.default_rng(_SEED).permutation(frame.height)
    held = int(_HELD_OUT * frame.height)
    train, dev = (make_table(frame[part], _ROLES, source="rows") for part in (order[held:], order[:held]))
    workshop = open_workshop_of_rows(
        train.ref,
        train.frame,
        seed=_SEED,
        cache=Path(job["cache"]),
        backbone="auto",
        progress=no_progress,
    )
    print_answer(
        {
            "audits": {rung: audit(workshop, rung, dev.frame, Path(job["cache"])) for rung in job["rungs"]},
            "train": train.frame.height,
            "held_out": dev.frame.height,
            "peak_mb": peak_rss_mb(),
        }
    )


def audit(workshop: Workshop, rung: str, dev: pl.DataFrame, folder: Path) -> dict[str, Any]:
    """One rung."""
    before = time.process_time()
    attempt = fit_rung(rung, workshop, folder / "bundles", about={})
    assert attempt.bundle is not None
    assert attempt.decoder is not None
    bundle = open_bundle(attempt.bundle)
    rows = {"text": dev["text"].to_list()}
    predictions = predictions_of(bundle.predict_proba(rows), dev, _ROLES, workshop.classes)
    built = time.process_time()
    found = PrivacyAudit().measure(
        AuditSubject(
            rows,
            _SEED,
            bundle=bundle.path,
            spec=workshop.spec,
            predictions=predictions,
            twin=WorkshopTwin(workshop, rung, attempt.decoder),
        )
    )
    return {
        "cpu_s": time.process_time() - built,
        "candidate_cpu_s": built - before,
        "summary": found.summary,
        "measurements": [asdict(measurement) for measurement in found.measurements],
    }


if __name__ == "__main__":
    main()
