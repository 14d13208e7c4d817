"""What is rounded in a candidate, told by its bytes, and the static block over the exact table."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import MIXED, TABLE, TEXT, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.models.exact import exact_static, list_rounded
from smallcraft.models.parts.static import make_static
from smallcraft.models.rungs import BUILTIN


@pytest.mark.parametrize(
    ("spec", "rung", "rounded"),
    [
        (TEXT, "majority", ()),
        (TABLE, "trees", ()),
        (TABLE, "linear", ("linear/head",)),
        (TEXT, "ngram", ("ngram/head",)),
        (TEXT, "fast", ("fast/static", "fast/head")),
        (TEXT, "frozen", ("frozen/encoder",)),
        (MIXED, "frozen", ("frozen/encoder", "frozen/head")),
        (TEXT, "cascade", ("fast/static", "fast/head", "frozen/encoder")),
    ],
)
def test_what_is_rounded_is_named_by_stage_and_part(tiny_backbone, tmp_path, spec, rung, rounded):
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone, n=60)
    assert list_rounded(BUILTIN[rung].stages(workshop)) == rounded


def test_the_exact_table_gives_nearly_the_rows_of_the_rounded_one(tiny_backbone, tmp_path):
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=20)
    rounded = make_static(workshop.embedding_files())
    exact = exact_static(workshop.in_form("fp32").embedding_files(), rounded)
    assert exact.table.dtype == np.float32
    assert np.array_equal(exact.table, workshop.backbone_source().token_table)
    inputs = read_inputs(["lost my card", "late fee", ""], TEXT)
    one, two = (block.encode(inputs).values for block in (rounded, exact))
    assert one.shape == two.shape
    assert not np.array_equal(one, two)
    near = (one[:2] * two[:2]).sum(axis=1) / exact.gain**2
    assert near.min() > 0.99
    assert not two[2].any()
