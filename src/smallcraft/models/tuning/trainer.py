"""Tunes an encoder with its head on a workshop's rows: for each fold, and for all rows.

Leaves to others: the bundle (`rungs.tuned`, `rungs.lora`), the loop (`tuning.loop`).
Always: a row's out-of-fold logits come from an encoder and a head that saw no row of its fold, the head that
training starts from included; what is trained is remembered under a name that the plan is part of.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.encoded import Dense
from smallcraft.canonical import digest_value
from smallcraft.models.adapters import Adapter, LowRank, merge
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.linear import design_matrix, fit_logistic
from smallcraft.models.parts.targets import head_of
from smallcraft.models.recipe import fit_features
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.batches import Beside, Rows
from smallcraft.models.tuning.checkpoints import Checkpoints, recall_trained
from smallcraft.models.tuning.cost import UnitCost, measure_unit_cost
from smallcraft.models.tuning.encoder import Encoder, weights_of
from smallcraft.models.tuning.learner import GAIN, Learner
from smallcraft.models.tuning.loop import train
from smallcraft.models.tuning.lora import adapter_of, add_adapter
from smallcraft.models.tuning.losses import Labels, Objective
from smallcraft.models.tuning.plan import Budget, Trained, TuningPlan
from smallcraft.models.tuning.prefix import Ids, fresh_states, read_ids, read_states
from smallcraft.models.workshop import Workshop

_HEAD, _LOGITS, _DONE = "head", "logits", "done/"
_DOWN, _UP, _WEIGHT = "down/", "up/", "weight/"
_SAMPLE_BATCHES = 4
# What fitting a logistic head took a row, input and class where it was measured.
_HEAD_S = 5e-9


@dataclass(frozen=True)
class TunedEncoder:
    """What tuning yields.

    Attributes:
        source: The encoder, changes merged.
        head: `(width + m + 1, k)` float64, the bias last.
        adapter: The low-rank changes alone; None where the weights themselves were trained.
        done: What training did, a budget that ended it included; None where it is not known.
    """

    source: EncoderSource
    head: NDArray[np.float64]
    adapter: Adapter | None
    done: Trained | None = None


@dataclass(frozen=True)
class EncoderTrainer:
    """Tunes by one plan.

    Attributes:
        name: The rung's.
        workshop: The rows.
        plan: How.
    """

    name: str
    workshop: Workshop
    plan: TuningPlan

    @cached_property
    def source(self) -> EncoderSource:
        """The backbone."""
        return self.workshop.backbone_source()

    @property
    def first_layer(self) -> int:
        """The lowest layer that is trained."""
        return max(self.source.layers - self.plan.layers, 0)

    @cached_property
    def features(self) -> OnehotBlock | None:
        """The block of the columns beside the text."""
        spec = self.workshop.spec
        return fit_features(self.workshop, beside_text=True) if spec.numbers or spec.categories else None

    @cached_property
    def tokens(self) -> Ids:
        """The texts."""
        return read_ids(self.source, self.workshop.texts)

    @cached_property
    def inputs(self) -> Rows:
        """The states that training starts from, and the features beside them."""
        work = self.workshop
        work.progress(f"reading states for {self.name}", 0.0)
        rows = read_states(
            self.source, self.tokens, first_layer=self.first_layer, memory=work.memory, name=work.name
        )
        if self.features is None:
            return rows
        return Beside(rows, design_matrix([work.encode(self.features)]))

    def out_of_fold(self, n_folds: int | None = None) -> NDArray[np.float64]:
        """`(n, k)` logits; rows of folds that were not trained for are NaN.

        Args:
            n_folds: How many folds to train for, the first ones; None for the plan's number.
        """
        work = self.workshop
        logits = np.full((len(work.labels), len(work.classes)), np.nan)
        for fold in np.unique(work.folds)[: n_folds or self.plan.folds_trained]:
            logits[work.folds == fold] = self._trained(int(fold))[_LOGITS]
        return logits

    def tuned(self) -> TunedEncoder:
        """Trained on every row."""
        return self._read(self._trained(None))

    def tuned_without(self, fold: int) -> TunedEncoder:
        """Trained on every row outside a fold."""
        return self._read(self._trained(fold))

    def estimate_cpu_s(self) -> float:
        """CPU-seconds of reading the states, training for each fold and for all rows, and answering."""
        n, cost, total = len(self.workshop.labels), self._unit_cost(), float(self.tokens.lengths.sum())
        passes = self._rows_trained() / n
        layers = self.source.layers - self.first_layer
        training = cost.train_s * total * layers * self.plan.train.epochs * passes
        reading = cost.answer_s * total * (self.first_layer + 2 * layers)
        heads = _HEAD_S * n * self.source.width * len(self.workshop.classes) * passes
        return training + reading + heads

    @property
    def _key(self) -> str:
        return f"{self.name}-{digest_value((self.plan, self.source.digest))[7:15]}"

    def _trained(self, fold: int | None) -> Arrays:
        """What training without a fold yields, or with every row: trained once, then remembered."""
        part = "weights" if fold is None else f"fold{fold}"
        name = f"{self._key}/{self.workshop.name}-{part}"
        return recall_trained(self.workshop.memory, name, partial(self._train_part, fold))

    def _train_part(self, fold: int | None, checkpoints: Checkpoints) -> Arrays:
        module, done = self._train(fold, checkpoints)
        found: dict[str, NDArray[Any]] = {_HEAD: module.head_weights(), **_as_arrays(done)}
        if fold is not None:
            held = np.flatnonzero(self.workshop.folds == fold)
            found[_LOGITS] = answer(module, self.inputs, held).logits.astype(np.float64)
        if self.plan.rank:
            for name, change in adapter_of(module.encoder).changes.items():
                found[_DOWN + name], found[_UP + name] = change.down, change.up
            return found
        for name, array in weights_of(module.encoder, self.source.weights).items():
            if array is not self.source.weights[name]:
                found[_WEIGHT + name] = array
        return found

    def _read(self, found: Arrays) -> TunedEncoder:
        head, done = np.asarray(found[_HEAD], np.float64), _read_done(found)
        name = f"{self.source.name}+{self._key}"
        if self.plan.rank:
            adapter = _read_adapter(found)
            return TunedEncoder(replace(merge(self.source, adapter), name=name), head, adapter, done)
        weights = {
            key: np.asarray(found.get(_WEIGHT + key, array), np.float32)
            for key, array in self.source.weights.items()
        }
        return TunedEncoder(replace(self.source, name=name, weights=weights), head, None, done)

    def _train(self, fold: int | None, checkpoints: Checkpoints) -> tuple[Learner, Trained]:
        work, plan, part = self.workshop, self.plan, 0 if fold is None else fold + 1
        rows = np.flatnonzero(work.folds != (-1 if fold is None else fold))
        module = self._module(self._start_head(rows), part)
        done = train(
            module,
            self.inputs,
            rows,
            self._objective(),
            plan=plan.train,
            seed=int(np.random.default_rng([work.seed, part]).integers(2**31)),
            budget=self._budget(len(rows)),
            checkpoints=checkpoints,
            progress=partial(work.progress, f"tuning {self.name}, {f'fold {part}' if part else 'all rows'}"),
        )
        return module, done

    def _module(self, head: NDArray[np.float64], part: int) -> Learner:
        encoder = Encoder(
            self.source.weights,
            self.source.config,
            first_layer=self.first_layer,
            pooling=self.source.pooling,
            dropout=self.plan.dropout,
        )
        if self.plan.rank:
            add_adapter(
                encoder,
                rank=self.plan.rank,
                targets=self.plan.targets,
                strength=self.plan.strength,
                seed=self.workshop.seed + part,
            )
        return Learner(encoder, head)

    def _objective(self) -> Objective:
        return self._labels()

    def _labels(self) -> Labels:
        labels = self.workshop.labels
        return Labels(labels.astype(np.bool_) if labels.ndim == 2 else labels, self.plan.smoothing)

    def _start_head(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """A logistic head on the embeddings before tuning: training from zero wastes its first epochs.

        It is fitted on unit rows, where the penalty holds it back more: the surer the head is of its training
        rows, the less the encoder learns.
        """
        work = self.workshop
        found = work.memory.recall(f"{self._key}/{work.name}-embeddings", self._embed)
        unit = np.asarray(found["values"], np.float32) / np.float32(GAIN)
        beside = [] if self.features is None else [work.encode(self.features)]
        matrix = design_matrix([[Dense(unit)], *beside])[rows]
        head = head_of(work.task, fit_logistic)(matrix, work.labels[rows], len(work.classes), work.seed)
        head[: self.source.width] /= GAIN
        return head

    def _embed(self) -> Arrays:
        width = self.source.width + (self.features.width if self.features else 0)
        module = self._module(np.zeros((width + 1, 1)), 0)
        return {"values": answer(module, self.inputs, np.arange(len(self.workshop.labels))).embeddings}

    def _budget(self, n: int) -> Budget:
        """A training's part of the candidate's budget, by its rows."""
        most = self.workshop.budget_cpu_s
        return Budget(cpu_s=None if most is None else most * n / self._rows_trained())

    def _rows_trained(self) -> int:
        """Rows of all trainings, those for folds included."""
        work = self.workshop
        folds = np.unique(work.folds)[: self.plan.folds_trained]
        return len(work.labels) + sum(int((work.folds != fold).sum()) for fold in folds)

    def _unit_cost(self) -> UnitCost:
        work, k = self.workshop, len(self.workshop.classes)

        def compute() -> Arrays:
            n = min(len(work.labels), _SAMPLE_BATCHES * self.plan.train.batch_rows)
            rows = np.unique(np.linspace(0, len(work.labels) - 1, n).astype(np.intp))
            tokens = read_ids(self.source, [work.texts[row] for row in rows])
            states = fresh_states(self.source, tokens, first_layer=self.first_layer)
            objective = replace(self._labels(), targets=self._labels().targets[rows])
            module = self._module(np.zeros((self.source.width + 1, k)), 0)
            cost = measure_unit_cost(module, states, objective, plan=self.plan.train)
            return {"train_s": np.array(cost.train_s), "answer_s": np.array(cost.answer_s)}

        found = work.memory.recall(f"{self._key}/{work.name}-cost", compute)
        return UnitCost(float(found["train_s"]), float(found["answer_s"]))


def _as_arrays(done: Trained) -> dict[str, NDArray[Any]]:
    return {_DONE + field.name: np.array(getattr(done, field.name)) for field in fields(done)}


def _read_done(found: Arrays) -> Trained:
    values = {field.name: found[_DONE + field.name].tolist() for field in fields(Trained)}
    return Trained(**{**values, "losses": tuple(values["losses"])})


def _read_adapter(found: Arrays) -> Adapter:
    names = [key[len(_DOWN) :] for key in found if key.startswith(_DOWN)]
    return Adapter(
        {
            name: LowRank(
                np.asarray(found[_DOWN + name], np.float32), np.asarray(found[_UP + name], np.float32)
            )
            for name in names
        }
    )
