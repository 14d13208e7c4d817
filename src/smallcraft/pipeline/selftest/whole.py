"""The promise of the main job: from a file of rows to a release that answers and verifies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.bundle.runtime import open_bundle
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import FILE_NAME, load_config
from smallcraft.pipeline.selftest.promise import Promise, expect
from smallcraft.pipeline.selftest.rows import made_messages
from smallcraft.pipeline.verifying import verify_project

_PROJECT = """
name = "selftest"
seed = {seed}
[data]
path = "rows.csv"
text = "message"
label = "intent"
key = "sender"
[ladder]
rungs = ["majority", "ngram"]
"""


def a_release_is_built_and_verifies(folder: Path, seed: int) -> str:
    """450 messages, two rungs, the default gate."""
    pl.DataFrame(made_messages(450, seed=seed)).write_csv(folder / "rows.csv")
    (folder / FILE_NAME).write_text(_PROJECT.format(seed=seed), encoding="utf-8")
    result = build(load_config(folder))
    expect(result.release is not None, f"not released: {'; '.join(v.reason for v in result.verdicts)}")
    verify_project(folder)
    unseen = made_messages(60, seed=seed + 1)
    answers = np.array(open_bundle(result.bundle).predict(unseen["message"]))
    right = int((answers == np.array(unseen["intent"])).sum())
    assert result.release is not None
    return expect(right >= 54, f"{result.release.label} verifies and is right on {right} of 60 unseen rows")


PROMISES = (
    Promise("whole", "rows become a release that answers and verifies", a_release_is_built_and_verifies),
)
