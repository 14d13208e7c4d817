"""MLflow's own client, opened late: an optional part, without its telemetry, its errors in our words."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from smallcraft.errors import MissingPartError, RemoteError

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from smallcraft.registry.mlflow.addressing import MlflowAddress

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


def open_client(address: MlflowAddress) -> MlflowClient:
    """The client of a server or a store; a server is not asked yet.

    Raises:
        MissingPartError: MLflow's client is not installed, or not the part of it that opens databases.
        RemoteError: The store cannot be opened.
    """
    mlflow = load_mlflow(f"{address.text} needs MLflow's client")
    with told(address):
        try:
            return mlflow.MlflowClient(tracking_uri=address.uri, registry_uri=address.uri)
        except ImportError as error:
            raise MissingPartError(
                f"{address.text} needs {error.name}, which is not installed; `pip install mlflow` brings "
                "what opens databases, the extra 'smallcraft[mlflow]' what speaks to a server"
            ) from error


def load_mlflow(needs: str) -> Any:  # noqa: ANN401 - an optional library
    """MLflow, imported.

    Raises:
        MissingPartError: It is not installed; `needs` says what for.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow
            import mlflow.artifacts
    except ImportError as error:
        raise MissingPartError(
            f"{needs}, which is not installed; pip install 'smallcraft[mlflow]'"
        ) from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return mlflow


@contextmanager
def told(address: MlflowAddress) -> Iterator[None]:
    """Errors of the client in our words."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another library, about itself
            yield
    except (MlflowException, RequestException, OSError) as error:
        said = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        raise RemoteError(
            f"{address.text} did not do what was asked ({said}); check that MLflow answers at {address.uri}, "
            "and its credentials in the environment, then run the same command again: it goes on where it was"
        ) from error
