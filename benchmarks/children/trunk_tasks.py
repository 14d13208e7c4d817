"""Makes fifty tasks on one encoder, each as the rung `frozen` makes it, from one pass over the texts.

Each becomes a bundle, a pack without its encoder, and a pack with an adapter of made-up numbers: what an
adapter costs does not depend on what is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.selfcheck import GOLDEN
from smallcraft.models.adapters import QUERY_AND_VALUE, Adapter, LowRank
from smallcraft.models.backbone import find_backbone
from smallcraft.models.calibrate import fit_decoder
from smallcraft.models.encoders import EncoderSource, source_of, write_encoder
from smallcraft.models.export import write_bundle
from smallcraft.models.memory import Memory
from smallcraft.models.packs import write_pack, write_trunk
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.recipe import LinearRecipe
from smallcraft.models.workshop import Workshop, assign_folds

SPEC = InputSpec(text="text")
RANK, FOLDS = 4, 3


def main() -> None:
    """Write the trunk, the bundles and the packs of the job; print a line a task."""
    job = read_job()
    target, tasks = Path(job["target"]), json.loads(Path(job["tasks"]).read_text(encoding="utf-8"))
    source = source_of(find_backbone("auto"))
    write_trunk(source, target / "trunk")
    write_encoder(source, target / "fp32", form="fp32")
    description, _ = read_description(target / "trunk")
    encoder = make_encoder(BundleFiles(target / "trunk", listed_digests(description)))
    texts = sorted({text for task in tasks for part in ("train", "test") for text in task[part]["texts"]})
    encoded = encode(encoder, texts)
    places = {text: row for row, text in enumerate(texts)}
    print_answer([make_task(task, encoder, encoded, places, target, source) for task in tasks])


def encode(encoder: EncoderBlock, texts: Sequence[str]) -> NDArray[np.float32]:
    """`(n, width)`, one text a run as always."""
    return encoder.encode(read_inputs(list(texts), SPEC)).values


def make_task(
    task: Mapping[str, Any],
    encoder: EncoderBlock,
    encoded: NDArray[np.float32],
    places: Mapping[str, int],
    target: Path,
    source: EncoderSource,
) -> dict[str, Any]:
    """One task: its bundle, its packs, and what its bundle is worth on the official test."""
    train, name = task["train"], task["name"]
    classes = tuple(sorted(set(train["labels"])))
    labels = np.array([classes.index(label) for label in train["labels"]], dtype=np.int64)
    folds = assign_folds(labels, np.arange(len(labels)), n_folds=FOLDS, rng=np.random.default_rng(1))
    parts = (("train", read_inputs(train["texts"], SPEC)),)
    memory = Memory(target / "memory" / name)
    work = Workshop(classes, SPEC, parts, labels, folds, 0, memory, target)
    rows = Dense(encoded[[places[text] for text in train["texts"]]])
    recipe = LinearRecipe("frozen", work, (encoder,), ((rows,),), fit_logistic)
    decoder = fit_decoder([recipe.out_of_fold()], labels, tolerance=0.0025, confidence=0.95)
    stages = (recipe.stage(),)
    about = {"rung": "frozen", "task": name}
    bundle, _ = write_bundle(target / "bundles", stages, decoder, classes=classes, spec=SPEC, about=about)
    packs = target / "packs"
    pack = write_pack(bundle, packs / name, trunk=target / "trunk")
    adapted = write_pack(
        bundle, packs / f"{name}-adapted", trunk=target / "trunk", adapter=made_up(source, name)
    )
    test = task["test"]
    asked = Dense(encoded[[places[text] for text in test["texts"]]])
    best = stages[0].head.logits([asked], len(asked.values)).argmax(axis=1)
    right = np.mean([classes[code] == label for code, label in zip(best, test["labels"], strict=True)])
    sizes = {
        "pack_mb": loaded_mb(pack.path),
        "adapted_mb": loaded_mb(adapted.path),
        "self_check_mb": (pack.path / GOLDEN).stat().st_size / 1e6,
    }
    paths = {"bundle": str(bundle), "pack": str(pack.path), "adapted": str(adapted.path)}
    return {"name": name, "classes": len(classes), "accuracy": 100 * float(right), **sizes, **paths}


def loaded_mb(pack: Path) -> float:
    """What a task reads: all of its pack but the self-check."""
    return (
        sum(path.stat().st_size for path in pack.rglob("*") if path.is_file() and path.name != GOLDEN) / 1e6
    )


def made_up(source: EncoderSource, name: str) -> Adapter:
    """Small random changes of every layer's query and value, other ones for each task."""
    rng = np.random.default_rng(list(name.encode()))

    def draw(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.02, shape).astype(np.float32)

    width = source.width
    return Adapter(
        {
            f"encoder.layer.{layer}.{module}": LowRank(draw(width, RANK), draw(RANK, width))
            for layer in range(source.layers)
            for module in QUERY_AND_VALUE
        }
    )


if __name__ == "__main__":
    main()
