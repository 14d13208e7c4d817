"""MLflow's client, where it is missing and where it fails."""

from __future__ import annotations

import sys

import pytest

from smallcraft.errors import MissingPartError
from smallcraft.registry.mlflow.addressing import parse_address
from smallcraft.registry.mlflow.tracking import open_client


def test_a_missing_client_is_told_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingPartError, match=r"^mlflow://localhost:5000 needs .*'smallcraft\[mlflow\]'"):
        open_client(parse_address("mlflow://localhost:5000"))


@pytest.mark.peer
def test_a_server_that_is_not_there_is_one_error_with_its_address(mlflow_server, project):
    settings = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
    nobody = type(mlflow_server)(
        "http://127.0.0.1:9", project, mlflow_server.home, mlflow_server.commands, settings
    )
    told = nobody.smallcraft("push", nobody.address, "-p", project)
    assert told.code == 1
    assert told.err.startswith("error: mlflow://127.0.0.1:9 did not do what was asked")
    assert "Traceback" not in told.err
