"""Puts the winner through its audits: whom it fails, what upsets it, what it gives away.

Audited is the candidate as it was measured on dev, before it is trained again on dev too: a model would look
better on rows it has seen. Its recipe and decoder are those that ship.
Always: an audit that cannot be made, or crashes, is a result that says why; what was found once of a bundle
is remembered and read back the same.
Left to others: what a finding means for the release (`smallcraft.gates`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.canonical import canonical_json, digest_bytes, digest_value
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns, text_form
from smallcraft.evaluate.audits import BUILTIN
from smallcraft.evaluate.audits.audit import Audit, AuditSubject, Columns
from smallcraft.evaluate.audits.privacy import PrivacyAudit
from smallcraft.gates.rules.epsilon_at_most import canaries_to_show
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.columns import bundle_rows, key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.stages.measure import Measured, MeasuredSplit
from smallcraft.pipeline.stages.prepare import positions_in
from smallcraft.pipeline.stages.train import digest_of_sources
from smallcraft.pipeline.stages.twin import WorkshopTwin
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.plugins import find_plugin
from smallcraft.records import AuditResult, Finding, Measurement

_FORMAT = 1
_MOST_CANARIES = 2000
# What each needs beside rows, labels and a bundle; without it the audit is not worth a row.
_BY_DEFAULT = ("fairness", "counterfactual", "robustness", "scope", "shift", "failures", "leakage")


@dataclass(frozen=True)
class _Surroundings:
    """What audits may be about, beside the rows of dev."""

    config: Config
    split: MeasuredSplit
    workshop: Workshop

    @property
    def groups(self) -> Mapping[str, Sequence[str | None]]:
        frame = self.split.frame
        return {name: frame[name].cast(pl.String).to_list() for name in self.split.roles.groups}


def audits_to_run(config: Config, workshop: Workshop) -> tuple[str, ...]:
    """Names of the audits: the user's choice, else those that the data allow; a declared gate adds its own.

    Args:
        config: `[audits] run`, and which gates are declared.
        workshop: Knows whether there is a text.
    """
    lacking = {
        "fairness": not config.data.groups,
        "counterfactual": workshop.spec.text is None,
        "scope": config.data.out_of_scope is None,
        "shift": config.data.time is None,
    }
    chosen = config.audits.run or tuple(name for name in _BY_DEFAULT if not lacking.get(name, False))
    judged = tuple(
        name for name in ("fairness", "robustness", "privacy") if getattr(config.gates, name) is not None
    )
    return tuple(dict.fromkeys((*chosen, *judged)))


def audit_winner(
    config: Config, winner: Measured, split: MeasuredSplit, workshop: Workshop, *, listener: Listener
) -> tuple[AuditResult, ...]:
    """Every audit of the winner, as it was measured on dev.

    Args:
        config: The project.
        winner: Has a bundle and its answers on the rows of `split`.
        split: Dev.
        workshop: The rows that the winner was trained from.
        listener: Told what is running.
    """
    assert winner.attempt.bundle is not None
    around = _Surroundings(config, split, workshop)
    bundle = open_bundle(winner.attempt.bundle)
    results = []
    names = audits_to_run(config, workshop)
    for place, name in enumerate(names):
        listener.progress(f"auditing: {name}", place / len(names))
        audit = _with_enough_canaries(find_plugin("audits", name, BUILTIN), config)
        results.append(_recall_result(audit, bundle, winner, around))
    return tuple(results)


def _with_enough_canaries(audit: Audit, config: Config) -> Audit:
    """A privacy audit that could show more than the gate allows; so many at most, for training's sake."""
    if not isinstance(audit, PrivacyAudit) or config.gates.privacy is None:
        return audit
    # Eight bounds hold together: two kinds of canaries, four numbers of guesses, of 80 % of them at most.
    each = 1 - (1 - config.quality.confidence) / 8
    enough = math.ceil(canaries_to_show(config.gates.privacy.tolerance, each) / 0.8)
    return replace(audit, canaries=min(_MOST_CANARIES, max(audit.canaries, enough)))


