"""Asks cleanlab, in an environment of its own, what it makes of some labels and probabilities.

The same file is the question (imported by a test) and the answer (run by cleanlab's interpreter).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Case = tuple[np.ndarray, np.ndarray]


def ask_cleanlab(python: Path, folder: Path, cases: Sequence[Case]) -> list[dict[str, np.ndarray]]:
    """One dictionary a case: flagged, predicted, thresholds, counts, joint and three scores."""
    asked, answered = folder / "asked.npz", folder / "answered.npz"
    named = {f"labels{place}": labels for place, (labels, _) in enumerate(cases)}
    named |= {f"probs{place}": probs for place, (_, probs) in enumerate(cases)}
    np.savez(asked, **named)
    done = subprocess.run(
        [str(python), "-P", str(Path(__file__).resolve()), str(asked), str(answered)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(answered) as found:
        return [
            {name.partition(":")[2]: found[name] for name in found.files if name.startswith(f"{place}:")}
            for place in range(len(cases))
        ]


def main(asked: str, answered: str) -> None:
    """Run by cleanlab's interpreter."""
    from cleanlab import count, rank
    from cleanlab.filter import find_label_issues

    answers = {}
    with np.load(asked) as given:
        for place in range(len(given.files) // 2):
            labels, probs = given[f"labels{place}"], given[f"probs{place}"]
            answers |= {
                f"{place}:flagged": find_label_issues(labels, probs, filter_by="confident_learning", n_jobs=1)
                if len(set(labels.tolist())) > 1
                else np.zeros(0, dtype=bool),
                f"{place}:predicted": probs.argmax(axis=1),
                f"{place}:thresholds": count.get_confident_thresholds(labels, probs),
                f"{place}:counts": count.compute_confident_joint(labels, probs, calibrate=False),
                f"{place}:joint": count.estimate_joint(labels, probs),
            }
            for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
                answers[f"{place}:{method}"] = rank.get_label_quality_scores(labels, probs, method=method)
    np.savez(answered, **answers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
