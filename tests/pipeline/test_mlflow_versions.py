"""What a project and its user know of the log is held against a version in MLflow."""

# ruff: noqa: F811 - the fixtures of another folder are asked for by their names
from __future__ import annotations

import shutil
import sys

import pytest
from tests.registry.mlflow.conftest import (  # noqa: F401
    commands,
    mlflow_server,
    name,
    project,
    released,
    toy_bundle,
    trust,
)

from smallcraft.errors import InvalidInputError, MissingPartError
from smallcraft.pipeline.mlflow_versions import _expected, pull_from_mlflow, verify_at_mlflow
from smallcraft.pipeline.verifying import VerifyOptions
from smallcraft.registry.mlflow.addressing import parse_address
from smallcraft.registry.opening import Trust
from smallcraft.registry.proofs.proof_check import verify_proof
from smallcraft.registry.proving import prove_release
from smallcraft.registry.store import Registry


@pytest.fixture
def now():
    from tests.registry.conftest import NOW

    return NOW


def test_the_projects_own_log_counts_where_it_has_one(project, released, tmp_path):
    assert _expected(project, VerifyOptions()).log.note == released.log().note
    assert _expected(tmp_path / "nowhere", VerifyOptions()).log is None


def test_a_pin_of_another_state_is_told(project, released, name, now, tmp_path):
    shutil.copy(released.layout.checkpoint, tmp_path / "pin")
    proof = verify_proof(prove_release(released, f"{name}@1"))
    expected = _expected(project, VerifyOptions(pins=(tmp_path / "pin",)))
    expected.require(proof)
    released.set_alias(name, "stable", 1, now=now)
    with pytest.raises(InvalidInputError, match="a proof alone cannot connect the two"):
        expected.require(verify_proof(prove_release(released, f"{name}@1")))


def test_a_full_folder_is_refused_before_anything_is_asked(project, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    with pytest.raises(InvalidInputError, match="must be an empty folder"):
        pull_from_mlflow(parse_address("mlflow://localhost#a/1"), tmp_path / "full", project)


def test_a_client_that_is_missing_is_told_with_what_brings_it(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingPartError, match=r"pip install 'smallcraft\[mlflow\]'"):
        verify_at_mlflow(parse_address("mlflow://localhost#a/1"), project)


@pytest.mark.peer
@pytest.mark.slow
def test_a_policy_of_the_reader_is_the_one_that_counts(mlflow_server, project, released, name, tmp_path):
    told = mlflow_server.smallcraft("push", mlflow_server.address, "-p", project)
    assert told.code == 0, told.err
    own, address = released.layout.policy, f"{mlflow_server.address}#{name}/1"
    assert mlflow_server.smallcraft("verify", address, "--policy", own).code == 0
    other = Registry.create(tmp_path / "s", origin="example.com/others", trust=Trust(tmp_path / "sk"))
    told = mlflow_server.smallcraft("verify", address, "--policy", other.layout.policy)
    assert told.code == 4, told.out
