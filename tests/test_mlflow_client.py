"""MLflow's own client, and what is said where it is not installed."""

from __future__ import annotations

import sys

import pytest

from smallcraft.errors import MissingPartError
from smallcraft.mlflow_client import load_mlflow


def test_a_missing_client_is_told_with_what_needs_it_and_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    told = r"^models:/tickets/3 needs MLflow's client, .*; pip install 'smallcraft\[mlflow\]'$"
    with pytest.raises(MissingPartError, match=told):
        load_mlflow("models:/tickets/3")
