"""Trains experts of requests: who gets which rows, and the top layers and head of each.

Clusters and routes come from the router's out-of-fold logits: classes it confuses stand in one cluster, and a
row goes to the cluster with the largest mass. The top layers are tuned once on all rows; every expert starts
there and goes on with the rows routed to it and its own classes' rows. An expert knows every class, so that a
row sent to the wrong one is not lost.
Leaves to others: graphs and files (`models.parts.experts`), the loop (`models.tuning`).
Always: for a held-out fold neither clusters nor experts see a label of it. The routes of the rows trained on
come from routers that each saw the held-out fold: they say which expert gets a row, never what its label is.
Not covered: experts of different depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.experts import cluster_masses
from smallcraft.bundle.decoder import softmax
from smallcraft.canonical import digest_value
from smallcraft.errors import InvalidInputError
from smallcraft.models.calibrate import fit_scale
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.clusters import cluster_classes
from smallcraft.models.parts.experts import Expert, Routing
from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.tuning.plan import TrainPlan
from smallcraft.models.workshop import Workshop

if TYPE_CHECKING:
    from smallcraft.models.tuning.checkpoints import Checkpoints
    from smallcraft.models.tuning.prefix import Ids, LiveStates, States

    TokenStates = States | LiveStates

Module: TypeAlias = Any  # torch.nn.Module; torch is an extra

_HEAD, _LOGITS = "head", "logits"
GAIN = 4.0
_SAMPLE_ROWS = 128
# CPU-seconds of a logistic head, a row of banking77 (docs/experiments.md).
_HEAD_S = 1.5e-3


@dataclass(frozen=True)
class ExpertsPlan:
    """How many experts, and how they are trained.

    Attributes:
        n_experts: Clusters of classes; no more than classes.
        trunk_layers: Shared layers, at least 1; None for two thirds of the encoder's.
        folds_trained: For how many folds experts are trained to be calibrated.
        smoothing: Share of a label's probability that is spread over all classes.
        training: Of the top layers that every expert starts from.
        going_on: Of each expert, from there.
    """

    n_experts: int = 4
    trunk_layers: int | None = None
    folds_trained: int = 1
    smoothing: float = 0.1
    training: TrainPlan = field(default_factory=lambda: TrainPlan(epochs=4))
    # An average over hundreds of steps would keep an expert of a few thousand rows where it started.
    going_on: TrainPlan = field(
        default_factory=lambda: TrainPlan(epochs=2, learning_rate=1e-4, head_rate=1e-3, averaging=0.0)
    )

    def first_layer(self, layers: int) -> int:
        """The experts' first layer in an encoder of so many.

        Raises:
            InvalidInputError: One layer cannot be shared and everybody's own too.
        """
        if layers < 2:
            raise InvalidInputError(
                f"experts want an encoder of at least 2 layers, got {layers}; choose another backbone, "
                "or take 'experts' out of the ladder's rungs"
            )
        wanted = (2 * layers + 2) // 3 if self.trunk_layers is None else self.trunk_layers
        return min(max(wanted, 1), layers - 1)


def make_routing(logits: NDArray[np.float64], labels: NDArray[np.int64], *, n_experts: int) -> Routing:
    """Clusters from a router's out-of-fold logits.

    Args:
        logits: `(n, k)`.
        labels: `(n,)` codes.
        n_experts: At least 1.
    """
    scale = fit_scale(logits, labels)
    return Routing(cluster_classes(softmax(scale * logits), labels, n_clusters=n_experts), scale)


def route_rows(routing: Routing, logits: NDArray[np.float64]) -> NDArray[np.int64]:
    """`(n,)` the expert of each row, by the router's `(n, k)` logits."""
    masses = cluster_masses(logits, routing.clusters, scale=routing.scale)
    taken: NDArray[np.int64] = masses.argmax(axis=1).astype(np.int64)
    return taken


def deal_rows(
    routing: Routing, taken: NDArray[np.int64], labels: NDArray[np.int64], *, expert: int
) -> NDArray[np.bool_]:
    """`(n,)` True for the rows that an expert is trained on: those routed to it, and its classes' own.

    Args:
        routing: Clusters.
        taken: `(n,)` the expert of each row.
        labels: `(n,)` codes.
        expert: Its number.
    """
    dealt: NDArray[np.bool_] = (taken == expert) | (routing.clusters[labels] == expert)
    return dealt


