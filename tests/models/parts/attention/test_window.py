"""The law of local attention that full attention shares."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.models.parts.attention.full import Full
from smallcraft.models.parts.attention.window import Window


@pytest.mark.torch
@pytest.mark.parametrize(("tokens", "is_same"), [(9, True), (10, False)])
def test_a_text_within_reach_is_answered_as_by_full_attention(tokens, is_same):
    torch = pytest.importorskip("torch")
    query, key, value = torch.from_numpy(
        np.random.default_rng(0).normal(size=(3, 1, 2, tokens, 4)).astype(np.float32)
    )
    mask = torch.ones(1, tokens, dtype=torch.bool)
    near, full = (pattern.mix(query, key, value, mask) for pattern in (Window(reach=8), Full()))
    assert bool(torch.allclose(near, full, atol=1e-6)) is is_same
