"""The consensus of votes: a million in number for the time, real ones thinned for the accuracy; crowd-kit."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.datasets import AbsentDataError
from benchmarks.peers import CROWD_KIT
from benchmarks.process import ROOT, ChildError, in_turn, run_child
from benchmarks.records import Listing, Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_PEER, _MAJORITY = "crowd-kit", "majority vote"
_ITEMS, _EACH, _SEEDS = 200_000, (1, 2, 3, 5), 20
_ORDERS = ((True, "by item"), (False, "in random order"))
_MODELS = (("words", "TF-IDF and logistic regression"), ("sentences", "sentence encoder and logistic"))
# What two ways to break ties may be apart, of millions of comparisons of floating-point sums.
_SAME = 1e-12
_Runs = Mapping[str, Mapping[str, Sequence[float]]]


def measure(around: Surroundings) -> Found:
    """The same votes in all."""
    python = around.python_of(CROWD_KIT)
    rows, notes = _speed(around, python)
    job = {"what": "judge", "folder": str(_folder()), "rows": around.rows, "each": _EACH}
    job |= {"seeds": 2 if around.is_quick else _SEEDS, "features": "words"}
    ours: _Runs = run_child(PYTHON, "votes", job)
    theirs: _Runs | None = None if python is None else run_child(python, "votes_peer", job)
    models: dict[str, _Runs | None] = {"words": ours, "sentences": _with_encoder(job, around)}
    for each in _EACH:
        rows += _accuracy_rows(ours, theirs, each)
    for each in (1, 2):
        rows += [_gain_row(models[name], each, what) for name, what in _MODELS]
    return Found(
        about=(
            f"Time: {_ITEMS // (100 if around.is_quick else 1):,} items with five votes each of 2,000 "
            "annotators, five classes, as a frame of text; encoding included; CPU-seconds of one thread. "
            "Accuracy: HateCheck's 3,901 rows with five votes of ten annotators, thinned to 1, 2 and 3 a "
            f"row by {job['seeds']} seeds; against its gold label, which no method sees but for calibration."
        ),
        rows=tuple(rows),
        listings=(_listing(ours, models["sentences"]),),
        notes=(*notes, *_notes(models), *around.absent),
    )


def _speed(around: Surroundings, python: Path | None) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    notes: list[str] = []
    items = _ITEMS // 100 if around.is_quick else _ITEMS
    for in_order, order in _ORDERS:
        job = {"what": "speed", "items": items, "in_order": in_order}
        contestants = {"ours": partial(run_child, PYTHON, "votes", job | {"repeats": 3})}
        if python is not None:
            contestants[_PEER] = partial(run_child, python, "votes_peer", job | {"repeats": 1})
        ran = in_turn(contestants, rounds=2 if around.is_quick else 3)
        around.look(f"after the votes {order}")
        rows += _speed_rows(ran["ours"], ran.get(_PEER), f"{5 * items:,} votes {order}")
        first = ran["ours"][0]
        said = (
            f"Votes {order}: accuracy {first['one_fit_accuracy']:.5f} after {first['one_fit_passes']} passes "
            f"(one fit), {first['crowd_accuracy']:.5f} after {first['crowd_passes']} (with the crowd's prior)"
        )
        if _PEER in ran:
            peer = ran[_PEER][0]
            said += f"; crowd-kit {peer['one_fit_accuracy']:.5f} after {peer['passes']}"
        notes.append(said + ".")
    return rows, notes


def _speed_rows(ours: list[dict[str, Any]], theirs: list[dict[str, Any]] | None, what: str) -> list[Row]:
    peers = {} if theirs is None else {_PEER: median_of([cpu for run in theirs for cpu in run["one_fit"]])}
    rows = []
    for name, told, bar in (("one_fit", "Dawid-Skene", 10.0), ("crowd", "with the crowd's prior", None)):
        taken = median_of([cpu for run in ours for cpu in run[name]])
        rows.append(Row(f"{what}: {told}", "CPU-s", taken, peers, clock="cpu"))
        rows += _ratio(taken, peers, f"{what}: {told}, times less CPU than crowd-kit", bar)
    return rows


def _ratio(taken: Sample, peers: Mapping[str, Sample], what: str, bar: float | None) -> list[Row]:
    if _PEER not in peers:
        return [Row(what, "x", None, bar=bar, sense="at_least")]
    peer = peers[_PEER]
    bounds = (peer.low, peer.high, taken.low, taken.high)
    assert all(bound is not None for bound in bounds)
    low, high, fastest, slowest = (float(bound or 0) for bound in bounds)
    ratio = Sample(peer.value / taken.value, taken.n, "runs", low / slowest, high / fastest)
    return [Row(what, "x", ratio, bar=bar, sense="at_least", clock="cpu")]


def _with_encoder(job: Mapping[str, Any], around: Surroundings) -> _Runs | None:
    """The stronger model, where an encoder's weights are installed."""
    try:
        found: _Runs = run_child(PYTHON, "votes", {**job, "features": "sentences", "each": (1, 2)})
    except ChildError as error:
        around.absent.append(f"no sentence encoder to join as an annotator: {error}")
        return None
    return found


