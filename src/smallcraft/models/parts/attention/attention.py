"""What every attention pattern offers: one rule, written for torch and for the ONNX graph.

Leaves to others: the projections' weights and the rest of a layer (`models.graph`, `models.tuning`).
Always: a masked token is looked at by nobody, and both writings compute the same (`tests` compare them).
Not covered: patterns that need weights of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = Any  # torch.Tensor; torch is an extra
Attribute: TypeAlias = Any  # int, float or a list of them


class GraphBuilder(Protocol):
    """What a pattern needs of the builder of `models.graph`."""

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add an initialiser; its name."""

    def node(
        self, op: str, inputs: Sequence[str], output: str, *, fused: bool = False, **attributes: Attribute
    ) -> str:
        """Add a node with one output; that output's name. `fused` takes onnxruntime's own operators."""


@dataclass(frozen=True)
class Projections:
    """One layer's query, key and value projections, side by side.

    Attributes:
        weight: `(width, 3 * inner)` float32, applied from the right.
        bias: `(3 * inner,)` float32.
        heads: Divides `inner`.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    heads: int

    @property
    def inner(self) -> int:
        """Width of the queries of all heads."""
        return len(self.bias) // 3


class Attention(Protocol):
    """One pattern."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def prepare(self, builder: GraphBuilder, *, mask: str) -> str:
        """Add the nodes that all layers share; the name of their result, empty for nothing.

        Args:
            builder: Collects nodes.
            mask: Name of the `(batch, tokens)` int32 mask, 1 where there is a token.
        """

    def emit(
        self, builder: GraphBuilder, projections: Projections, *, state: str, mask: str, shared: str, to: str
    ) -> str:
        """Add the nodes of one layer; the name of the `(batch, tokens, inner)` result, `{to}.heads`.

        Args:
            builder: Collects nodes.
            projections: The layer's weights.
            state: Name of the `(batch, tokens, width)` float32 input.
            mask: As in `prepare`.
            shared: What `prepare` gave.
            to: Begins the names of everything added.
        """

    def mix(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """The same in torch.

        Args:
            query: `(batch, heads, tokens, head_width)` tensor.
            key: Likewise.
            value: Likewise.
            mask: `(batch, tokens)` bool tensor, True where there is a token.

        Returns:
            `(batch, heads, tokens, head_width)` tensor.
        """


def project(builder: GraphBuilder, projections: Projections, *, state: str, to: str) -> tuple[str, ...]:
    """Add the product with the weights (which a quantizer may round) and part it.

    Returns:
        Names of queries, keys and values, `(batch, tokens, inner)` each, biases not yet added.
    """
    inner = projections.inner
    product = builder.node(
        "MatMul", [state, builder.constant(f"{to}.qkv", projections.weight)], f"{to}.parts"
    )
    axis = builder.constant(f"{to}.axis", np.array([2], dtype=np.int64))
    edges = [
        builder.constant(f"{to}.edge{part}", np.array([part * inner], dtype=np.int64)) for part in range(4)
    ]
    return tuple(
        builder.node("Slice", [product, edges[part], edges[part + 1], axis], f"{to}.{name}")
        for part, name in enumerate(("query", "key", "value"))
    )
