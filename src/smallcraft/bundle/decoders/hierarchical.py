"""The deepest node of a tree of labels that is probable enough: `cards` where `cards/lost` is not sure.

A node's probability is the sum of its labels'. From the top, the most probable child is taken as long as its
probability reaches the threshold; where no top node's does, there is no answer.
Always: a child is never answered without its parents being probable enough too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoders.abstain import read_threshold
from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.records import Decisions


@dataclass(frozen=True)
class Hierarchical:
    """Answers as precisely as it is sure.

    Attributes:
        threshold: Least probability of a node that is answered.
        separator: Between the names of a label's nodes, from the top; empty when `parents` says the tree.
        parents: Label or node to the node above it; empty when the separator does.
        promise: As in `Abstain`; an answer counts as right where it is above the true label, or is it.
    """

    threshold: float
    separator: str = "/"
    parents: tuple[tuple[str, str], ...] = ()
    promise: Mapping[str, Any] = field(default_factory=dict)
    name: ClassVar[str] = "hierarchical"

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:
        """The node, None where no top node is probable enough, and its probability."""
        tree = tree_of(tuple(classes), self.separator, self.parents)
        node, confidence = tree.descend(probs, self.threshold)
        return Decisions(
            labels=tuple(None if place < 0 else tree.nodes[place] for place in node),
            confidence=confidence,
            abstained=node < 0,
        )

    def describe(self) -> Mapping[str, Any]:
        """Its kind, threshold, tree and promise."""
        return {
            "kind": self.name,
            "threshold": self.threshold,
            "separator": self.separator,
            "parents": dict(self.parents),
            "promise": dict(self.promise),
        }

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Hierarchical:
        """From `bundle.json`.

        Raises:
            BundleFormatError: A value is missing or of the wrong kind.
        """
        separator, parents = description.get("separator"), description.get("parents")
        if not isinstance(separator, str) or not isinstance(parents, Mapping):
            raise BundleFormatError(
                f"a hierarchical decision wants a separator or parents, got {dict(description)}; "
                "take the bundle from the registry again"
            )
        named = tuple((str(child), str(parent)) for child, parent in parents.items())
        return cls(read_threshold(description), separator, named, dict(description.get("promise", {})))


@dataclass(frozen=True)
class Tree:
    """Labels and the nodes above them.

    Attributes:
        nodes: Names of the `m` nodes, those of one depth together, from the top.
        above: `(m,)` int64, the node above each; -1 for a top node.
        depth: `(m,)` int64, 0 for a top node.
        holds: `(k, m)` float64, 1 where a label is a node or below it.
    """

    nodes: tuple[str, ...]
    above: NDArray[np.int64]
    depth: NDArray[np.int64]
    holds: NDArray[np.float64]

    def descend(
        self, probs: NDArray[np.float64], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Each row's node, -1 for none, and its probability (of the best top node where there is none)."""
        # Row by row: a product of matrices may round a row by its neighbours.
        mass = np.array([row @ self.holds for row in probs]).reshape(len(probs), len(self.nodes))
        rows = np.arange(len(probs))
        node = np.full(len(probs), -1, dtype=np.int64)
        confidence = np.zeros(len(probs))
        for depth in range(int(self.depth.max(initial=-1)) + 1):
            (places,) = np.nonzero(self.depth == depth)
            below = np.where(self.above[places] == node[:, None], mass[:, places], -1.0)
            best = places[below.argmax(axis=1)]
            found = below.max(axis=1, initial=-1.0)
            # A row that stopped higher up has no child here whose parent is its node and is sure enough.
            goes_on = found >= threshold
            confidence = np.where(goes_on | (depth == 0), mass[rows, best], confidence)
            node = np.where(goes_on, best, node)
        return node, confidence


@lru_cache(maxsize=64)
def tree_of(classes: tuple[str, ...], separator: str, parents: tuple[tuple[str, str], ...]) -> Tree:
    """The tree that some labels are in.

    Args:
        classes: The `k` labels.
        separator: Parts a label into the names of its nodes; unused when there are `parents`.
        parents: Pairs of a label or node and the one above it.

    Raises:
        InvalidInputError: The parents go in a circle.

    >>> tree_of(("cards/lost", "cards/new", "loans"), "/", ()).nodes
    ('cards', 'loans', 'cards/lost', 'cards/new')
    """
    paths = [_path(name, separator, dict(parents)) for name in classes]
    depths = {node: depth for path in paths for depth, node in enumerate(path)}
    nodes = tuple(sorted(depths, key=lambda node: depths[node]))
    place = {node: number for number, node in enumerate(nodes)}
    above, holds = np.full(len(nodes), -1, dtype=np.int64), np.zeros((len(classes), len(nodes)))
    for code, path in enumerate(paths):
        for depth, node in enumerate(path):
            holds[code, place[node]] = 1.0
            if depth:
                above[place[node]] = place[path[depth - 1]]
    return Tree(nodes, above, np.array([depths[node] for node in nodes], dtype=np.int64), holds)


def _path(name: str, separator: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """A label's nodes from the top, itself last."""
    if not parents:
        parts = name.split(separator) if separator else [name]
        return tuple(separator.join(parts[: end + 1]) for end in range(len(parts)))
    path = [name]
    while path[-1] in parents:
        path.append(parents[path[-1]])
        if path[-1] in path[:-1]:
            raise InvalidInputError(
                f"the parents of labels go in a circle: {' < '.join(path)}; leave one of them out"
            )
    return tuple(reversed(path))
