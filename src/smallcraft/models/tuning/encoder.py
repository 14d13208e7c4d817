"""A BERT-family encoder, or its upper layers, as a torch module over flat tokens.

Parameters bear Hugging Face's names. Rows lie one after the other without padding: products run over the
tokens that are there, and attention alone pads rows to the longest of their batch.
Always: shapes follow the weights (pruned neurons and heads); `weights_of` gives back every weight of the
source, those that were not trained untouched.
Not covered: positions other than absolute, token types other than 0, dropout on attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from smallcraft.errors import InvalidInputError
from smallcraft.models.parts import attention as attention_kinds
from smallcraft.models.tuning.batches import Batch
from smallcraft.plugins import find_plugin

_APPROXIMATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}

Weights = Mapping[str, NDArray[np.float32]]


class Encoder(nn.Module):  # type: ignore[misc]  # torch is Any to mypy
    """Layers `first_layer` and up.

    Args:
        weights: Hugging Face's names of BertModel, no `bert.` in front.
        config: `config.json`; an `attention` in it names a variant of `models.parts.attention`.
        first_layer: Layers below are not run: a batch then holds the states after layer `first_layer - 1`
            (the embeddings for 0), unless `embeddings` is true.
        embeddings: Hold the embeddings too and start from ids; wants `first_layer` 0.
        pooling: `mean` or `first`.
        dropout: Share of a layer's outputs that training drops.

    Raises:
        InvalidInputError: The encoder has no such layer, or an activation that is not known.
    """

    def __init__(
        self,
        weights: Weights,
        config: Mapping[str, Any],
        *,
        first_layer: int = 0,
        embeddings: bool = False,
        pooling: str = "mean",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_layers = int(config["num_hidden_layers"])
        if not 0 <= first_layer < n_layers or (embeddings and first_layer):
            raise InvalidInputError(
                f"first_layer must lie in 0 to {n_layers - 1}, and be 0 to train embeddings, got "
                f"{first_layer}; train at least one layer"
            )
        self.pooling, self.width = pooling, int(config["hidden_size"])
        if embeddings:
            self.embeddings = _Embeddings(weights, config)
        layers = {
            str(layer): _Layer(weights, config, f"encoder.layer.{layer}", dropout)
            for layer in range(first_layer, n_layers)
        }
        self.encoder = nn.ModuleDict({"layer": nn.ModuleDict(layers)})

    def forward(self, batch: Batch) -> Any:  # noqa: ANN401 - a tensor
        """The pooled embeddings, `(rows, width)` float32."""
        return self.pool(self.states(batch), batch)

    def states(self, batch: Batch) -> Any:  # noqa: ANN401 - a tensor
        """The state after the last layer, `(tokens, width)`."""
        state = batch.states
        if state is None:
            state = self.embeddings(batch)
        for layer in self.encoder["layer"].values():
            state = layer(state, batch)
        return state

    def pool(self, state: Any, batch: Batch) -> Any:  # noqa: ANN401 - tensors
        """The mean over a row's tokens, or its first token."""
        if self.pooling == "first":
            return state[batch.starts].float()
        sums = state.new_zeros(batch.n, state.shape[1], dtype=torch.float32)
        return sums.index_add(0, batch.row, state[: batch.tokens].float()) / batch.lengths[:, None]


class _Embeddings(nn.Module):  # type: ignore[misc]  # torch is Any to mypy
    def __init__(self, weights: Weights, config: Mapping[str, Any]) -> None:
        super().__init__()
        for part in ("word", "position", "token_type"):
            name = f"{part}_embeddings"
            table = torch.from_numpy(weight_of(weights, f"embeddings.{name}.weight").copy())
            setattr(self, name, nn.Embedding.from_pretrained(table, freeze=False))
        self.LayerNorm = _norm(weights, "embeddings.LayerNorm", config)

    def forward(self, batch: Batch) -> Any:  # noqa: ANN401
        total = self.word_embeddings(batch.ids) + self.position_embeddings(batch.place)
        return self.LayerNorm(total + self.token_type_embeddings.weight[0])


