"""MLflow's own client, an optional part: imported late, without its telemetry and its chatter."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from smallcraft.errors import MissingPartError

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


def load_mlflow(target: str) -> Any:  # noqa: ANN401 - an optional library
    """The package, with what fetches artifacts.

    Args:
        target: What needs it, for the message.

    Raises:
        MissingPartError: It is not installed.
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
            f"{target} needs MLflow's client, which is not installed; pip install 'smallcraft[mlflow]'"
        ) from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return mlflow
