"""A feed-forward block upcycled into experts of tokens: each token goes to one of several copies.

Router, top-1, balanced without an auxiliary loss: a bias that only selects is moved against the load.
Always: before training the layer computes what the dense one did.

Sources:
    Komatsuzaki et al. (2023), Sparse upcycling.
    Wang et al. (2024), Auxiliary-loss-free load balancing strategy for mixture of experts.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

_BALANCE_STEP = 0.01
_ROUTER_SPREAD = 0.02


class TokenExperts(nn.Module):
    """Copies of a layer's feed-forward products, and a router.

    Args:
        dense: The layer's `intermediate` and `output` modules, as `tuning.encoder` names them.
        n_experts: Copies.
        seed: Of the router.
    """

    def __init__(self, dense, n_experts: int, seed: int) -> None:
        super().__init__()
        grow, shrink = dense
        self.grow = nn.ModuleList(copy.deepcopy(grow) for _ in range(n_experts))
        self.shrink = nn.ModuleList(copy.deepcopy(shrink) for _ in range(n_experts))
        generator = torch.Generator().manual_seed(seed)
        draws = torch.randn(n_experts, grow.in_features, generator=generator) * _ROUTER_SPREAD
        self.router = nn.Parameter(draws)
        self.register_buffer("balance", torch.zeros(n_experts))
        self.register_buffer("load", torch.zeros(n_experts))

    def forward(self, state):
        """`(tokens, width)` to `(tokens, width)`, each token by its expert alone."""
        shares = torch.softmax(state.float() @ self.router.T, dim=1)
        taken = (shares + self.balance).argmax(dim=1)
        self._count(taken)
        result = torch.zeros_like(state, dtype=torch.float32)
        for expert, (grow, shrink) in enumerate(zip(self.grow, self.shrink, strict=True)):
            mine = torch.nonzero(taken == expert)[:, 0]
            if len(mine):
                made = shrink(nn.functional.gelu(grow(state[mine])))
                result = result.index_copy(0, mine, made.float())
        chosen = shares.gather(1, taken[:, None])
        # One in value, so that copies of the dense block start as the dense block; the router still learns.
        return result * (chosen / chosen.detach())

    @torch.no_grad()
    def _count(self, taken) -> None:
        counts = torch.bincount(taken, minlength=len(self.grow)).float()
        if self.training:
            self.balance += _BALANCE_STEP * torch.sign(counts.mean() - counts)
        else:
            self.load += counts


class MoeLayer(nn.Module):
    """A layer of `tuning.encoder` with experts in place of its feed-forward block."""

    def __init__(self, layer, n_experts: int, seed: int) -> None:
        super().__init__()
        self.attention, self.norm = layer.attention, layer.output["LayerNorm"]
        self.experts = TokenExperts((layer.intermediate["dense"], layer.output["dense"]), n_experts, seed)

    def forward(self, state, batch):
        """As the dense layer."""
        middle = self.attention(state, batch)
        return self.norm(self.experts(middle) + middle)


def upcycle(encoder, n_experts: int, seed: int) -> None:
    """Replace every layer that an encoder holds."""
    layers = encoder.encoder["layer"]
    for name in list(layers):
        layers[name] = MoeLayer(layers[name], n_experts, seed + int(name))
