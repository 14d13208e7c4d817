"""Compiles ahead what is otherwise compiled at first use, by checking a few made-up rows.

Always: what was compiled is kept beside the installed package (or in the user's cache folder), so a second
run has nothing left to do; nothing else is written.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from smallcraft.pipeline.checking import check_frame
from smallcraft.records import Roles
from smallcraft.stats.cell_bootstrap import draw_samples
from smallcraft.stats.cells import count_cells
from smallcraft.stats.neighbours import cosine_pairs

_WORDS = ("refund", "invoice", "login", "parcel", "courier", "router", "oven", "yeast", "train", "ticket")
_ROWS, _VECTORS = 80, 3_200


def compile_kernels() -> None:
    """Run every compiled inner loop once: near copies, label counts, votes, cells, neighbours."""
    rng = np.random.default_rng(0)
    labels = ["a" if row % 2 else "b" for row in range(_ROWS)]
    frame = pl.DataFrame(
        {
            "message": [f"{' '.join(rng.choice(_WORDS, 4))} {row % 70}" for row in range(_ROWS)],
            "intent": labels,
            "ann_a": labels,
            "ann_b": [label if row % 7 else "a" for row, label in enumerate(labels)],
        }
    )
    check_frame(frame, Roles(label="intent", text="message", votes=("ann_a", "ann_b")))
    # As many rows as the compiled count and draw are for.
    codes = np.arange(1 << 16, dtype=np.int64) % 3
    draw_samples(count_cells(codes, codes, 3), 2, rng=rng, is_compiled=True)
    count_cells(codes, codes, 3, codes)
    # More rows than are compared one by one, so that the hashed search runs too.
    cosine_pairs(rng.normal(size=(_VECTORS, 32)).astype(np.float32), least=0.99)
