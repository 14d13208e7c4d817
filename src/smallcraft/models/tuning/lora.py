"""Low-rank changes of an encoder's products (LoRA) in training: put in by peft, read out as arrays.

Leaves to others: merging them into weights and shipping them alone (`models.adapters`).
Always: a fresh change is zero, so training starts at the encoder as it is, and changes nothing else of it.

Source:
    Hu et al. (2021), LoRA: low-rank adaptation of large language models, section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smallcraft.models.adapters import Adapter, LowRank

_NAME = "default"


def add_adapter(
    encoder: nn.Module, *, rank: int, targets: Sequence[str], strength: float, seed: int
) -> nn.Module:
    """Give products of an encoder a low-rank change each, in place; its other weights stop being trained.

    Args:
        encoder: A `tuning.encoder.Encoder`.
        rank: Of every change.
        targets: Last parts of names, such as `query`, or more of them, such as `output.dense`.
        strength: What a change is multiplied by, divided by the rank.
        seed: Of the start of each change's first factor.

    Returns:
        The encoder.
    """
    # Two seconds to load, and nothing else needs it.
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=rank, lora_alpha=strength, target_modules=list(targets), lora_dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, encoder, adapter_name=_NAME)
    for name, weight in encoder.named_parameters():
        weight.requires_grad_("lora_" in name)
    return encoder


def adapter_of(encoder: nn.Module) -> Adapter:
    """The changes as arrays, the strength already in them.

    Args:
        encoder: As `add_adapter` left it, trained or not.
    """
    return Adapter(
        {
            name: LowRank(
                _array(module.lora_A[_NAME].weight.T),
                _array(module.lora_B[_NAME].weight.T * module.scaling[_NAME]),
            )
            for name, module in encoder.named_modules()
            if hasattr(module, "lora_A")
        }
    )


def _array(tensor: Any) -> NDArray[np.float32]:  # noqa: ANN401
    return np.ascontiguousarray(tensor.detach().float().numpy())
