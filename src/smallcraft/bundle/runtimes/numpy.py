"""numpy alone: bundles of n-grams, token means and linear heads run without any graph engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.errors import BundleFormatError


class WithoutGraphs:
    """Opens no graph, and so promises that a bundle has none."""

    name: ClassVar[str] = "numpy"

    def open(self, model: bytes, weights: Mapping[str, bytes]) -> Session:
        """Refuses.

        Raises:
            BundleFormatError: Always: the bundle has a graph.
        """
        size = len(model) + sum(len(data) for data in weights.values())
        raise BundleFormatError(
            f"runtime 'numpy' runs bundles without a graph, this one has a graph of {size:,} bytes; open it "
            "with runtime 'onnxruntime', or take a bundle of the rungs majority, linear, ngram, tiny or fast"
        )
