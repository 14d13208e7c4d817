"""scikit-learn on texts: TF-IDF under a linear model, trained or asked.

Settings are those that did best on a held-out fifth of banking77's training rows.
"""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job, time_requests


def make_model(kind: str) -> Any:
    """The untrained pipeline of that name."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    if kind == "word_logistic":
        return make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    return make_pipeline(make_union(words, characters), LinearSVC(C=0.5))


def main() -> None:
    """Train and keep, or open and answer."""
    job = read_job()
    rows = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    texts, kept = rows["columns"]["text"], Path(job["model"])
    if job["mode"] == "train":
        before = time.process_time()
        model = make_model(job["kind"]).fit(texts, rows["labels"])
        cpu_s = time.process_time() - before
        kept.write_bytes(pickle.dumps(model))
        print_answer(
            {"train_cpu_s": cpu_s, "size_mb": kept.stat().st_size / 1e6, "peak_rss_mb": peak_rss_mb()}
        )
        return
    model = pickle.loads(kept.read_bytes())
    found: dict[str, Any] = {}
    if job["mode"] == "latency":
        found |= time_requests(lambda text: model.predict([text]), texts)
    else:
        found["labels"] = model.predict(texts).tolist()
    print_answer({**found, "peak_rss_mb": peak_rss_mb()})


if __name__ == "__main__":
    main()
