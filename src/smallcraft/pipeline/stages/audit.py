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
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.canonical import canonical_json, digest_bytes, digest_value
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.evaluate.audits import BUILTIN
from smallcraft.evaluate.audits.audit import Audit, AuditSubject, Columns
from smallcraft.evaluate.audits.compression import CompressionAudit, not_compared
from smallcraft.evaluate.audits.privacy import PrivacyAudit
from smallcraft.gates.rules.epsilon_at_most import canaries_to_show
from smallcraft.models.candidates import find_rung
from smallcraft.models.crashes import describe_crash
from smallcraft.models.learning_rows import learning_rows
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.columns import bundle_rows, key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.recorded import measurement_of
from smallcraft.pipeline.stages.compress import drop_exact, is_compressed, write_exact
from smallcraft.pipeline.stages.measure import Measured, MeasuredSplit
from smallcraft.pipeline.stages.prepare import Prepared, positions_in
from smallcraft.pipeline.stages.teacher import read_teacher
from smallcraft.pipeline.stages.train import digest_of_sources, text_memory
from smallcraft.pipeline.stages.twin import WorkshopTwin
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.plugins import find_plugin
from smallcraft.records import AuditResult, Finding, Predictions

_FORMAT = 1
_MOST_CANARIES = 2000
_TRAIN_AGAIN = {"leakage", "privacy"}
# What each needs beside rows, labels and a bundle; without it the audit is not worth a row.
_BY_DEFAULT = ("fairness", "counterfactual", "robustness", "scope", "shift", "failures", "leakage", "teacher")


def require_audit_inputs(config: Config, prepared: Prepared) -> None:
    """Refuse what audits could not use, before anything is trained.

    Raises:
        InvalidInputError: `[data] positive` is none of the labels.
        DataError: The rows out of scope cannot be read, or lack a column that a model reads.
    """
    roles = prepared.table.roles
    labels = prepared.splits.frames["train"][roles.label].unique().sort().to_list()
    positive = config.data.positive
    if positive is not None and positive not in labels:
        raise InvalidInputError(
            f"[data] positive must be one of the labels {', '.join(labels)}, got '{positive}'"
            f"{nearest_name(positive, labels)}"
        )
    if config.data.out_of_scope is not None:
        outside = read_source(str(config.resolve(config.data.out_of_scope)), None).frame
        require_columns(roles.inputs, outside.columns, source=config.data.out_of_scope)


@dataclass(frozen=True)
class _Case:
    """The winner and the rows it is audited on; what audits are shown is made once, when one needs it."""

    config: Config
    winner: Measured
    split: MeasuredSplit
    workshop: Workshop

    @cached_property
    def bundle(self) -> Bundle:
        assert self.winner.attempt.bundle is not None
        return open_bundle(self.winner.attempt.bundle)

    @cached_property
    def circumstances(self) -> Mapping[str, object]:
        """What every audit depends on."""
        config, outside = self.config, self.config.data.out_of_scope
        return {
            "format": _FORMAT,
            "bundle": self.bundle.digest,
            "rows": self.split.ref.digest,
            "settings": config.audits,
            "positive": config.data.positive,
            "teacher": config.ladder.teacher,
            "out_of_scope": outside and digest_bytes(config.resolve(outside).read_bytes()),
            "seed": config.seed,
            "confidence": config.quality.confidence,
            "code": digest_of_sources("evaluate", "stats", "bundle", "pipeline/stages"),
        }

    @cached_property
    def subject(self) -> AuditSubject:
        config, split, bundle = self.config, self.split, self.bundle
        decoder, predictions = self.winner.attempt.decoder, self.winner.predictions
        assert decoder is not None
        return AuditSubject(
            rows=bundle_rows(split.frame, bundle.spec, source=split.name),
            seed=config.seed,
            bundle=bundle.path,
            spec=bundle.spec,
            split=split.name,
            answer=text_memory(Workspace(config.folder).cache).bind(bundle).predict_proba,
            predictions=predictions if isinstance(predictions, Predictions) else None,
            groups={name: split.frame[name].cast(pl.String).to_list() for name in split.roles.groups},
            positive=config.data.positive,
            confidence=config.quality.confidence,
            most_rows=config.audits.rows,
            out_of_scope=_outside_rows(config, bundle),
            twin=self._twin(decoder),
            metadata=_metadata(split),
            teacher=_teacher_codes(config, split, bundle),
            exact=partial(write_exact, config, self.workshop, self.winner.attempt)
            if is_compressed(bundle)
            else None,
        )

    def _twin(self, decoder: Decoder) -> WorkshopTwin | None:
        """None for a rung that trains for minutes, unless an audit that trains it again was asked for."""
        config, rung = self.config, self.winner.attempt.rung
        is_asked = config.gates.privacy is not None or bool(_TRAIN_AGAIN & set(config.audits.run or ()))
        if find_rung(rung).is_raced and not is_asked:
            return None
        learned = learning_rows(self.workshop, sample=config.ladder.sample).workshop
        return WorkshopTwin(learned, rung, decoder)