@dataclass(frozen=True)
class ExpertsTrainer:
    """Trains the experts of one workshop.

    Attributes:
        workshop: The rows and tools.
        router: `(n, k)` out-of-fold logits of the stage that routes.
        plan: How.
    """

    workshop: Workshop
    router: NDArray[np.float64]
    plan: ExpertsPlan

    @property
    def first_layer(self) -> int:
        """Where the experts begin."""
        return self.plan.first_layer(self.workshop.backbone_source().layers)

    def routing(self, rows: NDArray[np.bool_]) -> Routing:
        """Clusters by what the router says of some rows.

        Args:
            rows: `(n,)` True for those.
        """
        return make_routing(self.router[rows], self.workshop.labels[rows], n_experts=self.plan.n_experts)

    def experts(self) -> tuple[Routing, tuple[Expert, ...]]:
        """Trained on every row."""
        everything = np.ones(len(self.workshop.labels), np.bool_)
        routing = self.routing(everything)
        found = [self._expert(routing, everything, number, None) for number in range(routing.n_experts)]
        return routing, tuple(_as_expert(arrays) for arrays in found)

    def out_of_fold(self) -> NDArray[np.float64]:
        """`(n, k)` logits of rows in the folds trained for, NaN elsewhere."""
        work = self.workshop
        logits = np.full(self.router.shape, np.nan)
        most = work.most_folds or self.plan.folds_trained
        for fold in np.unique(work.folds)[: min(most, self.plan.folds_trained)].tolist():
            held = work.folds == fold
            routing = self.routing(~held)
            taken = route_rows(routing, self.router)
            for number in range(routing.n_experts):
                found = self._expert(routing, ~held, number, fold)
                logits[held & (taken == number)] = found[_LOGITS]
        return logits

    def start_out_of_fold(self, fold: int) -> NDArray[np.float64]:
        """`(m, k)` logits of a fold's rows by the top layers that every expert starts from."""
        return np.asarray(self._start(self.workshop.folds != fold, fold)[_LOGITS], np.float64)

    def _start(self, rows: NDArray[np.bool_], fold: int | None) -> Arrays:
        """The top layers tuned on all of the rows; their number does not depend on that of the experts."""
        plan = (self.first_layer, self.plan.training, self.plan.smoothing)
        name = f"experts/{self.workshop.name}-{digest_value(repr(plan))[7:15]}-start-{_part(fold)}"
        return self._remembered(name, lambda checkpoints: self._train_start(rows, fold, checkpoints))

    def _expert(self, routing: Routing, rows: NDArray[np.bool_], number: int, fold: int | None) -> Arrays:
        self.workshop.progress(
            f"training expert {number + 1} of {routing.n_experts}", number / routing.n_experts
        )
        name = f"{self._key}-{_part(fold)}-{number}"
        return self._remembered(name, partial(self._train_expert, routing, rows, number, fold))

    @property
    def _key(self) -> str:
        return f"experts/{self.workshop.name}-{digest_value(repr(self.plan))[7:15]}"

    def _remembered(self, name: str, train: Callable[[Checkpoints], Arrays]) -> Arrays:
        from smallcraft.models.tuning.checkpoints import recall_trained

        return recall_trained(self.workshop.memory, name, train)

    def _train_start(self, rows: NDArray[np.bool_], fold: int | None, checkpoints: Checkpoints) -> Arrays:
        self.workshop.progress("training what the experts start from", 0.0)
        blank = np.zeros((self.workshop.backbone_source().width + 1, len(self.workshop.classes)))
        head = self._logistic_head(self._learner({}, blank), rows)
        learner = self._learner({}, head)
        self._fit(learner, rows, self.plan.training, self._seed(fold, 0), checkpoints)
        return {**self._trained(learner), _LOGITS: self._answers(learner, ~rows)}

    def _train_expert(
        self,
        routing: Routing,
        rows: NDArray[np.bool_],
        number: int,
        fold: int | None,
        checkpoints: Checkpoints,
    ) -> Arrays:
        """The weights when trained on every row, else the logits of the held-out rows routed to it."""
        start = _as_expert(self._start(rows, fold))
        taken = route_rows(routing, self.router)
        dealt = rows & deal_rows(routing, taken, self.workshop.labels, expert=number)
        learner = self._learner(start.weights, start.head)
        self._fit(learner, dealt, self.plan.going_on, self._seed(fold, number + 1), checkpoints)
        if fold is None:
            return self._trained(learner)
        return {_LOGITS: self._answers(learner, ~rows & (taken == number))}

    def states(self) -> TokenStates:
        """Every row's states above the trunk."""
        return self._read_states(self._tokens(), self.workshop.name)

    def _tokens(self) -> Ids:
        from smallcraft.models.tuning.prefix import read_ids

        work = self.workshop
        return work.once("experts tokens", lambda: read_ids(work.backbone_source(), work.texts))

    def _read_states(self, tokens: Ids, name: str) -> TokenStates:
        from smallcraft.models.tuning.prefix import read_states

        work = self.workshop
        return read_states(
            work.backbone_source(), tokens, first_layer=self.first_layer, memory=work.memory, name=name
        )

    def estimate_cpu_s(self) -> float:
        """CPU-seconds of the states below, and of training what experts start from and each of them.

        A row trains the top layers of about one expert: together they cost what one dense top does.
        """
        work, source = self.workshop, self.workshop.backbone_source()
        found = work.memory.recall(f"{self._key}-cost", self._measure_cost)
        tokens, n_folds = float(self._tokens().lengths.sum()), len(np.unique(work.folds))
        passes = 1 + min(self.plan.folds_trained, n_folds) * (1 - 1 / n_folds)
        above = source.layers - self.first_layer
        epochs = self.plan.training.epochs + self.plan.going_on.epochs
        step = float(found["train_s"]) * epochs + 2 * float(found["answer_s"])
        below = float(found["answer_s"]) * tokens * self.first_layer
        return below + passes * (step * tokens * above + _HEAD_S * len(work.labels))

    def _measure_cost(self) -> Arrays:
        from smallcraft.models.tuning.cost import measure_unit_cost
        from smallcraft.models.tuning.losses import Labels
        from smallcraft.models.tuning.prefix import read_ids

        work = self.workshop
        rows = np.unique(np.linspace(0, len(work.labels) - 1, _SAMPLE_ROWS).astype(np.intp))
        tokens = read_ids(work.backbone_source(), [work.texts[row] for row in rows])
        blank = np.zeros((work.backbone_source().width + 1, len(work.classes)))
        cost = measure_unit_cost(
            self._learner({}, blank),
            self._read_states(tokens, f"{work.name}-sample"),
            Labels(work.labels[rows]),
            plan=self.plan.training,
        )
        return {"train_s": np.array(cost.train_s), "answer_s": np.array(cost.answer_s)}

    def _learner(self, weights: Mapping[str, NDArray[np.float32]], head: NDArray[np.float64]) -> Module:
        """Top layers with these weights, the backbone's where there are none, under a head."""
        from smallcraft.models.tuning.encoder import Encoder
        from smallcraft.models.tuning.learner import Learner

        source = self.workshop.backbone_source()
        encoder = Encoder(
            {**source.weights, **weights},
            source.config,
            first_layer=self.first_layer,
            pooling=source.pooling,
        )
        return Learner(encoder, head, gain=GAIN)

    def _logistic_head(self, learner: Module, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        from smallcraft.models.tuning.answers import answer

        work = self.workshop
        embeddings = answer(learner, self.states(), np.flatnonzero(rows)).embeddings.astype(np.float64)
        return fit_logistic(embeddings, work.labels[rows], len(work.classes), work.seed)

    def _fit(
        self, learner: Module, rows: NDArray[np.bool_], plan: TrainPlan, seed: int, checkpoints: Checkpoints
    ) -> None:
        from smallcraft.models.tuning.loop import train
        from smallcraft.models.tuning.losses import Labels

        objective = Labels(self.workshop.labels, self.plan.smoothing)
        chosen = np.flatnonzero(rows)
        if len(chosen):
            train(learner, self.states(), chosen, objective, plan=plan, seed=seed, checkpoints=checkpoints)

    def _answers(self, learner: Module, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        from smallcraft.models.tuning.answers import answer

        chosen = np.flatnonzero(rows)
        if not len(chosen):
            return np.empty((0, len(self.workshop.classes)))
        return answer(learner, self.states(), chosen).logits.astype(np.float64)

    def _trained(self, learner: Module) -> Arrays:
        from smallcraft.models.tuning.encoder import weights_of

        source = self.workshop.backbone_source().weights
        held = set(learner.encoder.state_dict())
        found: dict[str, NDArray[Any]] = {
            name: array for name, array in weights_of(learner.encoder, source).items() if name in held
        }
        return {**found, _HEAD: learner.head_weights()}

    def _seed(self, fold: int | None, number: int) -> int:
        turn = 0 if fold is None else fold + 1
        return int(np.random.SeedSequence([self.workshop.seed, turn, number]).generate_state(1)[0])


def _part(fold: int | None) -> str:
    return "all" if fold is None else f"fold{fold}"


def _as_expert(arrays: Arrays) -> Expert:
    others = (_HEAD, _LOGITS)
    weights = {name: np.asarray(array, np.float32) for name, array in arrays.items() if name not in others}
    return Expert(weights, np.asarray(arrays[_HEAD], np.float64))
