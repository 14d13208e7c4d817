"""An MLflow store as a person sets it up, driven by child processes of MLflow's own environment."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults import damage
from benchmarks.peers import MLFLOW, python_of
from benchmarks.process import child_environment

_MOST_S = 180
STABLE = "models:/tickets@stable"

Step = dict[str, Any]


@dataclass(frozen=True)
class Store:
    """A database, which is the registry too, and `artifacts/`; jobs and files to publish beside them."""

    folder: Path
    root: Path
    database: Path

    def start(self, *steps: Step, **job: Any) -> subprocess.Popen[str]:
        """Start a process that takes some steps."""
        name = f"job-{len(list(self.folder.glob('job-*')))}.json"
        path = self.folder / name
        places = {"root": str(self.root), "database": str(self.database)}
        path.write_text(json.dumps({**places, "steps": steps, **job}))
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        settings = {"HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        settings |= {"GIT_PYTHON_REFRESH": "quiet"}
        return subprocess.Popen(
            [str(python_of(MLFLOW)), "-P", "-m", "benchmarks.children.mlflow_store", str(path)],
            cwd=self.folder,
            env=child_environment() | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def take(self, *steps: Step, **job: Any) -> list[dict[str, Any]]:
        """Take some steps in a new process; what each gave."""
        process = self.start(*steps, **job)
        text, _ = process.communicate(timeout=_MOST_S)
        return answers_of(text, process.returncode, len(steps))

    def new_weights(self, seed: int, values: int = damage.SMALL_VALUES) -> Path:
        """A file to publish."""
        path = self.folder / f"published-{seed}" / "weights.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damage.weights(seed, values))
        return path

    def publishing(self, seed: int, values: int = damage.SMALL_VALUES) -> Step:
        """The step that publishes weights drawn from a seed."""
        accuracy = 0.9 + seed / 100 - 0.01
        return {"do": "publish", "weights": str(self.new_weights(seed, values)), "accuracy": accuracy}

    def change(self, statement: str, *values: object) -> int:
        """Write to the database as whoever can open the file can; how many rows changed."""
        with closing(sqlite3.connect(self.database)) as database, database:
            return database.execute(statement, values).rowcount

    def stored_weights(self) -> list[Path]:
        """The stored weights of every version, oldest first."""
        return sorted(self.root.rglob("weights.safetensors"), key=lambda path: path.stat().st_mtime_ns)


def new_store(folder: Path, *, root: Path | None = None) -> Store:
    """An empty store; with a `root` elsewhere, the artifacts alone are there."""
    artifacts = root or folder / "store"
    artifacts.mkdir(exist_ok=True)
    return Store(folder, artifacts, (folder if root else artifacts) / "mlflow.db")


def two_versions(folder: Path, *, root: Path | None = None) -> tuple[Store, str, str]:
    """A store with two versions, and what each predicts."""
    store = new_store(folder, root=root)
    found = store.take(
        store.publishing(1), {"do": "load"}, store.publishing(2), {"do": "load"}, {"do": "versions"}
    )
    assert found[4].get("stable") == "2", found
    return store, found[1]["prediction"], found[3]["prediction"]


def answers_of(text: str, code: int | None, steps: int) -> list[dict[str, Any]]:
    """What a child printed; one that did not get to its steps says why, for each of them."""
    lines = [line for line in text.splitlines() if line.strip()]
    if code == 0 and lines and lines[-1].startswith("["):
        answers: list[dict[str, Any]] = json.loads(lines[-1])
        return answers
    told = [line for line in lines if "Error" in line] or lines or ["nothing was said"]
    return [{"error": told[-1].strip()}] * steps
