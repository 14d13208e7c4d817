"""Experts of requests: a shared trunk, and above it the one expert that a router takes for the row.

An expert is the encoder's top layers tuned for a cluster of classes. The router is an earlier stage (usually
`fast`): its probabilities, summed over each cluster, say which expert is asked. A linear head reads the row:
only the taken expert's columns are set.
Always: one text a run; an expert's files are read, checked and opened when it is first taken, and no answer
depends on an expert that was not. Two threads may open one expert twice; the answers are the same.
Not covered: taking several experts for one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Sparse, sparse_rows
from smallcraft.bundle.inputs import FastTokenizer, Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter
from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.errors import BundleFormatError


class RouterStage(Protocol):
    """What a stage offers to route by; `bundle.stage.Stage` is one."""

    def logits(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(n, k)`."""

    def save(self, writer: BundleWriter) -> Mapping[str, Any]:
        """Write its files."""


@dataclass(frozen=True)
class ExpertsBlock:
    """Runs the trunk on each text, and one expert on the trunk's state.

    Attributes:
        tokenizer: Reads the text.
        router: Its probabilities choose the expert.
        clusters: `(k,)` int64, the expert of each class.
        trunk: Graph with the inputs `input_ids` and `mask` and one output, the state.
        spec: File names, special tokens, width, gain, the router's scale.
        files: Where the graphs come from.
        opened: The experts opened so far, by number.
    """

    name: ClassVar[str] = "experts"
    tokenizer: FastTokenizer
    router: RouterStage
    clusters: NDArray[np.int64]
    trunk: Session
    spec: Mapping[str, Any]
    files: BundleFiles
    opened: dict[int, Session] = field(default_factory=dict, compare=False, repr=False)

    @property
    def n_experts(self) -> int:
        """How many there are, opened or not."""
        return len(self.spec["experts"])

    @property
    def width(self) -> int:
        """For each expert the embedding and a one."""
        return self.n_experts * (int(self.spec["width"]) + 1)

    def encode(self, inputs: Inputs) -> Sparse:
        """`(n, width)`; a row has the taken expert's embedding, of length `gain`, and a one."""
        tokens, taken = inputs.tokens(self.tokenizer), self.route(inputs)
        return sparse_rows([self._row(*row) for row in zip(tokens, taken.tolist(), strict=True)], self.width)

    def route(self, inputs: Inputs) -> NDArray[np.int64]:
        """`(n,)` the expert of each row; the first one on a tie."""
        masses = cluster_masses(self.router.logits(inputs), self.clusters, scale=self.spec["scale"])
        taken: NDArray[np.int64] = masses.argmax(axis=1).astype(np.int64)
        return taken

    def expert(self, number: int) -> Session:
        """An expert's graph, from `state` and `mask` to `embedding`; opened at the first request."""
        if number not in self.opened:
            files = self.spec["experts"][number]
            self.opened[number] = self.files.open_graph(files["model"], files["weights"])
        return self.opened[number]

    def _row(self, tokens: NDArray[np.int32], expert: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        kept = tokens[: self.spec["longest"] - 2]
        ids = np.empty((1, len(kept) + 2), dtype=np.int32)
        ids[0, 0], ids[0, 1:-1], ids[0, -1] = self.spec["first"], kept, self.spec["last"]
        mask = np.ones_like(ids)
        state = self.trunk.run(None, {"input_ids": ids, "mask": mask})[0]
        embedding = self.expert(expert).run(None, {"state": state, "mask": mask})[0][0]
        width = len(embedding)
        values = np.ones(width + 1, dtype=np.float32)
        length = np.sqrt(embedding @ embedding)
        values[:width] = embedding * np.float32(self.spec["gain"] / max(length, 1e-12))
        return np.arange(width + 1, dtype=np.int64) + expert * (width + 1), values

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """Every graph and its weights as they are, and the router, whose files the bundle has anyway."""
        graphs = [self.spec["trunk"], *self.spec["experts"]]
        for path in (path for graph in graphs for path in (graph["model"], *graph["weights"])):
            written = writer.add(path, self.files.read(path))
            assert written == path, "a graph calls its weights by name: whoever makes graphs names them apart"
        return {
            **self.spec,
            "kind": self.name,
            "tokenizer": writer.add("tokenizer.json", self.tokenizer.source),
            "clusters": writer.add_arrays(f"{stage}-clusters.npz", {"clusters": self.clusters}),
            "router": self.router.save(writer),
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> ExpertsBlock:
        """Restore what `save` wrote; no expert is opened.

        Raises:
            BundleFormatError: There is not one expert for each cluster.
        """
        # The stage that routes holds blocks, and this is one.
        from smallcraft.bundle.stage import load_stage

        clusters, n_experts = files.arrays(spec["clusters"])["clusters"], len(spec["experts"])
        if set(clusters.tolist()) != set(range(n_experts)):
            raise BundleFormatError(
                f"{files.root} must hold an expert for each cluster of classes, got {n_experts} for "
                f"{len(set(clusters.tolist()))}; take the bundle from the registry again"
            )
        trunk = files.open_graph(spec["trunk"]["model"], spec["trunk"]["weights"])
        return cls(
            files.tokenizer(spec["tokenizer"]),
            load_stage(spec["router"], files),
            clusters,
            trunk,
            spec,
            files,
        )


def cluster_masses(
    logits: NDArray[np.float64], clusters: NDArray[np.int64], *, scale: float
) -> NDArray[np.float64]:
    """The probability of each cluster, `(n, clusters)` float64.

    Args:
        logits: `(n, k)` of the router.
        clusters: `(k,)` the cluster of each class, numbered from 0 without gaps.
        scale: The router's inverse temperature.

    >>> cluster_masses(np.log([[0.5, 0.25, 0.25]]), np.array([0, 1, 1]), scale=1.0).round(2).tolist()
    [[0.5, 0.5]]
    """
    shares = np.exp(scale * (logits - logits.max(axis=1, keepdims=True)))
    shares /= shares.sum(axis=1, keepdims=True)
    members = clusters[:, None] == np.arange(int(clusters.max(initial=-1)) + 1)
    holds = members.astype(np.float64)
    # Row by row: a product of matrices may round a row by its neighbours.
    return np.array([row @ holds for row in shares]).reshape(len(shares), holds.shape[1])
