"""A toy bundle with experts in both forms, made once."""

from __future__ import annotations

import pytest
from tests.models.tinybert import write_backbone
from tests.models.toy_experts import ToyExperts, toy_experts

from smallcraft.models.backbone import find_backbone


@pytest.fixture(scope="module", params=["int8", "fp32"])
def toy(request, tmp_path_factory) -> ToyExperts:
    folder = tmp_path_factory.mktemp("experts")
    backbone = find_backbone(str(write_backbone(folder / "tiny")))
    return toy_experts(folder / "toy", backbone, form=request.param, n_experts=3)
