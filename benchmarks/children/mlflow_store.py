"""A few of MLflow's own commands on a store in a folder (SQLite and a directory of artifacts).

A job is a list of steps; the answer is a list of what they gave, or `error` with the last line of what was
raised. The line `begin` is printed when everything is loaded and the first step starts.
"""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow.tracking import MlflowClient

from benchmarks.stopwatch import print_answer, read_job

NAME = "tickets"


def main() -> None:
    """Run the steps of a job, one after the other."""
    warnings.simplefilter("ignore")
    job = read_job()
    root = Path(job["root"])
    mlflow.set_tracking_uri(f"sqlite:///{job['database']}")
    if job.get("clock_back_s"):
        now, late = time.time, job["clock_back_s"]
        time.time = lambda: now() - late
    client = MlflowClient()
    if client.get_experiment_by_name("tickets") is None:
        client.create_experiment("tickets", artifact_location=f"file://{root}/artifacts")
    mlflow.set_experiment("tickets")
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    print_answer([_try(client, dict(step)) for step in job["steps"]])


def _try(client: MlflowClient, step: dict[str, Any]) -> dict[str, Any]:
    do = STEPS[step.pop("do")]
    try:
        return do(client, **step)
    except BaseException as error:  # noqa: BLE001  # whatever a peer raises is what it says
        told = (str(error).strip().splitlines() or [""])[0]
        return {"error": f"{type(error).__name__}: {told}"[:160]}


def publish(client: MlflowClient, *, weights: str, accuracy: float, name: str = NAME) -> dict[str, Any]:
    """Log metric and model in a run, register it, point `stable` at it."""
    with mlflow.start_run():
        mlflow.log_metric("accuracy", accuracy)
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("mlflow_model.py")),
            artifacts={"weights": weights},
            registered_model_name=name,
            pip_requirements=["numpy"],
        )
    version = str(info.registered_model_version)
    client.set_registered_model_alias(name, "stable", version)
    return {"version": version, "model_id": info.model_id}


def load(_: MlflowClient, *, uri: str = f"models:/{NAME}@stable") -> dict[str, Any]:
    """Load a model and ask it."""
    return {"prediction": mlflow.pyfunc.load_model(uri).predict(None)[0]}


def download(_: MlflowClient, *, to: str, uri: str = f"models:/{NAME}@stable") -> dict[str, Any]:
    """Fetch the files; digest and size of the weights."""
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=to))
    found = next(folder.rglob("*.safetensors")).read_bytes()
    return {"sha256": hashlib.sha256(found).hexdigest(), "bytes": len(found), "folder": str(folder)}


def versions(client: MlflowClient, *, name: str = NAME) -> dict[str, Any]:
    """Versions of a name with their status, times and where `stable` points."""
    found = client.search_model_versions(f"name='{name}'")
    shown = sorted((int(one.version), one.status, one.creation_timestamp, one.source) for one in found)
    return {"versions": shown, "stable": _stable(client, name)}


def _stable(client: MlflowClient, name: str) -> str | None:
    try:
        return str(client.get_model_version_by_alias(name, "stable").version)
    except mlflow.exceptions.MlflowException:
        return None


def metric(client: MlflowClient) -> dict[str, Any]:
    """The accuracy of the run behind `stable`, and of the logged model."""
    version = client.get_model_version_by_alias(NAME, "stable")
    logged = mlflow.get_logged_model(version.source.removeprefix("models:/"))
    run = client.get_run(version.run_id).data.metrics["accuracy"]
    return {"run": run, "model": [one.value for one in logged.metrics or []]}


def copy(client: MlflowClient, *, source: str, name: str) -> dict[str, Any]:
    """Offer a version under another name."""
    made = client.copy_model_version(source, name)
    client.set_registered_model_alias(name, "stable", made.version)
    return {"version": str(made.version), "status": made.status}


def log_file(_: MlflowClient, *, path: str, artifact_path: str) -> dict[str, Any]:
    """Log a file of a run below a path."""
    with mlflow.start_run():
        mlflow.log_artifact(path, artifact_path=artifact_path)
    return {}


STEPS = {
    "publish": publish,
    "load": load,
    "download": download,
    "versions": versions,
    "metric": metric,
    "copy": copy,
    "log_file": log_file,
}

if __name__ == "__main__":
    main()
