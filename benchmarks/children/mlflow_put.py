"""MLflow: logs folders as artifacts of runs, each measured; or moves an alias many times."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient

from benchmarks.stopwatch import print_answer, read_job


def main() -> None:
    """Wall time and CPU-seconds of each folder, and of each move."""
    warnings.simplefilter("ignore")
    job = read_job()
    root = Path(job["root"])
    root.mkdir(exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{root}/mlflow.db")
    client = MlflowClient()
    client.create_experiment("many", artifact_location=f"file://{root}/artifacts")
    mlflow.set_experiment("many")
    print_answer(
        {
            "puts": [_put(source) for source in job.get("sources", [])],
            "moves": _moves(client, job.get("moves", 0)),
        }
    )


def _put(source: str) -> dict[str, float]:
    with mlflow.start_run():
        wall, cpu = time.perf_counter(), time.process_time()
        mlflow.log_artifacts(source)
        return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def _moves(client: MlflowClient, count: int) -> list[float]:
    """Seconds of each move of an alias between two versions."""
    if not count:
        return []
    client.create_registered_model("tickets")
    for _ in range(2):
        client.create_model_version("tickets", source="/nowhere")
    taken = []
    for number in range(count):
        started = time.perf_counter()
        client.set_registered_model_alias("tickets", "stable", str(1 + number % 2))
        taken.append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    main()
