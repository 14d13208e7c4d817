"""Writes the exact form of what ends as INT8, and sets the bundle that ships beside it on sealed inputs.

Before the refit the two are compared on dev, with labels (`evaluate.audits.compression`). After it dev has
been learned, and of cert only the inputs are read: whether both say the same needs nobody's labels.
Always: nothing is trained for it; what was found of a bundle is remembered by digests.
Left to others: what disagreement means for the release (`gates.compression`).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.canonical import canonical_json, digest_value
from smallcraft.evaluate.audits.compression import measure_agreement
from smallcraft.models.exact import list_rounded
from smallcraft.models.forms import CandidateName, parse_candidate
from smallcraft.models.ladder import Attempt, fit_rung
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.columns import bundle_rows, key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.recorded import measurement_of
from smallcraft.pipeline.stages.measure import MeasuredSplit
from smallcraft.pipeline.stages.train import text_memory
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.records import Measurement

_FORMAT = 1


def is_compressed(bundle: Bundle) -> bool:
    """Whether anything in it is INT8, and its answers are labels: then it has an exact form beside it."""
    return bundle.task == "multiclass" and bool(list_rounded(bundle.stages))


def write_exact(config: Config, workshop: Workshop, attempt: Attempt) -> Path:
    """The exact form of a candidate that was built, as a bundle beside the cache.

    Args:
        config: The project.
        workshop: What the candidate was trained from.
        attempt: Has a decoder, which is kept.
    """
    name = str(CandidateName(parse_candidate(attempt.rung).rung, "fp32"))
    written = fit_rung(name, workshop, _exact_folder(config), about={}, decoder=attempt.decoder)
    assert written.bundle is not None
    return written.bundle


def drop_exact(config: Config) -> None:
    """Delete the exact forms: they are four times as large, and what was found of them is remembered."""
    shutil.rmtree(_exact_folder(config), ignore_errors=True)


def _exact_folder(config: Config) -> Path:
    return Workspace(config.folder).cache / "exact"


def compare_released(
    config: Config, workshop: Workshop, released: Attempt, split: MeasuredSplit, *, listener: Listener
) -> tuple[Measurement, ...]:
    """How often the bundle that ships says what its exact form says; nothing where nothing is rounded.

    Args:
        config: The project.
        workshop: What the bundle was trained from, dev rows included after a refit.
        released: The bundle.
        split: Sealed rows; their inputs are read, never their labels.
        listener: Told what is running.
    """
    assert released.bundle is not None
    bundle = open_bundle(released.bundle)
    if not is_compressed(bundle):
        return ()
    confidence = config.quality.confidence
    circumstances = (_FORMAT, bundle.digest, split.ref.digest, confidence)
    path = Workspace(config.folder).cache / "compression" / f"{digest_value(circumstances)[7:31]}.json"
    if not path.exists():
        listener.progress(f"setting {released.rung} beside its exact form", 0.0)
        exact = write_exact(config, workshop, released)
        clusters = None if split.roles.key is None else key_codes(split.frame[split.roles.key])
        rows = bundle_rows(split.frame, bundle.spec, source=split.name)
        asked, beside = (
            text_memory(Workspace(config.folder).cache).bind(b) for b in (bundle, open_bundle(exact))
        )
        found = measure_agreement(asked, beside, rows, clusters=clusters, confidence=confidence)
        drop_exact(config)
        write_whole(path, canonical_json(replace(found, split=split.name)))
    return (measurement_of(json.loads(path.read_bytes())),)
