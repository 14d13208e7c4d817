"""A server of MLflow, or a store, behind its own client, whose errors are told in our words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smallcraft.errors import MissingPartError, RemoteError
from smallcraft.mlflow_client import load_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from smallcraft.registry.mlflow.addressing import MlflowAddress


def open_client(address: MlflowAddress) -> MlflowClient:
    """The client of a server or a store; a server is not asked yet.

    Raises:
        MissingPartError: MLflow's client is not installed, or not the part of it that opens databases.
        RemoteError: The store cannot be opened.
    """
    mlflow = load_mlflow(address.text)
    with told(address):
        try:
            return mlflow.MlflowClient(tracking_uri=address.uri, registry_uri=address.uri)
        except ImportError as error:
            raise MissingPartError(
                f"{address.text} needs {error.name}, which is not installed; `pip install mlflow` brings "
                "what opens databases, the extra 'smallcraft[mlflow]' what speaks to a server"
            ) from error


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
