"""The consensus of votes: CPU-seconds from a frame of text, or accuracy on real votes, thinned."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.children.ballots import CLASSES, Ballots, draw_crowd, read_ballots, thinned
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.data.quality.consensus import Consensus, find_consensus, witness_of
from smallcraft.data.votes import Votes, votes_from_columns, votes_from_long
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.records import Predictions
from smallcraft.stats.calibration import expected_calibration_error, log_losses
from smallcraft.stats.dawid_skene import VoteFit, fit_crowd, fit_dawid_skene, majority_vote, one_coin

_FOLDS = 5


def main() -> None:
    """Do what the job says."""
    job = read_job()
    print_answer(_time(job) if job["what"] == "speed" else judge(job))


def _time(job: dict[str, Any]) -> dict[str, Any]:
    crowd = draw_crowd(job["items"], in_order=job["in_order"])
    frame = pl.DataFrame({"task": crowd.item, "worker": crowd.annotator, "label": crowd.label})
    truth = dict(zip(crowd.item, crowd.truth, strict=True))
    last: list[tuple[Votes, VoteFit]] = []

    def work(fit: Callable[..., VoteFit]) -> None:
        votes = votes_from_long(frame, item="task", annotator="worker", label="label", source="the crowd")
        last[:] = [(votes, _fit(fit, votes))]

    found: dict[str, Any] = {}
    for name, fit in (("one_fit", fit_dawid_skene), ("crowd", fit_crowd)):
        work(fit)  # compiles, or reads what was compiled
        found[name] = cpu_seconds(lambda fit=fit: work(fit), repeats=job["repeats"])  # type: ignore[misc]
        votes, done = last[0]
        assert votes.items is not None
        said = [votes.classes[code] for code in done.posterior.argmax(axis=1)]
        right = [truth[item] == label for item, label in zip(votes.items.to_list(), said, strict=True)]
        found |= {f"{name}_accuracy": statistics.fmean(right), f"{name}_passes": done.iterations}
    return found


def judge(job: dict[str, Any]) -> dict[str, Any]:
    """Every method on the same thinned votes, seed by seed.

    Args:
        job: `folder`, `rows` (None for all), `each` vote counts, `seeds`, and what the model reads:
            `words` or `sentences`.

    Returns:
        By number of votes an item: quantity to one value a seed.
    """
    ballots = read_ballots(job["folder"], rows=job["rows"])
    features = {"words": weighted_words, "sentences": embedded}[job["features"]](ballots.texts)
    found: dict[str, Any] = {}
    for each in job["each"]:
        seeds = range(job["seeds"] if each < 5 else 1)
        runs = [_judge_one(ballots, features, each, seed) for seed in seeds]
        found[str(each)] = {name: [run[name] for run in runs] for name in runs[0]}
    return found


def weighted_words(texts: list[str]) -> Any:
    """Words and pairs of words, by TF-IDF."""
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts)


def embedded(texts: list[str]) -> np.ndarray:
    """What the frozen sentence encoder of the ladder makes of them, rows of length 1."""
    with tempfile.TemporaryDirectory(prefix="smallcraft-bench-encoder-") as folder:
        target = Path(folder, "encoder")
        write_encoder(source_of(find_backbone("auto")), target)
        files = BundleFiles(target, listed_digests(read_description(target)[0]))
        inputs = Inputs(len(texts), texts, np.empty((len(texts), 0)), ())
        rows = make_encoder(files).encode(inputs).values
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _judge_one(ballots: Ballots, features: Any, each: int, seed: int) -> dict[str, float]:
    kept, gold = thinned(ballots.votes, each, seed=seed), ballots.gold
    names = np.array([*CLASSES, ""])
    frame = pl.DataFrame({f"a{who}": names[column] for who, column in enumerate(kept.T)})
    votes = votes_from_columns(frame, frame.columns, classes=CLASSES)
    majority = _fit(majority_vote, votes).posterior.argmax(axis=1)
    probs = out_of_fold(features, majority, ballots.template, seed=seed)
    model = Predictions(CLASSES, gold, probs)
    shown = np.random.default_rng(seed).random(len(gold)) < 0.5
    known = np.where(shown, gold, -1)
    made = {
        "ours": find_consensus(votes, seed=seed),
        "ours_and_model": find_consensus(votes, model=model, seed=seed),
        "calibrated": find_consensus(votes, gold=known, seed=seed),
        "calibrated_and_model": find_consensus(votes, model=model, gold=known, seed=seed),
    }
    run: dict[str, float] = {
        "majority": float((majority == gold).mean()),
        "majority_unseen": float((majority == gold)[~shown].mean()),
        "one_coin": float((_fit(one_coin, votes).posterior.argmax(axis=1) == gold).mean()),
        "model": float((probs.argmax(axis=1) == gold).mean()),
    }
    run |= _with_all_known(votes, model, gold)
    for name, consensus in made.items():
        run |= {f"{name}_{what}": value for what, value in _scores(consensus, gold, ~shown).items()}
    return run | {"spearman": _rank_agreement(made["ours"], votes, gold)}


def _scores(consensus: Consensus, gold: np.ndarray, unseen: np.ndarray) -> dict[str, float]:
    right = consensus.label == gold
    error = expected_calibration_error(
        consensus.confidence[unseen], right[unseen], rng=np.random.default_rng(0), replicates=2
    )
    return {
        "accuracy": float(right.mean()),
        "unseen": float(right[unseen].mean()),
        "ece": error.value,
        "log_loss": float(log_losses(gold[unseen], consensus.posterior[unseen]).mean()),
    }


def _with_all_known(votes: Votes, model: Predictions, gold: np.ndarray) -> dict[str, float]:
    """What could be reached if gold told how every annotator errs and what every code of the model means."""
    k, heard = len(CLASSES), witness_of(model)
    scores = np.tile(np.log(np.bincount(gold, minlength=k) / len(gold)), (len(gold), 1))
    errs = np.full((len(votes.annotators), k, k), 0.01)
    np.add.at(errs, (votes.annotator, gold[votes.item_of_vote], votes.label), 1.0)
    errs /= errs.sum(axis=2, keepdims=True)
    np.add.at(scores, votes.item_of_vote, np.log(errs)[votes.annotator, :, votes.label])
    means = np.full((k, heard.codes), 0.5)
    np.add.at(means, (gold, heard.code), 1.0)
    joined = scores + np.log(means / means.sum(axis=1, keepdims=True))[:, heard.code].T
    known = {"known": scores, "known_and_model": joined}
    return {name: float((score.argmax(axis=1) == gold).mean()) for name, score in known.items()}


def _rank_agreement(consensus: Consensus, votes: Votes, gold: np.ndarray) -> float:
    """Spearman's rank correlation of the annotators' accuracy with that by gold; NaN where none is told."""
    truth = gold[votes.item_of_vote] == votes.label
    by_gold = [float(truth[votes.annotator == who].mean()) for who in range(len(votes.annotators))]
    told = [report.accuracy for report in consensus.annotators]
    return float("nan") if None in told else float(spearmanr(told, by_gold).statistic)


def out_of_fold(features: Any, labels: np.ndarray, template: np.ndarray, *, seed: int) -> np.ndarray:
    """Probabilities of a logistic regression that saw no row of the row's template; gold is not used."""
    fold = np.random.default_rng(seed).integers(0, _FOLDS, int(template.max()) + 1)[template]
    probs = np.zeros((len(labels), len(CLASSES)))
    for number in range(_FOLDS):
        inside = fold == number
        learned = LogisticRegression(C=10, max_iter=300).fit(features[~inside], labels[~inside])
        probs[inside] = learned.predict_proba(features[inside])
    return probs


def _fit(method: Callable[..., VoteFit], votes: Votes) -> VoteFit:
    sizes = {"n_annotators": len(votes.annotators), "n_classes": len(votes.classes)}
    return method(votes.starts, votes.annotator, votes.label, **sizes)


if __name__ == "__main__":
    main()
