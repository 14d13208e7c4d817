"""Every token looks at the tokens near it: local attention, no farther than `reach` places.

Leaves to others: skipping the work. The operator still computes all pairs and masks the far ones: at 128
tokens the pairs are a twentieth of a layer's products, so a blocked form has nothing to save there.
Always: a text of at most `reach + 1` tokens is answered as by full attention.
Not covered: global tokens; texts past the encoder's own limit of tokens.

Source:
    Beltagy et al. (2020), Longformer, section 3.1, without its global tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from smallcraft.models.parts.attention.attention import GraphBuilder, Projections, Tensor, project

_NEVER = -1e4


@dataclass(frozen=True)
class Window:
    """Softmax over the unmasked tokens within reach.

    Attributes:
        reach: The farthest place to either side.
    """

    name: ClassVar[str] = "window"
    reach: int = 8

    def prepare(self, builder: GraphBuilder, *, mask: str) -> str:
        """`(1, 1, tokens, tokens)` float32: 0 within reach, far below any score elsewhere."""
        integers = {"axes": [0, 1], "zero": 0, "one": 1, "second": [1]}
        names = {
            key: builder.constant(f"window.{key}", np.array(value, dtype=np.int64))
            for key, value in integers.items()
        }
        shape = builder.node("Shape", [mask], "window.shape")
        tokens = builder.node("Gather", [shape, names["one"]], "window.tokens", axis=0)
        places = builder.node("Range", [names["zero"], tokens, names["one"]], "window.places")
        rows = builder.node("Unsqueeze", [places, names["second"]], "window.rows")
        apart = builder.node("Abs", [builder.node("Sub", [rows, places], "window.signed")], "window.apart")
        limit = builder.constant("window.reach", np.array(self.reach, dtype=np.int64))
        is_far = builder.node("Greater", [apart, limit], "window.far")
        values = [
            builder.constant(f"window.{key}", np.array(value, dtype=np.float32))
            for key, value in (("never", _NEVER), ("nothing", 0.0))
        ]
        bias = builder.node("Where", [is_far, *values], "window.plane")
        return builder.node("Unsqueeze", [bias, names["axes"]], "window.bias")

    def emit(
        self, builder: GraphBuilder, projections: Projections, *, state: str, mask: str, shared: str, to: str
    ) -> str:
        """The operator for many heads with the shared plane added to its scores."""
        parts = project(builder, projections, state=state, to=to)
        bias = builder.constant(f"{to}.qkv.bias", projections.bias)
        inputs = [*parts, bias, mask, shared]
        return builder.node(
            "MultiHeadAttention", inputs, f"{to}.heads", fused=True, num_heads=projections.heads
        )

    def mix(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """As the Protocol says."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        places = torch.arange(query.shape[2])
        is_near = (places[:, None] - places).abs() <= self.reach
        # A masked row may see nobody, which is no number; it sees itself, and nobody reads it.
        seen = (mask[:, None, None, :] & is_near) | torch.eye(len(places), dtype=torch.bool)
        return scaled_dot_product_attention(query, key, value, attn_mask=seen)
