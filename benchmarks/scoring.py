"""Scores of answers, ours and the peers', by the same code: scikit-learn's values, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from benchmarks.records import Sample
from smallcraft.stats.auroc import roc_area, roc_area_interval
from smallcraft.stats.cell_bootstrap import metric_interval
from smallcraft.stats.cells import count_cells
from smallcraft.stats.class_metrics import macro_f1
from smallcraft.stats.intervals import wilson_interval


def accuracy_percent(truth: Sequence[str], answers: Sequence[str]) -> Sample:
    """Share of right answers, with Wilson's 95 % interval."""
    right = round(accuracy_score(truth, answers) * len(truth))
    bounds = wilson_interval(right, len(truth))
    return Sample(100 * right / len(truth), len(truth), "rows", 100 * bounds.low, 100 * bounds.high)


def macro_f1_percent(truth: Sequence[str], answers: Sequence[str]) -> Sample:
    """Mean F1 of the classes, with a bootstrap 95 % interval."""
    classes = {name: code for code, name in enumerate(sorted({*truth, *answers}))}
    codes = [np.array([classes[name] for name in names], dtype=np.int64) for names in (truth, answers)]
    cells = count_cells(codes[0], codes[1], len(classes))
    bounds = metric_interval(cells, macro_f1, rng=np.random.default_rng(0))
    value = f1_score(truth, answers, average="macro", zero_division=0)
    return Sample(100 * value, len(truth), "rows", 100 * bounds.low, 100 * bounds.high)


def auroc(truth: Sequence[str], scores: Sequence[float]) -> Sample:
    """Area under the ROC curve for the last class in sorted order, with DeLong's 95 % interval."""
    is_positive = np.array(truth) == max(truth)
    value = float(roc_auc_score(is_positive, scores))
    bounds = roc_area_interval(roc_area(is_positive, np.asarray(scores, dtype=np.float64)))
    return Sample(value, len(truth), "rows", bounds.low, bounds.high)