class _Attention(nn.Module):  # type: ignore[misc]  # torch is Any to mypy
    """Self-attention with its residual and normalisation, `attention.*` of a layer."""

    def __init__(self, weights: Weights, config: Mapping[str, Any], at: str, dropout: float) -> None:
        super().__init__()
        names = ("query", "key", "value")
        self.self = nn.ModuleDict({name: _linear(weights, f"{at}.self.{name}") for name in names})
        self.output = nn.ModuleDict(
            {
                "dense": _linear(weights, f"{at}.output.dense"),
                "LayerNorm": _norm(weights, f"{at}.output.LayerNorm", config),
            }
        )
        variant = str(config.get("attention", "full"))
        self.variant = find_plugin("attention", variant, attention_kinds.BUILTIN)
        self.head_width = int(config["hidden_size"]) // int(config["num_attention_heads"])
        self.dropout = dropout

    def forward(self, state: Any, batch: Batch) -> Any:  # noqa: ANN401
        flat = torch.cat([self.self[name](state) for name in ("query", "key", "value")], dim=1)
        query, key, value = (self._heads(part) for part in self._as_rows(flat, batch).chunk(3, dim=2))
        mixed = self._mix(query, key, value, batch.mask).transpose(1, 2)
        flat = mixed.reshape(batch.n * batch.longest, -1)[batch.slots]
        flat = functional.pad(flat, (0, 0, 0, len(state) - batch.tokens))
        product = drop(self.output["dense"](flat), self.dropout if self.training else 0.0)
        return self.output["LayerNorm"](product + state)

    def _as_rows(self, flat: Any, batch: Batch) -> Any:  # noqa: ANN401
        rows = flat.new_zeros(batch.n * batch.longest, flat.shape[1])
        return rows.index_copy(0, batch.slots, flat[: batch.tokens]).view(batch.n, batch.longest, -1)

    def _mix(self, query: Any, key: Any, value: Any, mask: Any) -> Any:  # noqa: ANN401
        if self.variant.name == "full" and query.dtype == torch.bfloat16:
            return _full_attention(query, key, value, mask)
        return self.variant.mix(query, key, value, mask)

    def _heads(self, part: Any) -> Any:  # noqa: ANN401
        return part.reshape(*part.shape[:2], -1, self.head_width).transpose(1, 2)


def _full_attention(query: Any, key: Any, value: Any, mask: Any) -> Any:  # noqa: ANN401
    """Softmax over a row's tokens, written out: torch's fused kernel is eight times slower in bfloat16."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    scores = scores.masked_fill(~mask[:, None, None, :], -1e4)
    return scores.softmax(dim=-1).to(value.dtype) @ value


class _Layer(nn.Module):  # type: ignore[misc]  # torch is Any to mypy
    """Attention and feed-forward."""

    def __init__(self, weights: Weights, config: Mapping[str, Any], at: str, dropout: float) -> None:
        super().__init__()
        activation = config.get("hidden_act", "gelu")
        if activation not in _APPROXIMATIONS:
            raise InvalidInputError(
                f"the encoder's activation must be one of {', '.join(_APPROXIMATIONS)}, got {activation!r}; "
                "choose another backbone"
            )
        self.approximation, self.dropout = _APPROXIMATIONS[activation], dropout
        self.attention = _Attention(weights, config, f"{at}.attention", dropout)
        self.intermediate = nn.ModuleDict({"dense": _linear(weights, f"{at}.intermediate.dense")})
        self.output = nn.ModuleDict(
            {
                "dense": _linear(weights, f"{at}.output.dense"),
                "LayerNorm": _norm(weights, f"{at}.output.LayerNorm", config),
            }
        )

    def forward(self, state: Any, batch: Batch) -> Any:  # noqa: ANN401
        middle = self.attention(state, batch)
        grown = functional.gelu(self.intermediate["dense"](middle), approximate=self.approximation)
        product = drop(self.output["dense"](grown), self.dropout if self.training else 0.0)
        return self.output["LayerNorm"](product + middle)


def drop(state: Any, share: float) -> Any:  # noqa: ANN401 - tensors
    """Zero a share of the numbers at random and scale the rest up; torch's own takes twice as long here."""
    return (
        state if share == 0.0 else state * (torch.rand_like(state) >= share).to(state.dtype) / (1.0 - share)
    )


def weights_of(encoder: nn.Module, source: Weights) -> dict[str, NDArray[np.float32]]:
    """Every weight of the source, those that the module holds replaced by the module's.

    Args:
        encoder: An `Encoder` made from `source`.
        source: The weights it was made from.
    """
    held = {name: tensor.detach().float().numpy().copy() for name, tensor in encoder.state_dict().items()}
    return {name: held.get(name, array) for name, array in source.items()}


def weight_of(weights: Weights, name: str) -> NDArray[np.float32]:
    """A weight by its name.

    Raises:
        InvalidInputError: It is not there.
    """
    if name not in weights:
        raise InvalidInputError(
            f"the encoder's weights lack '{name}'; choose a complete BERT-family backbone"
        )
    return np.asarray(weights[name], dtype=np.float32)


def _linear(weights: Weights, name: str) -> Any:  # noqa: ANN401
    matrix, bias = weight_of(weights, f"{name}.weight"), weight_of(weights, f"{name}.bias")
    layer = nn.utils.skip_init(nn.Linear, matrix.shape[1], matrix.shape[0])
    return _filled(layer, matrix, bias)


def _norm(weights: Weights, name: str, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    scale, shift = weight_of(weights, f"{name}.weight"), weight_of(weights, f"{name}.bias")
    return _filled(nn.LayerNorm(len(scale), eps=float(config["layer_norm_eps"])), scale, shift)


def _filled(layer: Any, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:  # noqa: ANN401
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))
    return layer
