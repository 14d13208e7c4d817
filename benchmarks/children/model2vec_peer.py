"""model2vec on texts: a static model distilled from the same encoder, under a logistic head.

Its guide's recipe: distil (256 dimensions), encode, scikit-learn's LogisticRegression.
"""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job, time_requests


def main() -> None:
    """Train and keep, or open and answer."""
    job = read_job()
    rows = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    texts, kept = rows["columns"]["text"], Path(job["model"])
    if job["mode"] == "train":
        from model2vec.distill import distill
        from sklearn.linear_model import LogisticRegression

        before = time.process_time()
        static = distill(model_name=job["encoder"], pca_dims=256)
        head = LogisticRegression(C=10, max_iter=1000).fit(static.encode(texts), rows["labels"])
        cpu_s = time.process_time() - before
        static.save_pretrained(str(kept))
        (kept / "head.pickle").write_bytes(pickle.dumps(head))
        size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
        print_answer({"train_cpu_s": cpu_s, "size_mb": size / 1e6, "peak_rss_mb": peak_rss_mb()})
        return
    from model2vec import StaticModel

    static = StaticModel.from_pretrained(str(kept))
    head = pickle.loads((kept / "head.pickle").read_bytes())
    found: dict[str, Any] = {}
    if job["mode"] == "latency":
        found |= time_requests(lambda text: head.predict(static.encode([text])), texts)
    else:
        found["labels"] = head.predict(static.encode(texts)).tolist()
    print_answer({**found, "peak_rss_mb": peak_rss_mb()})


if __name__ == "__main__":
    main()