def _recall_result(audit: Audit, bundle: Bundle, winner: Measured, around: _Surroundings) -> AuditResult:
    """Made once for a bundle, its rows and settings; the first time too it is read back."""
    config = around.config
    outside = config.data.out_of_scope
    key = digest_value(
        {
            "format": _FORMAT,
            "audit": audit.name,
            "made": repr(audit) if is_dataclass(audit) else audit.name,
            "bundle": bundle.digest,
            "rows": around.split.ref.digest,
            "settings": config.audits,
            "gates": config.gates.model_dump(mode="json"),
            "positive": config.data.positive,
            "out_of_scope": outside and digest_bytes(config.resolve(outside).read_bytes()),
            "seed": config.seed,
            "confidence": config.quality.confidence,
            "code": digest_of_sources("evaluate", "stats", "bundle", "pipeline/stages"),
        }
    )[7:31]
    path = Workspace(config.folder).cache / "audits" / f"{audit.name}-{key}.json"
    if not path.exists():
        try:
            result = _run_audit(audit, bundle, winner, around)
        except Exception as error:  # noqa: BLE001 - an audit may be anybody's plug-in; its crash is a result
            return AuditResult(audit.name, f"crashed: {type(error).__name__}: {error}", ())
        write_whole(path, canonical_json(result))
    return read_result(json.loads(path.read_bytes()))


def _run_audit(audit: Audit, bundle: Bundle, winner: Measured, around: _Surroundings) -> AuditResult:
    result = audit.measure(_subject(bundle, winner, around))
    measurements = tuple(replace(m, split=m.split or around.split.name) for m in result.measurements)
    return replace(result, measurements=measurements)


def _subject(bundle: Bundle, winner: Measured, around: _Surroundings) -> AuditSubject:
    config, split = around.config, around.split
    assert winner.attempt.decoder is not None
    return AuditSubject(
        rows=bundle_rows(split.frame, bundle.spec, source=split.name),
        seed=config.seed,
        bundle=bundle.path,
        spec=bundle.spec,
        split=split.name,
        answer=bundle.predict_proba,
        predictions=winner.predictions,
        groups=around.groups,
        positive=config.data.positive,
        confidence=config.quality.confidence,
        most_rows=config.audits.rows,
        out_of_scope=_outside_rows(config, bundle),
        twin=WorkshopTwin(around.workshop, winner.attempt.rung, winner.attempt.decoder),
        metadata=_metadata(split),
    )


def _outside_rows(config: Config, bundle: Bundle) -> Columns | None:
    """Rows that belong to no class, from the user's own file."""
    path = config.data.out_of_scope
    if path is None:
        return None
    frame = read_source(str(config.resolve(path)), None).frame
    require_columns(bundle.inputs, frame.columns, source=path)
    if bundle.spec.text is not None:
        frame = frame.with_columns(text_form(frame[bundle.spec.text]))
    return bundle_rows(frame, bundle.spec, source=path)


def _metadata(split: MeasuredSplit) -> Mapping[str, NDArray[np.float64]]:
    """What stands beside a row and no model reads: a label that it gives away was not learned."""
    frame, roles = split.frame, split.roles
    found: dict[str, Any] = {"row in the file": positions_in(frame)}
    if roles.text is not None:
        found["length of the text"] = frame[roles.text].str.len_chars()
    if roles.time is not None:
        found["time"] = frame[roles.time].rank("dense")
    if roles.key is not None:
        codes = key_codes(frame[roles.key])
        _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
        found["rows of the key"] = counts[inverse]
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def read_result(entry: Mapping[str, Any]) -> AuditResult:
    """A result from its canonical JSON."""
    return AuditResult(
        entry["audit"],
        entry["summary"],
        tuple(read_measurement(found) for found in entry["measurements"]),
        tuple(Finding(**found) for found in entry["findings"]),
    )


def read_measurement(entry: Mapping[str, Any]) -> Measurement:
    """A measurement from its canonical JSON, which writes 2.0 as 2: a number reads the same every time."""
    numbers = {
        name: float(value)
        for name, value in entry.items()
        if value is not None and name not in _WORDS and not isinstance(value, str)
    }
    return Measurement(**{**entry, **numbers, "n": int(entry["n"])})


_WORDS = frozenset({"name", "unit", "n", "method", "split", "slice", "detail"})
