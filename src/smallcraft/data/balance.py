"""How evenly rows are spread over classes and over copies, and which metric suits that.

Numbers in, numbers out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from smallcraft.records import Task

_BALANCED_SHARE = 0.95
_FEW_CLASSES = 20


def effective_classes(counts: Sequence[int]) -> float:
    """How many equal classes would be as varied: e to the entropy of the class shares.

    Args:
        counts: Rows of each class; at least one is above 0.

    >>> round(effective_classes([5, 5]), 6)
    2.0
    """
    total = sum(counts)
    # In one order: a sum of floats depends on it, and the same rows must give the same number.
    return math.exp(-sum(n / total * math.log(n / total) for n in sorted(counts) if n))


def independent_rows(copies: Sequence[int]) -> float:
    """How many rows tell as much about an average as these do, where copies always answer alike.

    With `n` rows in groups of `c` copies it is `n^2 / sum(c^2)`: the number of groups where all are of one
    size, fewer where a few texts are repeated often.

    Args:
        copies: Rows of each group of copies; 1 for a row without a copy.

    Source:
        Kish (1965), Survey Sampling, section 11.7.

    >>> independent_rows([2, 2, 2]), round(independent_rows([4, 1, 1]), 6)
    (3.0, 2.0)
    """
    rows = sum(copies)
    return rows * rows / sum(count * count for count in copies) if rows else 0.0


def suggested_metric(class_counts: Mapping[str, int]) -> tuple[str, str]:
    """`accuracy` for few balanced classes, else `macro_f1`, and a sentence that says why.

    >>> suggested_metric({"yes": 90, "no": 10})[0]
    'macro_f1'
    """
    effective = effective_classes(list(class_counts.values()))
    described = f"{len(class_counts)} classes, as varied as {effective:.1f} equal ones"
    if len(class_counts) <= _FEW_CLASSES and effective >= _BALANCED_SHARE * len(class_counts):
        return "accuracy", f"accuracy: few and balanced classes ({described})"
    return "macro_f1", f"macro_f1: every class counts alike ({described})"


def largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Rows of each class, the largest class first, equal ones by name.

    >>> largest_first({"b": 1, "c": 2, "a": 1})
    {'c': 2, 'a': 1, 'b': 1}
    """
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


SUGGESTED_METRICS: Mapping[Task, Callable[[Mapping[str, int]], tuple[str, str]]] = {
    "multiclass": suggested_metric,
    "multilabel": lambda counts: ("macro_f1", f"macro_f1: each of {len(counts):,} labels counts alike"),
    "regression": lambda _: ("rmse", "rmse: what candidates are fitted to, in the unit of the numbers"),
}