def _accuracy_rows(ours: _Runs, theirs: _Runs | None, each: int) -> list[Row]:
    runs, peer = ours[str(each)], None if theirs is None else theirs[str(each)]
    peers = {_MAJORITY: _percent(runs["majority"])}
    rivals = {_MAJORITY: runs["majority"]}
    if peer is not None:
        peers[_PEER] = _percent(peer["dawid_skene"])
        rivals[_PEER] = peer["dawid_skene"]
    votes = f"{each} vote{'s' if each > 1 else ''} a row"
    lead = {name: _lead(runs["ours_accuracy"], values) for name, values in rivals.items()}
    return [
        Row(f"{votes}: accuracy", "%", _percent(runs["ours_accuracy"]), peers, sense="at_least"),
        *(
            Row(f"{votes}: ahead of {name}, paired", "points", sample, bar=0.0, sense="at_least")
            for name, sample in lead.items()
        ),
        Row(
            f"{votes}: calibration error where half the gold calibrates, on the rest",
            "",
            _mean(runs["calibrated_ece"]),
            bar=0.03,
        ),
    ]


def _gain_row(runs: _Runs | None, each: int, what: str) -> Row:
    name = f"{each} vote{'s' if each > 1 else ''} a row: gained by joining {what}"
    if runs is None:
        return Row(name, "points", None, bar=0.01, sense="at_least")
    found = runs[str(each)]
    lead = _lead(found["ours_and_model_accuracy"], found["ours_accuracy"])
    return Row(name, "points", lead, bar=0.01, sense="at_least")


def _percent(values: Sequence[float]) -> Sample:
    return _mean([100 * value for value in values])


def _mean(values: Sequence[float]) -> Sample:
    return Sample(statistics.fmean(values), len(values), _of(values), min(values), max(values))


def _of(values: Sequence[float]) -> str:
    return "seed" if len(values) == 1 else "seeds"


def _lead(ours: Sequence[float], theirs: Sequence[float]) -> Sample:
    """Mean difference in points, plus and minus two standard errors over the seeds."""
    apart = [100 * (a - b) for a, b in zip(ours, theirs, strict=True)]
    mean = statistics.fmean(apart)
    mean = 0.0 if abs(mean) < _SAME else mean
    if len(apart) == 1:
        return Sample(mean, 1, "seed")
    reach = 2 * statistics.stdev(apart) / math.sqrt(len(apart))
    return Sample(mean, len(apart), "seeds", mean - reach, mean + reach)


def _listing(words: _Runs, sentences: _Runs | None) -> Listing:
    """Means over the seeds; what is not judged there is left out."""
    columns = (
        *("votes a row", "majority", "one-coin", "ours", "with words", "with sentences"),
        *("calibrated on gold*", "and words*", "ECE, no gold*", "ECE, gold*", "ECE, gold and words*"),
        *("log-loss, gold*", "and words*", "annotators' ranks"),
    )
    lines = []
    for each in words:
        runs = words[each]
        better = None if sentences is None else sentences.get(each)
        cells = [
            *(runs[name] for name in ("majority", "one_coin", "ours_accuracy", "ours_and_model_accuracy")),
            None if better is None else better["ours_and_model_accuracy"],
            *(runs[name] for name in ("calibrated_unseen", "calibrated_and_model_unseen")),
            *(runs[f"{name}_ece"] for name in ("ours", "calibrated", "calibrated_and_model")),
            *(runs[f"{name}_log_loss"] for name in ("calibrated", "calibrated_and_model")),
            runs["spearman"],
        ]
        lines.append((each, *(_cell(values) for values in cells)))
    title = "HateCheck, means over seeds (* on the half of the rows whose gold was not shown)"
    return Listing(title, columns, tuple(lines))


def _cell(values: Sequence[float] | None) -> str:
    if values is None or any(math.isnan(value) for value in values):
        return "-"
    return f"{statistics.fmean(values):.5f}"


def _notes(models: Mapping[str, _Runs | None]) -> list[str]:
    notes = []
    for name, what in _MODELS:
        runs = models[name]
        if runs is None:
            continue
        one = runs["1"]
        reached = statistics.fmean(one["known_and_model"]) - statistics.fmean(one["known"])
        notes.append(
            f"{what}, out of fold: right on {statistics.fmean(one['model']):.1%} of the rows, one annotator "
            f"on {statistics.fmean(one['majority']):.2%}. At one vote a row, knowing from gold how every "
            "annotator errs and what every answer of the model means, joining it would gain "
            f"{100 * reached:+.3f} points."
        )
    return notes


def _folder() -> Path:
    folder = Path(os.environ.get("SMALLCRAFT_SHARED_DATA", ROOT.parent / "shared" / "data")) / "hatecheck"
    if not folder.is_dir():
        raise AbsentDataError(
            "hatecheck is not in the folder of real data sets; name that folder in SMALLCRAFT_SHARED_DATA"
        )
    return folder
