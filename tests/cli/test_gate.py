"""`smallcraft gate`: exit codes 0, 2, 3 and 1, the files it writes, the object it prints."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import jsonschema
import pytest
from tests.conftest import ROOT
from tests.pipeline.posting.forge_server import READS, served_forge
from tests.projects import change_project, copy_project, write_messages

from smallcraft.cli.main import run


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = write_messages(tmp_path_factory.mktemp("gate") / "p", rows=240)
    assert run(["build", "-p", str(folder)]) == 0
    return folder


@pytest.fixture
def project(built, tmp_path):
    return copy_project(built, tmp_path / "p")


def gate(project, *options):
    return run(["gate", "-p", str(project), *options])


def test_a_release_that_holds_passes_with_0_and_writes_what_pipelines_read(project, tmp_path, capsys):
    files = {name: tmp_path / f"out/{name}" for name in ("gates.xml", "gates.json", "summary.md")}
    options = ("--junit", files["gates.xml"], "--output-json", files["gates.json"], "--markdown")
    assert gate(project, *map(str, options), str(files["summary.md"])) == 0
    assert "PASS" in capsys.readouterr().out
    told = json.loads(files["gates.json"].read_text())
    schema = json.loads((ROOT / "docs" / "schemas" / "gate.json").read_text())
    jsonschema.validate(told, schema)
    assert (told["outcome"], told["exit_code"]) == ("PASS", 0)
    suite = ElementTree.parse(files["gates.xml"]).getroot()
    assert len(suite.findall(".//testcase")) == len(told["verdicts"])
    assert "macro\\_f1 1" in files["summary.md"].read_text()


def test_a_budget_that_is_exceeded_fails_with_2(project, capsys):
    change_project(project, "[ladder]", "[budget]\nsize_mb = 0.001\n[ladder]")
    assert gate(project, "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["exit_code"]) == ("FAIL", 2)


def test_a_required_gate_over_what_was_not_measured_exits_with_3(project, capsys):
    change_project(project, "[ladder]", "[gates.privacy]\nrequired = true\n[ladder]")
    assert gate(project) == 3
    printed = capsys.readouterr().out
    assert "UNDECIDED privacy_natural" in printed
    assert "2 of them block" in printed


def test_a_changed_preregistration_exits_with_1_and_writes_nothing(project, tmp_path, capsys):
    change_project(project, "[ladder]", "[quality]\nmargin = 0.2\n[ladder]")
    assert gate(project, "--junit", str(tmp_path / "gates.xml")) == 1
    assert "margin was 0.01 when cert was asked" in capsys.readouterr().err
    assert not (tmp_path / "gates.xml").exists()


def test_a_release_that_is_not_there_exits_with_1(project, capsys):
    assert gate(project, "nobody@7") == 1
    assert "there is nothing to judge" in capsys.readouterr().err


def test_a_summary_is_posted_once_and_then_updated(project, monkeypatch, capsys):
    with served_forge("github") as forge:
        for name, value in forge.environment().items():
            monkeypatch.setenv(name, value)
        assert gate(project, "--post", "github", "--json") == 0
        told = capsys.readouterr()
        assert json.loads(told.out)["outcome"] == "PASS"
        assert "the summary is a new comment on team/helpdesk#12" in told.err
        change_project(project, "[ladder]", "[budget]\nsize_mb = 0.001\n[ladder]")
        assert gate(project, "--post", "github") == 2
        assert "the summary is updated on team/helpdesk#12" in capsys.readouterr().err
        ((_, text),) = forge.comments.values()
        assert "### smallcraft gate: FAIL" in text


@pytest.mark.parametrize(("kind", "remedy"), [("github", "pull-requests: write"), ("gitlab", "scope `api`")])
def test_a_comment_that_is_not_allowed_is_said_and_the_exit_code_is_the_gates(
    kind, remedy, project, monkeypatch, capsys
):
    change_project(project, "[ladder]", "[budget]\nsize_mb = 0.001\n[ladder]")
    with served_forge(kind) as forge:
        for name, value in forge.environment(token=READS).items():
            monkeypatch.setenv(name, value)
        assert gate(project, "--post", kind) == 2
    said = capsys.readouterr().err
    assert said.startswith("not posted: ")
    assert remedy in said
    assert READS not in said


def test_a_pipeline_without_a_request_posts_nothing(project, monkeypatch, capsys):
    monkeypatch.delenv("CI_MERGE_REQUEST_IID", raising=False)
    assert gate(project, "--post", "gitlab") == 0
    assert "runs for no pull or merge request" in capsys.readouterr().err