def audits_to_run(
    config: Config, workshop: Workshop, *, is_rounded: bool = False, has_experts: bool = False
) -> tuple[str, ...]:
    """Names of the audits: the user's choice, else those that the data allow; a declared gate adds its own.

    Args:
        config: `[audits] run`, and which gates are declared.
        workshop: Knows whether there is a text.
        has_experts: Whether the winner sends a row to one of several experts; then it is proven to be sparse.
        is_rounded: Whether the winner ends as INT8; then what that did is always audited, for its gate.
    """
    lacking = {
        "fairness": not config.data.groups,
        "counterfactual": workshop.spec.text is None,
        "scope": config.data.out_of_scope is None,
        "shift": config.data.time is None,
        "teacher": config.ladder.teacher is None,
    }
    chosen = config.audits.run or tuple(name for name in _BY_DEFAULT if not lacking.get(name, False))
    proofs = (*(("compression",) if is_rounded else ()), *(("sparsity",) if has_experts else ()))
    return tuple(dict.fromkeys((*chosen, *_judged(config), *proofs)))


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
    if workshop.task != "multiclass":
        return _not_audited(config, workshop, listener)
    case = _Case(config, winner, split, workshop)
    results = []
    blocks = [block for stage in case.bundle.stages for block in stage.blocks]
    names = audits_to_run(
        config,
        workshop,
        is_rounded=is_compressed(case.bundle),
        has_experts=any(isinstance(block, ExpertsBlock) for block in blocks),
    )
    for place, name in enumerate(names):
        listener.progress(f"auditing: {name}", place / len(names))
        audit = _fitted(find_plugin("audits", name, BUILTIN), config)
        results.append(_recall_result(audit, case))
    drop_exact(config)
    return tuple(results)


def _not_audited(config: Config, workshop: Workshop, listener: Listener) -> tuple[AuditResult, ...]:
    """Audits that were asked for by name, or that a gate judges, said not to have been made."""
    why = f"not made: audits ask how one class a row is answered, the task of [data] is {workshop.task}"
    asked = audits_to_run(config, workshop) if config.audits.run else _judged(config)
    listener.note(f"audits are {why}; groups are measured as slices of every score")
    return tuple(AuditResult(name, why, ()) for name in asked)


def _judged(config: Config) -> tuple[str, ...]:
    """Audits that a declared gate rests on."""
    names = ("fairness", "robustness", "privacy")
    return tuple(name for name in names if getattr(config.gates, name) is not None)


def _fitted(audit: Audit, config: Config) -> Audit:
    """An audit that measures what the project's gates will ask for."""
    if isinstance(audit, CompressionAudit):
        return replace(audit, metric=config.quality.metric)
    return _with_enough_canaries(audit, config)


def _with_enough_canaries(audit: Audit, config: Config) -> Audit:
    """A privacy audit that could show more than the gate allows; so many at most, for training's sake."""
    if not isinstance(audit, PrivacyAudit) or config.gates.privacy is None:
        return audit
    # Eight bounds hold together: two kinds of canaries, four numbers of guesses, of 80 % of them at most.
    each = 1 - (1 - config.quality.confidence) / 8
    enough = math.ceil(canaries_to_show(config.gates.privacy.tolerance, each) / 0.8)
    return replace(audit, canaries=min(_MOST_CANARIES, max(audit.canaries, enough)))


def _recall_result(audit: Audit, case: _Case) -> AuditResult:
    """Made once for a bundle, its rows and settings; the first time too it is read back."""
    made = repr(audit) if is_dataclass(audit) else audit.name
    key = digest_value({**case.circumstances, "audit": audit.name, "made": made})[7:31]
    path = Workspace(case.config.folder).cache / "audits" / f"{audit.name}-{key}.json"
    if not path.exists():
        try:
            result = audit.measure(case.subject)
        except Exception as error:  # noqa: BLE001 - an audit may be anybody's plug-in; its crash is a result
            why = f"crashed: {describe_crash(error)}"
            # The gate on compression joins by what was measured; a crash must not make it vanish.
            lost = (not_compared(case.split.name, why),) if audit.name == CompressionAudit.name else ()
            return AuditResult(audit.name, why, lost)
        placed = tuple(replace(m, split=m.split or case.split.name) for m in result.measurements)
        write_whole(path, canonical_json(replace(result, measurements=placed)))
    return read_result(json.loads(path.read_bytes()))


def _teacher_codes(config: Config, split: MeasuredSplit, bundle: Bundle) -> NDArray[np.int64] | None:
    column = config.ladder.teacher
    return None if column is None else read_teacher(split.frame[column], bundle.classes).codes


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
        tuple(measurement_of(found) for found in entry["measurements"]),
        tuple(Finding(**found) for found in entry["findings"]),
    )
