"""The model card's front matter as the Hugging Face hub reads it: license, tags, `model-index`.

Leaves to others: writing YAML (`papers.markdown`).
Always: only what was measured over all rows of a split stands in the index.

Source:
    Hugging Face hub, metadata of model cards: `model-index` with `results` of `task`, `dataset`, `metrics`.
"""

from __future__ import annotations

import re

from smallcraft.registry.memory.evidence import Facts, map_of
from smallcraft.registry.papers.facts import interval_of, is_number
from smallcraft.registry.papers.measured import scores_of

_LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def card_metadata(facts: Facts) -> dict[str, object]:
    """The front matter's values; what is not known is left out or `unknown`."""
    task = map_of(facts, "task")
    # The hub knows no regression of texts; a number from text is filed under classification there.
    tabular = "tabular-regression" if task.get("kind") == "regression" else "tabular-classification"
    kind = "text-classification" if task.get("text") else tabular
    card = map_of(facts, "card")
    languages = card.get("language")
    return {
        **_license(card.get("license")),
        "language": [languages] if isinstance(languages, str) else languages or [],
        "library_name": "smallcraft",
        "pipeline_tag": kind,
        "tags": ["smallcraft", "on-device", kind, str(facts.get("chosen") or "no-candidate")],
        "model-index": _model_index(facts, kind),
    }


def _license(said: object) -> dict[str, object]:
    """The hub knows identifiers; a license in words is `other` with a name."""
    license_id = str(said or "unknown").lower()
    if _LICENSE_ID.fullmatch(license_id):
        return {"license": license_id}
    return {"license": "other", "license_name": str(said)}


def _model_index(facts: Facts, kind: str) -> list[object]:
    measured = [m for m in scores_of(facts) if is_number(m.get("value"))]
    results = [
        {
            "task": {"type": kind},
            "dataset": _dataset(facts, split),
            "metrics": [_metric(m) for m in measured if m.get("split") == split],
        }
        for split in dict.fromkeys(str(m["split"]) for m in measured)
    ]
    name = str(facts.get("name") or "unnamed model")
    return [{"name": name, "results": results}] if results else []


def _dataset(facts: Facts, split: str) -> dict[str, object]:
    data = map_of(facts, "data")
    digest = map_of(map_of(data, "splits"), split).get("digest")
    source = str(data.get("source") or "not stated")
    revision = {"revision": str(digest)} if digest else {}
    return {"name": source, "type": "custom", "split": split, **revision}


def _metric(measurement: Facts) -> dict[str, object]:
    interval, name = interval_of(measurement), str(measurement.get("name"))
    return {
        "type": name,
        "name": f"{name}, {interval}" if interval else name,
        "value": measurement["value"],
    }
