"""One release: everything it says of itself stands on its page as text, and its proof is checked anew."""

from __future__ import annotations

import re
import shlex

import pytest
from tests.dashboard.projects import UGLY, break_facts, build_ugly, pages, release_bare
from tests.projects import copy_project

from smallcraft.cli.main import run
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import release
from smallcraft.pipeline.workspace import open_registry


def view_of(folder, label):
    return release.read(Sources(folder), Asked({"label": label}))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two releases with a label that is a script; not to be changed."""
    return build_ugly(tmp_path_factory.mktemp("release") / "rows")


@pytest.mark.slow
def test_every_part_of_a_built_release_is_there(built):
    view = view_of(built, "rows@2")
    parts = (view.decision, view.evidence, view.proof, view.card, view.datasheet, view.shown.line)
    assert [part.problem for part in parts] == [""] * len(parts)
    assert view.moved.before == "rows@1"
    assert view.neighbours == release.Neighbours("rows@1", "")
    assert {file.path for file in view.files} >= {"card.md", "facts.json", "model.sig"}
    assert [event.text for event in view.events] == ["stable moved here from rows@1"]


@pytest.mark.slow
def test_evidence_has_scores_with_intervals_classes_groups_and_costs_with_methods(built):
    evidence = view_of(built, "rows@2").evidence.value
    assert {row.name for row in evidence.classes} == {"billing", UGLY, "parcel"}
    assert {row.value for row in evidence.groups} == {"north", "south & <b>east</b>"}
    assert all(score.row.method for score in evidence.scores)
    assert {score.split for score in evidence.scores} == {"cert", "dev"}
    assert any(score.row.figure.bounds for score in evidence.scores)
    assert evidence.methods
    assert [row.standing for row in evidence.candidates].count("chosen") == 1
    assert all(row.reason for row in evidence.candidates if row.standing == "lost")


@pytest.mark.slow
def test_nothing_that_a_person_typed_becomes_markup(built):
    page = pages(built).get("/releases/rows@2").text
    assert UGLY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<i>another</i>" not in page
    assert "<b>east</b>" not in page
    assert page.count("<script") == 1


@pytest.mark.slow
def test_the_chart_stands_beside_its_numbers(built):
    page = pages(built).get("/releases/rows@2").text
    assert 'class="chart"' in page
    for row in view_of(built, "rows@2").evidence.value.candidates:
        assert row.quality.text in page


@pytest.mark.slow
def test_the_command_that_exports_the_proof_writes_one_that_verifies(built, tmp_path):
    proof = view_of(built, "rows@2").proof.value
    words = shlex.split(proof.export)[1:]
    words[-1] = str(tmp_path / words[-1])
    assert run([*words, "-p", str(built)]) == 0
    assert run(["verify", words[-1]]) == 0


@pytest.mark.slow
def test_the_first_release_says_that_there_is_nothing_before_it(built):
    page = pages(built).get("/releases/rows@1").text
    assert "nothing to compare it with" in page
    assert "followed by" in page


@pytest.mark.slow
def test_a_paper_that_is_damaged_takes_nothing_else_with_it(built, tmp_path):
    folder = copy_project(built, tmp_path / "rows")
    registry = open_registry(folder)
    path = registry.layout.blob(registry.find("rows@2").locations["card.md"].file.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    view = view_of(folder, "rows@2")
    assert "does not match" in view.card.problem
    assert view.evidence.is_there


def test_a_release_that_says_little_of_itself_still_has_a_page(tmp_path):
    release_bare(tmp_path, 1)
    page = pages(tmp_path).get("/releases/rows@1")
    assert page.status_code == 200
    assert "not measured" in page.text
    assert "This release does not say why it was made." in page.text


def test_a_release_whose_bytes_were_changed_is_not_shown(tmp_path):
    registry = release_bare(tmp_path, 1)
    break_facts(registry, "rows@1")
    page = pages(tmp_path).get("/releases/rows@1")
    assert page.status_code == 500
    assert "does not match" in page.text
    assert "Evidence" not in page.text


@pytest.mark.parametrize("label", ["rows@9", "nobody@1", "<script>", "rows@1@2", "..%2f..%2fetc"])
def test_a_release_that_is_not_there_is_not_found(tmp_path, label):
    release_bare(tmp_path, 1)
    page = pages(tmp_path).get(f"/releases/{label}")
    assert page.status_code == 404
    assert "<script>" not in re.sub(r"<script src=[^>]*>", "", page.text)
