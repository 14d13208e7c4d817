"""Attention without a softmax: keys and values are summed once, so work grows with tokens, not pairs.

Leaves to others: training. Weights made for a softmax do not carry over (docs/experiments.md).
Always: positive features, so a row's shares are positive and sum to 1.
Not covered: causal masks.

Source:
    Katharopoulos et al. (2020), Transformers are RNNs, section 3.2: features elu(x) + 1.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.models.parts.attention.attention import GraphBuilder, Projections, Tensor, project


class Linear:
    """Shares in proportion to the product of two positive features."""

    name: ClassVar[str] = "linear"

    def prepare(self, builder: GraphBuilder, *, mask: str) -> str:
        """The mask as `(batch, 1, tokens, 1)` float32."""
        axes = builder.constant("linear.axes", np.array([1, 3], dtype=np.int64))
        weights = builder.node("Cast", [mask], "linear.weights", to=1)
        builder.constant("linear.one", np.array(1.0, dtype=np.float32))
        return builder.node("Unsqueeze", [weights, axes], "linear.mask")

    def emit(
        self,
        builder: GraphBuilder,
        projections: Projections,
        *,
        state: str,
        mask: str,  # noqa: ARG002 - `shared` is the mask in the shape needed
        shared: str,
        to: str,
    ) -> str:
        """Plain products: none has a constant side, so a quantizer leaves them exact."""
        steps = _Steps(builder, to)
        parts = project(builder, projections, state=state, to=to)
        query, key, value = (
            steps.split(part, name, bias, projections.heads)
            for part, name, bias in zip(
                parts, ("query", "key", "value"), np.split(projections.bias, 3), strict=True
            )
        )
        asked = steps.features(query)
        offered = builder.node("Mul", [steps.features(key), shared], f"{to}.offered")
        turned = steps.transpose(offered, "turned", (0, 1, 3, 2))
        memory = builder.node("MatMul", [turned, value], f"{to}.memory")
        last = builder.constant(f"{to}.last", np.array([3], dtype=np.int64))
        total = builder.node("ReduceSum", [turned, last], f"{to}.total", keepdims=1)
        mixed = builder.node("MatMul", [asked, memory], f"{to}.mixed")
        share = builder.node("MatMul", [asked, total], f"{to}.share")
        return steps.join(builder.node("Div", [mixed, share], f"{to}.divided"), projections.inner)

    def mix(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """As the Protocol says."""
        from torch.nn.functional import elu

        asked, offered = elu(query) + 1, (elu(key) + 1) * mask[:, None, :, None]
        memory = offered.transpose(2, 3) @ value
        return asked @ memory / (asked @ offered.sum(dim=2)[..., None])


class _Steps:
    """Adds nodes under one layer's names."""

    def __init__(self, builder: GraphBuilder, to: str) -> None:
        self.builder, self.to = builder, to

    def split(self, part: str, name: str, bias: NDArray[np.float32], heads: int) -> str:
        """`(batch, tokens, inner)` to `(batch, heads, tokens, head_width)`, bias added."""
        shift = self.builder.constant(f"{self.to}.{name}.bias", bias)
        whole = self.builder.node("Add", [part, shift], f"{self.to}.{name}.whole")
        shape = self.builder.constant(f"{self.to}.{name}.shape", np.array([0, 0, heads, -1], dtype=np.int64))
        parted = self.builder.node("Reshape", [whole, shape], f"{self.to}.{name}.parted")
        return self.transpose(parted, f"{name}.heads", (0, 2, 1, 3))

    def features(self, part: str) -> str:
        """`elu(x) + 1`."""
        raised = self.builder.node("Elu", [part], f"{part}.elu")
        return self.builder.node("Add", [raised, "linear.one"], f"{part}.features")

    def transpose(self, part: str, name: str, order: tuple[int, ...]) -> str:
        """Axes in another order."""
        return self.builder.node("Transpose", [part], f"{self.to}.{name}", perm=order)

    def join(self, part: str, inner: int) -> str:
        """Back to `(batch, tokens, inner)`."""
        shape = self.builder.constant(f"{self.to}.joined", np.array([0, 0, inner], dtype=np.int64))
        turned = self.transpose(part, "rows", (0, 2, 1, 3))
        return self.builder.node("Reshape", [turned, shape], f"{self.to}.heads")
