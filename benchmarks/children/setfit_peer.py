"""SetFit on texts: the same encoder tuned on pairs of a few rows a class, as its guide shows."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job, time_requests

_SEED = 0
_BATCH = 16
# Pairs a run: its own default asks for every pair (25 million at 32 rows of each of 77 classes).
_MOST_STEPS = {8: 600, 32: 1200}


def few_rows(texts: list[str], labels: list[str], a_class: int) -> tuple[list[str], list[str]]:
    """That many rows of each class, drawn with a seed."""
    order = np.random.default_rng(_SEED).permutation(len(labels))
    taken: dict[str, int] = {}
    chosen = []
    for row in order:
        if taken.get(labels[row], 0) < a_class:
            taken[labels[row]] = taken.get(labels[row], 0) + 1
            chosen.append(row)
    return [texts[row] for row in chosen], [labels[row] for row in chosen]


def train(job: dict[str, Any], texts: list[str], labels: list[str]) -> Any:
    """The tuned model."""
    from setfit import SetFitModel, Trainer, TrainingArguments

    from datasets import Dataset

    few, their = few_rows(texts, labels, job["a_class"])
    model = SetFitModel.from_pretrained(job["encoder"], labels=sorted(set(labels)))
    settings = TrainingArguments(
        batch_size=_BATCH,
        max_steps=_MOST_STEPS[job["a_class"]],
        num_epochs=1,
        seed=_SEED,
        output_dir=job["model"] + ".runs",
        save_strategy="no",
        report_to="none",
    )
    trainer = Trainer(
        model=model, args=settings, train_dataset=Dataset.from_dict({"text": few, "label": their})
    )
    trainer.train()
    return model


def main() -> None:
    """Train and keep, or open and answer."""
    job = read_job()
    rows = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    texts, kept = rows["columns"]["text"], Path(job["model"])
    if job["mode"] == "train":
        before = time.process_time()
        model = train(job, texts, rows["labels"])
        cpu_s = time.process_time() - before
        model.save_pretrained(str(kept))
        size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
        print_answer({"train_cpu_s": cpu_s, "size_mb": size / 1e6, "peak_rss_mb": peak_rss_mb()})
        return
    from setfit import SetFitModel

    model = SetFitModel.from_pretrained(str(kept))
    found: dict[str, Any] = {}
    if job["mode"] == "latency":
        found |= time_requests(lambda text: model.predict([text]), texts)
    else:
        found["labels"] = [str(label) for label in model.predict(texts)]
    print_answer({**found, "peak_rss_mb": peak_rss_mb()})


if __name__ == "__main__":
    main()
