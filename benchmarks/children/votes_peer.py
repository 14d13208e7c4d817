"""The same from crowd-kit: its Dawid-Skene with its own settings, and its majority vote."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote

from benchmarks.children.ballots import draw_crowd, read_ballots, thinned
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """Do what the job says."""
    job = read_job()
    print_answer(_time(job) if job["what"] == "speed" else _judge(job))


def _time(job: dict[str, Any]) -> dict[str, Any]:
    crowd = draw_crowd(job["items"], in_order=job["in_order"])
    frame = pd.DataFrame({"task": crowd.item, "worker": crowd.annotator, "label": crowd.label})
    truth = pd.Series(crowd.truth, index=crowd.item).groupby(level=0).first()
    last: list[DawidSkene] = []
    cpu = cpu_seconds(lambda: last.append(DawidSkene().fit(frame)), repeats=job["repeats"])
    right = last[-1].labels_.loc[truth.index] == truth
    return {"one_fit": cpu, "one_fit_accuracy": float(right.mean()), "passes": len(last[-1].loss_history_)}


def _judge(job: dict[str, Any]) -> dict[str, Any]:
    ballots = read_ballots(job["folder"], rows=job["rows"])
    found: dict[str, Any] = {}
    for each in job["each"]:
        runs = [_judge_one(ballots, each, seed) for seed in range(job["seeds"] if each < 5 else 1)]
        found[str(each)] = {name: [run[name] for run in runs] for name in runs[0]}
    return found


def _judge_one(ballots: Any, each: int, seed: int) -> dict[str, float]:
    kept = thinned(ballots.votes, each, seed=seed)
    task, worker = np.nonzero(kept >= 0)
    frame = pd.DataFrame({"task": task, "worker": worker, "label": kept[task, worker]})
    unseen = ~(np.random.default_rng(seed).random(len(ballots.gold)) < 0.5)
    run = {}
    for name, method in (("dawid_skene", DawidSkene()), ("majority", MajorityVote())):
        right = method.fit_predict(frame).sort_index().to_numpy() == ballots.gold
        run |= {name: float(right.mean()), f"{name}_unseen": float(right[unseen].mean())}
    return run


if __name__ == "__main__":
    main()
