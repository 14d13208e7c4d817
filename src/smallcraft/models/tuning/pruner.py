"""Makes a tuned encoder smaller: judges its parts, takes out the least, lets the rest learn from the whole.

1. layers and neurons are judged on the backbone under a logistic head, on rows that this head has not seen
2. what matters least is taken out of the tuned encoder, and pieces that no training text has from its table
3. what is left is trained on the labels, and on what the tuned encoder says of the same rows

Always: a row's out-of-fold logits come from encoders, heads and a structure that saw no row of its fold; the
rows that judge are of another fold. What is trained is remembered under a name that all of it is part of.
Left to others: which arrays go (`models.prune`), the loop (`tuning.loop`), the bundle (`rungs.pruned`).
Not covered: several labels a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoder import softmax
from smallcraft.canonical import digest_value
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.linear import design_matrix, fit_logistic
from smallcraft.models.parts.pieces import prune_source
from smallcraft.models.prune import PruningPlan, Structure, choose_neurons, take_structure
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.batches import Beside, Rows
from smallcraft.models.tuning.checkpoints import Checkpoints, recall_trained
from smallcraft.models.tuning.encoder import Encoder, weights_of
from smallcraft.models.tuning.importance import Measured, drop_layers, neuron_importance
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.loop import train
from smallcraft.models.tuning.losses import Distillation, Labels, Objective
from smallcraft.models.tuning.plan import Budget
from smallcraft.models.tuning.prefix import fresh_states, read_ids
from smallcraft.models.tuning.trainer import EncoderTrainer, TunedEncoder
from smallcraft.models.workshop import Workshop

_HEAD, _WEIGHT, _LAYERS, _NEURONS = "head", "weight/", "layers", "neurons/"


@dataclass(frozen=True)
class _Recovered:
    """A trained module, what it reads, and the encoder that it was before training."""

    module: Learner
    inputs: Rows
    source: EncoderSource


@dataclass(frozen=True)
class Pruner:
    """Prunes by one plan.

    Attributes:
        name: The rung's.
        workshop: The rows.
        plan: What is taken out, and how the rest recovers.
        parent: Tunes the encoder that is pruned.
    """

    name: str
    workshop: Workshop
    plan: PruningPlan
    parent: EncoderTrainer

    @property
    def backbone(self) -> EncoderSource:
        """The encoder before it was tuned."""
        return self.parent.source

    def out_of_fold(self, n_folds: int | None = None) -> NDArray[np.float64]:
        """`(n, k)` logits; rows of folds that were not trained for are NaN.

        Args:
            n_folds: How many folds to train for, the first ones; None for the plan's number.
        """
        work = self.workshop
        logits = np.full((len(work.labels), len(work.classes)), np.nan)
        for fold in np.unique(work.folds)[: n_folds or self.plan.folds_trained]:
            held = np.flatnonzero(work.folds == fold)
            compute = partial(self._train_fold, int(fold), held)
            found = recall_trained(work.memory, f"{self._key}/{work.name}-fold{fold}", compute)
            logits[held] = found["logits"]
        return logits

    def pruned(self) -> TunedEncoder:
        """Trained on every row."""
        work = self.workshop
        start = self._start(None)
        found = recall_trained(work.memory, f"{self._key}/{work.name}-weights", self._train_all)
        weights = {key: np.asarray(found[_WEIGHT + key], np.float32) for key in start.source.weights}
        source = EncoderSource(
            f"{start.source.name}, recovered",
            weights,
            start.source.config,
            start.source.tokenizer,
            start.source.pooling,
        )
        return TunedEncoder(source, np.asarray(found[_HEAD], np.float64), None)

    def estimate_cpu_s(self) -> float:
        """The parent's CPU-seconds, and those of recovery by the work that it is beside the parent's."""
        plan, tuning, layers = self.plan, self.parent.plan, self.backbone.layers
        # A third of a layer's weights are attention's, which stay.
        layer = 1 / 3 + 2 / 3 * plan.keep_neurons_share
        work = min(plan.keep_layers, layers) * layer * plan.train.epochs
        parent = self.parent.estimate_cpu_s()
        return parent * (1 + work / (min(tuning.layers, layers) * tuning.train.epochs))

    def structure(self, fold: int | None) -> Structure:
        """What stays of the encoder, judged on the rows of another fold than `fold`.

        Args:
            fold: Whose rows must not have a say; None where all may.
        """
        name = f"{self._key}/{self.workshop.name}-structure{'' if fold is None else fold}"
        found = self.workshop.memory.recall(name, partial(self._judge, fold))
        layers = tuple(int(layer) for layer in found[_LAYERS])
        return Structure(layers, tuple(np.asarray(found[f"{_NEURONS}{layer}"], np.int64) for layer in layers))

    @property
    def _key(self) -> str:
        return f"{self.name}-{digest_value((self.plan, self.parent.plan, self.backbone.digest))[7:15]}"

    @cached_property
    def _embeddings(self) -> NDArray[np.float64]:
        """`(n, width)` of the backbone."""
        found = self.workshop.memory.recall(f"{self._key}/{self.workshop.name}-embeddings", self._embed)
        return np.asarray(found["values"], np.float64)

    def _embed(self) -> Arrays:
        beside = self.parent.features.width if self.parent.features else 0
        module = self._above(self.backbone, np.zeros((self.backbone.width + beside + 1, 1)))
        return {"values": answer(module, self.parent.inputs, np.arange(len(self.workshop.labels))).embeddings}

    def _above(self, source: EncoderSource, head: NDArray[np.float64]) -> Learner:
        """An unpruned encoder's upper layers, which read the parent's states."""
        first = self.parent.first_layer
        return Learner(
            Encoder(source.weights, source.config, first_layer=first, pooling=source.pooling), head
        )

    def _judge(self, fold: int | None) -> Arrays:  # (1)
        work = self.workshop
        work.progress(f"judging layers and neurons for {self.name}", 0.0)
        judge = next(int(other) for other in np.unique(work.folds) if other != fold)
        learned = (work.folds != judge) & (work.folds != (-1 if fold is None else fold))
        head = fit_logistic(self._embeddings[learned], work.labels[learned], len(work.classes), work.seed)
        rng = np.random.default_rng([work.seed, judge])
        rows = np.sort(rng.permutation(np.flatnonzero(work.folds == judge))[: self.plan.judged_rows])
        ids = read_ids(self.backbone, [work.texts[row] for row in rows])
        measured = Measured(
            fresh_states(self.backbone, ids, first_layer=0),
            np.arange(len(rows)),
            Labels(work.labels[rows]),
        )
        module = _whole(self.backbone, head)
        layers = drop_layers(module, measured, keep=self.plan.keep_layers)
        importance = neuron_importance(module, measured)
        found = choose_neurons(importance, layers=layers, share=self.plan.keep_neurons_share)
        kept = {f"{_NEURONS}{layer}": kept for layer, kept in zip(layers, found.neurons, strict=True)}
        return {_LAYERS: np.array(layers), **kept}

    def _parent(self, fold: int | None) -> TunedEncoder:
        return self.parent.tuned() if fold is None else self.parent.tuned_without(fold)

    def _start(self, fold: int | None) -> TunedEncoder:  # (2)
        """The parent with less in it, not yet recovered."""
        work, parent = self.workshop, self._parent(fold)
        source = take_structure(parent.source, self.structure(fold))
        if self.plan.vocabulary_margin is not None:
            texts = [text for text, row in zip(work.texts, work.folds, strict=True) if row != fold]
            source = prune_source(source, texts, margin=self.plan.vocabulary_margin)
        return TunedEncoder(source, parent.head, None)

    def _train_fold(self, fold: int, held: NDArray[np.intp], checkpoints: Checkpoints) -> Arrays:
        rows = np.flatnonzero(self.workshop.folds != fold)
        found = self._train(rows, fold, checkpoints)
        return {"logits": answer(found.module, found.inputs, held).logits.astype(np.float64)}

    def _train_all(self, checkpoints: Checkpoints) -> Arrays:
        found = self._train(np.arange(len(self.workshop.labels)), None, checkpoints)
        weights = weights_of(found.module.encoder, found.source.weights)
        named = {_WEIGHT + key: array for key, array in weights.items()}
        return {_HEAD: found.module.head_weights(), **named}

    def _train(self, rows: NDArray[np.intp], fold: int | None, checkpoints: Checkpoints) -> _Recovered:  # (3)
        work, start = self.workshop, self._start(fold)
        inputs: Rows = fresh_states(start.source, read_ids(start.source, work.texts), first_layer=0)
        if self.parent.features is not None:
            inputs = Beside(inputs, design_matrix([work.encode(self.parent.features)]))
        module = _whole(start.source, start.head)
        part = 0 if fold is None else fold + 1
        train(
            module,
            inputs,
            rows,
            self._objective(fold),
            plan=self.plan.train,
            seed=int(np.random.default_rng([work.seed, part, 7]).integers(2**31)),
            budget=self._budget(len(rows)),
            checkpoints=checkpoints,
            progress=partial(work.progress, f"recovering {self.name}, part {part + 1}"),
        )
        return _Recovered(module, inputs, start.source)

    def _budget(self, n: int) -> Budget:
        """A training's part of the candidate's budget, by its rows."""
        work, most = self.workshop, self.workshop.budget_cpu_s
        folds = np.unique(work.folds)[: self.plan.folds_trained]
        all_rows = len(work.labels) + sum(int((work.folds != fold).sum()) for fold in folds)
        return Budget(cpu_s=None if most is None else most * n / all_rows)

    def _objective(self, fold: int | None) -> Objective:
        """The labels, and what the unpruned parent says of the rows it was itself trained on."""
        plan, parent = self.plan, self._parent(fold)
        everything = np.arange(len(self.workshop.labels))
        said = answer(self._above(parent.source, parent.head), self.parent.inputs, everything)
        probs = softmax(said.logits.astype(np.float64)).astype(np.float32)
        return Distillation(
            Labels(self.workshop.labels, plan.smoothing),
            probs,
            plan.teacher_share,
            said.embeddings,
            plan.embedding_share,
        )


def _whole(source: EncoderSource, head: NDArray[np.float64]) -> Learner:
    """A learner of every layer; the token table stays as it is."""
    return Learner(Encoder(source.weights, source.config, pooling=source.pooling), head)
