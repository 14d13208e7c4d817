"""Every token looks at every token: what BERT was trained with.

Leaves to others: the pattern's Protocol (`attention.py`).
Always: the graph has onnxruntime's fused operator, which quantizes as a whole.
Not covered: causal masks.

Source:
    Vaswani et al. (2017), Attention is all you need, section 3.2.
"""

from __future__ import annotations

from typing import ClassVar

from smallcraft.models.parts.attention.attention import GraphBuilder, Projections, Tensor


class Full:
    """Softmax over all unmasked tokens."""

    name: ClassVar[str] = "full"

    def prepare(self, builder: GraphBuilder, *, mask: str) -> str:  # noqa: ARG002 - the operator reads the mask
        """Nothing is shared."""
        return ""

    def emit(
        self,
        builder: GraphBuilder,
        projections: Projections,
        *,
        state: str,
        mask: str,
        shared: str,  # noqa: ARG002 - nothing is shared
        to: str,
    ) -> str:
        """One fused operator."""
        weight = builder.constant(f"{to}.qkv", projections.weight)
        bias = builder.constant(f"{to}.qkv.bias", projections.bias)
        inputs = [state, weight, bias, mask]
        return builder.node("Attention", inputs, f"{to}.heads", fused=True, num_heads=projections.heads)

    def mix(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """As the Protocol says."""
        from torch.nn.functional import scaled_dot_product_attention

        return scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
