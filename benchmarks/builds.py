"""Builds of real data through the command line, in a fresh folder and a fresh process.

Always: the official test is `cert`, so no choice is made on it; the released bundle of a text build is kept
below `.bench`, named after the code that made it, for suites that only open one.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets import Dataset, Rows, write_csv
from benchmarks.process import ROOT, run_child
from smallcraft.canonical import digest_file
from smallcraft.pipeline.stages.train import code_digest

KEPT = ROOT / ".bench" / "bundles"
PYTHON = Path(sys.executable)


@dataclass(frozen=True)
class Built:
    """A finished build.

    Attributes:
        project: Its folder.
        found: What the building process printed.
    """

    project: Path
    found: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        """What `build --json` printed."""
        return dict(self.found["result"])

    @property
    def bundle(self) -> Path:
        """The released bundle, or the one that would be."""
        return Path(self.result["bundle"])

    def bundle_of(self, digest: str) -> Path:
        """A candidate's bundle."""
        folders = (path.parent for path in self.project.glob(".smallcraft/bundles/*/bundle.json"))
        return next(folder for folder in folders if digest_file(folder / "bundle.json") == digest)

    def bundle_size_mb(self) -> float:
        """Bytes of the released bundle's files / 1e6."""
        return sum(path.stat().st_size for path in self.bundle.rglob("*") if path.is_file()) / 1e6


def build_dataset(
    dataset: Dataset,
    folder: Path,
    *,
    metric: str,
    rungs: Sequence[str] | None = None,
    audits: Sequence[str] | None = None,
) -> Built:
    """Write the project into a new folder and build it.

    Args:
        dataset: Its train part is the data, its test part is cert.
        folder: Made here.
        metric: Declared in the project file.
        rungs: None for the whole ladder.
        audits: None for all that the data allow.
    """
    folder.mkdir()
    write_csv(dataset.train, folder / "train.csv")
    write_csv(dataset.test, folder / "test.csv")
    columns = 'text = "text"' if dataset.is_text else f"features = {json.dumps(list(dataset.train.columns))}"
    lines = [
        f'name = "{dataset.name}"',
        *("[data]", 'path = "train.csv"', 'cert = "test.csv"', 'label = "label"', columns),
        *("[quality]", f'metric = "{metric}"'),
    ]
    if rungs is not None:
        lines += ["[ladder]", f"rungs = {json.dumps(list(rungs))}"]
    if audits is not None:
        lines += ["[audits]", f"run = {json.dumps(list(audits))}"]
    (folder / "smallcraft.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    built = Built(folder, run_child(PYTHON, "build", {"project": str(folder)}))
    if not built.result["release"]:
        raise RuntimeError(f"{dataset.name} must be released, got {built.result['verdicts']}")
    return built


def write_rows(rows: Rows, path: Path) -> Path:
    """Rows as the children read them."""
    path.write_text(json.dumps({"columns": rows.columns, "labels": rows.labels}), encoding="utf-8")
    return path


def keep_bundle(name: str, bundle: Path) -> Path:
    """Copy a bundle to where other suites find it; older ones of that name go."""
    for old in KEPT.glob(f"{name}-*"):
        shutil.rmtree(old)
    return Path(shutil.copytree(bundle, _kept_at(name)))


def kept_bundle(name: str) -> Path | None:
    """A bundle that this very code made; None when there is none."""
    return _kept_at(name) if _kept_at(name).is_dir() else None


def _kept_at(name: str) -> Path:
    return KEPT / f"{name}-{code_digest()[7:19]}"
