"""Boosted trees on a table, trained or asked: LightGBM and scikit-learn, each with its own categories.

Both stop early on a tenth of the training rows. Category codes are made here and count as training.
"""

from __future__ import annotations

import importlib
import json
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job, time_requests

_ROUNDS, _STOP_AFTER, _RATE = 1000, 20, 0.05


class Coded:
    """Rows as numbers: categories by code, in the order first seen; unknown and missing as NaN."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self.codes = {
            name: {
                value: code for code, value in enumerate(dict.fromkeys(v for v in values if v is not None))
            }
            for name, values in columns.items()
            if any(isinstance(value, str) for value in values)
        }
        self.categorical = [place for place, name in enumerate(columns) if name in self.codes]

    def encode(self, columns: dict[str, list[Any]]) -> np.ndarray:
        """`(n, p)` float64."""
        parts = []
        for name, values in columns.items():
            known = self.codes.get(name)
            parts.append([np.nan if v is None else (known.get(v, np.nan) if known else v) for v in values])
        return np.array(parts, dtype=np.float64).T


def fit_lightgbm(values: np.ndarray, labels: np.ndarray, categorical: list[int]) -> Any:
    """LightGBM with native categories."""
    import lightgbm

    held = np.random.default_rng(0).random(len(labels)) < 0.1
    train = lightgbm.Dataset(values[~held], labels[~held], categorical_feature=categorical)
    settings = {"objective": "binary", "learning_rate": _RATE, "num_threads": 1, "verbosity": -1, "seed": 0}
    return lightgbm.train(
        settings,
        train,
        num_boost_round=_ROUNDS,
        valid_sets=[lightgbm.Dataset(values[held], labels[held], reference=train)],
        callbacks=[lightgbm.early_stopping(_STOP_AFTER, verbose=False)],
    )


def fit_histogram_boosting(values: np.ndarray, labels: np.ndarray, categorical: list[int]) -> Any:
    """scikit-learn's HistGradientBoostingClassifier with native categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        categorical_features=categorical,
        max_iter=_ROUNDS,
        learning_rate=_RATE,
        early_stopping=True,
        n_iter_no_change=_STOP_AFTER,
        random_state=0,
    )
    return model.fit(values, labels)


def scores(model: Any, values: np.ndarray) -> np.ndarray:
    """Probability of the second class."""
    return model.predict_proba(values)[:, 1] if hasattr(model, "predict_proba") else model.predict(values)


def main() -> None:
    """Train and keep, or open and answer."""
    job = read_job()
    rows = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    columns, kept = rows["columns"], Path(job["model"])
    if job["mode"] == "train":
        fit = {"lightgbm": fit_lightgbm, "histogram_boosting": fit_histogram_boosting}[job["kind"]]
        # imported before the clock starts
        importlib.import_module(
            {"lightgbm": "lightgbm", "histogram_boosting": "sklearn.ensemble"}[job["kind"]]
        )
        before = time.process_time()
        coded = Coded(columns)
        labels = np.array(rows["labels"]) == max(rows["labels"])
        model = fit(coded.encode(columns), labels.astype(np.int64), coded.categorical)
        cpu_s = time.process_time() - before
        kept.write_bytes(pickle.dumps((coded, model)))
        print_answer(
            {"train_cpu_s": cpu_s, "size_mb": kept.stat().st_size / 1e6, "peak_rss_mb": peak_rss_mb()}
        )
        return
    coded, model = pickle.loads(kept.read_bytes())
    found: dict[str, Any] = {}
    if job["mode"] == "latency":
        names = list(columns)
        requests = [
            {name: [value] for name, value in zip(names, row, strict=True)}
            for row in zip(*columns.values(), strict=True)
        ]
        found |= time_requests(lambda row: scores(model, coded.encode(row)), requests)
    else:
        found["last_class_probs"] = scores(model, coded.encode(columns)).tolist()
    print_answer({**found, "peak_rss_mb": peak_rss_mb()})


if __name__ == "__main__":
    # A class pickled from `__main__` could not be found again by a process that only asks.
    from benchmarks.children import table_peer

    table_peer.main()
