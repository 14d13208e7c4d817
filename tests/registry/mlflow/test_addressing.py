"""What a user names MLflow by."""

from __future__ import annotations

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.registry.mlflow.addressing import MlflowVersion, parse_address


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("mlflow://mlflow.example:5000", "https://mlflow.example:5000"),
        ("mlflow://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("mlflow://localhost/below/it", "http://localhost/below/it"),
        ("mlflow+http://mlflow.example", "http://mlflow.example"),
        ("mlflow+sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("mlflow+postgresql+psycopg2://db.example/ml", "postgresql+psycopg2://db.example/ml"),
    ],
)
def test_only_this_machine_is_asked_without_encryption_unasked(address, uri):
    found = parse_address(address)
    assert found.uri == uri
    assert found.version is None


@pytest.mark.parametrize("address", ["../shared", "s3://bucket", "mlflow", "mlflower://host", "my/mlflow:x"])
def test_other_addresses_are_left_to_others(address):
    assert parse_address(address) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("tickets/3", MlflowVersion("tickets", 3)),
        ("tickets@stable", MlflowVersion("tickets", None, "stable")),
        ("tickets", MlflowVersion("tickets")),
        ("my tickets/12", MlflowVersion("my tickets", 12)),
    ],
)
def test_a_version_stands_after_the_server(text, version):
    assert parse_address(f"mlflow://localhost:5000#{text}").version == version


@pytest.mark.parametrize(
    "text", ["", "/3", "tickets/", "tickets/0", "tickets/x", "a/1/2", "a@b@c", "@stable"]
)
def test_a_version_that_is_none_is_refused_with_the_form(text):
    with pytest.raises(InvalidInputError, match=r"named like #tickets/3 or #tickets@stable"):
        parse_address(f"mlflow://localhost:5000#{text}")


def test_the_server_of_the_environment_is_taken_where_none_is_named(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:80/")
    assert parse_address("mlflow:").uri == "http://mlflow.example:80"
    assert parse_address("mlflow:#tickets/3").version == MlflowVersion("tickets", 3)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(InvalidInputError, match="MLFLOW_TRACKING_URI, which is not set; set it"):
        parse_address("mlflow:")


def test_credentials_in_an_address_are_refused_with_where_they_belong():
    with pytest.raises(InvalidInputError, match="MLFLOW_TRACKING_TOKEN"):
        parse_address("mlflow://me:word@mlflow.example")
