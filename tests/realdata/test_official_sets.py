"""Official data sets, built through the command line, scored by scikit-learn from what `predict` wrote.

The building process refuses to import torch and transformers. A build is deterministic given its seed, so the
bounds are exact; they stand below what was measured by less than a point.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.builds import Built, build_dataset
from benchmarks.datasets import Dataset, Rows, read_adult, read_banking77
from benchmarks.process import child_environment
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline

pytestmark = [pytest.mark.realdata, pytest.mark.slow]
# What the scores do not depend on is tried elsewhere.
AUDITS = ("compression",)
# `make bench` climbs the whole ladder.
RUNGS_OF_WINNER = ("majority", "cascade")


def answers(built: Built) -> list[dict[str, str]]:
    """The test file's rows as `smallcraft predict` wrote them: truth as `input_label`, answer as `label`."""
    output = built.project / "answers.csv"
    code = "import sys; from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"
    source = str(built.project / "test.csv")
    arguments = ["predict", "-p", str(built.project), "--input", source, "--output", str(output)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=child_environment())
    with output.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def accuracy(built: Built) -> float:
    found = answers(built)
    return float(accuracy_score([row["input_label"] for row in found], [row["label"] for row in found]))


def read_reviews(path: Path) -> Rows:
    """Lines of a sentence, a tab, and 0 or 1."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return Rows(
        {"text": [text.strip() for text, _ in lines]}, [f"rated {label.strip()}" for _, label in lines]
    )


@pytest.mark.backbone
def test_banking77_is_released_at_94_percent_in_25_megabytes_without_torch(tmp_path, record_property):
    dataset = read_banking77()
    built = build_dataset(
        dataset,
        tmp_path / "project",
        metric="accuracy",
        rungs=RUNGS_OF_WINNER,
        audits=AUDITS,
    )
    assert built.result["outcome"] == "PASS"
    assert built.result["chosen"] == "cascade"
    assert accuracy(built) >= 0.94
    assert built.bundle_size_mb() <= 25
    assert built.result["released"]["cost"]["train_cpu_s"] > 0
    assert built.result["cert"]["rows"] == len(dataset.test.labels)


def test_adult_is_released_at_an_area_of_925_thousandths(tmp_path):
    built = build_dataset(read_adult(), tmp_path / "project", metric="auroc", audits=AUDITS)
    assert built.result["chosen"] == "trees"
    found = answers(built)
    is_rich = [row["input_label"] == ">50K" for row in found]
    confidence = [
        float(row["confidence"]) if row["label"] == ">50K" else 1 - float(row["confidence"]) for row in found
    ]
    assert roc_auc_score(is_rich, confidence) >= 0.925


@pytest.mark.backbone
def test_reviews_of_one_shop_train_a_model_that_beats_word_counts_on_another(tmp_path, shared_data):
    folder = shared_data / "uci_sentiment"
    amazon, yelp = (read_reviews(folder / f"{name}_labelled.txt") for name in ("amazon_cells", "yelp"))
    reviews = Dataset("reviews", amazon, yelp)
    built = build_dataset(
        reviews, tmp_path / "project", metric="accuracy", rungs=RUNGS_OF_WINNER, audits=AUDITS
    )
    peer = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
    peer.fit(amazon.columns["text"], amazon.labels)
    assert accuracy(built) >= accuracy_score(yelp.labels, peer.predict(yelp.columns["text"])) + 0.05
