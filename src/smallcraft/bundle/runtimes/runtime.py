"""What a runtime offers: it opens a graph and its weights from bytes, and the session runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray


class Session(Protocol):
    """An opened graph; may be run from several threads at once."""

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]], /
    ) -> Sequence[NDArray[Any]]:
        """The named outputs, or all of them in the graph's order."""


class Runtime(Protocol):
    """Runs graphs, on one thread a request."""

    @property
    def name(self) -> str:
        """Its key in the table of runtimes."""

    def open(self, model: bytes, weights: Mapping[str, bytes]) -> Session:
        """A session over a graph.

        Args:
            model: The graph, already checked against its digest.
            weights: External weight files by the name that the graph calls them.

        Raises:
            BundleFormatError: The runtime cannot run the graph.
            MissingPartError: The runtime's package is not installed.
        """
