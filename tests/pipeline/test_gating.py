"""Gates over what is on record: as a build would judge, stricter afterwards but never laxer, and verified."""

from __future__ import annotations

import re

import pytest
from tests.projects import change_project

from smallcraft.errors import ConfigError, IntegrityError, NotFoundError
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.gating import NOT_RELEASED, gate_project
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.records import Outcome

pytestmark = pytest.mark.usefixtures("fixed_costs")
RECALL = '[gates.recall]\nrule = "at_least"\nmeasurement = "recall"\nslice = "class=*"\nlimit = {}\n[ladder]'


def gated(folder, reference=None):
    return gate_project(load_config(folder), reference)


def test_what_was_released_is_judged_as_the_build_judged_it(tiny):
    change_project(tiny, "[ladder]", RECALL.format(0.2))
    result = build(load_config(tiny))
    found = gated(tiny)
    assert found.subject == result.release.label
    assert found.outcome is Outcome.PASS
    assert found.verdicts == result.verdicts


def test_a_gate_that_is_declared_afterwards_is_judged_over_what_is_on_record(tiny):
    change_project(tiny, "[ladder]", RECALL.format(0.2))
    found = gated(tiny)
    assert [v.outcome for v in found.verdicts if v.gate == "recall"] == [Outcome.PASS] * 3
    change_project(tiny, "limit = 0.2", "limit = 0.9999")
    assert gated(tiny).outcome is Outcome.PASS  # undecided slices of a gate that is not required
    change_project(tiny, "limit = 0.9999", "limit = 0.9999\nrequired = true")
    assert gated(tiny).outcome is Outcome.UNDECIDED


def test_what_was_not_measured_is_undecided_and_blocks_where_it_is_required(tiny):
    change_project(tiny, "[ladder]", "[gates.fairness]\nrequired = true\n[ladder]")
    found = gated(tiny)
    (verdict,) = [v for v in found.verdicts if v.gate.startswith("fairness")]
    assert (verdict.outcome, found.outcome) == (Outcome.UNDECIDED, Outcome.UNDECIDED)
    assert verdict.needs


def test_a_smaller_budget_fails(tiny):
    change_project(tiny, "[ladder]", "[budget]\nsize_mb = 0.001\n[ladder]")
    found = gated(tiny)
    assert found.outcome is Outcome.FAIL
    assert [v.gate for v in found.verdicts if v.outcome is Outcome.FAIL] == ["size_mb"]


def test_a_build_that_released_nothing_is_judged_too(tiny):
    change_project(tiny, "[ladder]", "[budget]\nsize_mb = 0.001\n[ladder]")
    change_project(tiny, "[data]", "seed = 1\n[data]")
    assert build(load_config(tiny)).release is None
    found = gated(tiny)
    assert (found.subject, found.outcome) == (NOT_RELEASED, Outcome.FAIL)
    assert gated(tiny, "latest").subject == "rows@1"
    change_project(tiny, "size_mb = 0.001", "size_mb = 100.0")
    assert gated(tiny).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[ladder]", '[quality]\nmetric = "accuracy"\n[ladder]', "metric was macro_f1"),
        ("[ladder]", "[quality]\nmargin = 0.05\n[ladder]", "margin was 0.01"),
        ("[ladder]", "[quality]\nconfidence = 0.8\n[ladder]", "confidence was 0.95"),
    ],
)
def test_a_changed_preregistration_is_refused_with_both_values(tiny, old, new, told):
    change_project(tiny, old, new)
    with pytest.raises(ConfigError, match=rf"{told} when cert was asked about rows@1.* stays as it is"):
        gated(tiny)


def test_a_floor_may_be_raised_after_the_look_and_not_lowered(tiny):
    change_project(tiny, "[ladder]", "[quality]\npreregistration = 2\nfloor = 0.5\n[ladder]")
    assert build(load_config(tiny)).outcome is Outcome.PASS
    change_project(tiny, "floor = 0.5", "floor = 0.999")
    assert gated(tiny).outcome in {Outcome.FAIL, Outcome.UNDECIDED}
    for laxer in ("floor = 0.4", "# floor = 0.5"):
        now = "0.4" if "0.4" in laxer else "nothing"
        project = tiny / "smallcraft.toml"
        project.write_text(re.sub(r"# floor.*|floor = .*", laxer, project.read_text()))
        with pytest.raises(ConfigError, match=rf"floor was 0\.5 when .* says {now} now; .* never laxer"):
            gated(tiny)


def test_a_floor_where_there_was_none_is_refused_since_it_may_ask_for_less(tiny):
    change_project(tiny, "[ladder]", "[quality]\nfloor = 0.01\n[ladder]")
    with pytest.raises(ConfigError, match=r"floor was nothing when .* says 0\.01 now; .* never laxer"):
        gated(tiny)


def test_what_a_build_accepts_as_the_same_question_the_gates_accept_too(tiny):
    change_project(tiny, "[ladder]", "[quality]\npreregistration = 2\nfloor = 0.3\n[ladder]")
    first = build(load_config(tiny))
    change_project(tiny, "floor = 0.3", "floor = 0.5")
    found, again = gated(tiny), build(load_config(tiny))
    assert found.verdicts == again.verdicts != first.verdicts
    assert (again.cert.is_repeated, again.cert.queries) == (True, first.cert.queries)


PLANNED = "[quality]\npreregistration = 2\nfloor = 0.3\n[quality.plan]\nquestions = 4\n[ladder]"


def test_by_a_plan_the_gates_say_what_cert_said_and_ask_nothing(tiny):
    change_project(tiny, "[ladder]", PLANNED)
    result = build(load_config(tiny))
    ledger = Workspace(tiny).ledger.read_bytes()
    found = gated(tiny)
    assert found.verdicts == result.verdicts
    assert found.outcome is Outcome.PASS
    assert {verdict.gate for verdict in found.verdicts} == {"quality_floor", "compression"}
    assert Workspace(tiny).ledger.read_bytes() == ledger


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("floor = 0.3", "floor = 0.4", "floor was 0.3 .* is the plan's bar"),
        ("floor = 0.3", "floor = 0.2", "floor was 0.3 .* is the plan's bar"),
        (
            "questions = 4",
            "questions = 5",
            "plan was passes 1, questions 4 .* passes 1, questions 5 now",
        ),
        ("[quality.plan]\nquestions = 4\n", "", "plan was passes 1, questions 4 .* says nothing now"),
    ],
)
def test_a_changed_plan_is_refused_with_both_values(tiny, old, new, told):
    change_project(tiny, "[ladder]", PLANNED)
    build(load_config(tiny))
    change_project(tiny, old, new)
    with pytest.raises(ConfigError, match=told):
        gated(tiny)


def test_changed_bytes_of_a_release_are_refused(tiny):
    registry = open_registry(tiny)
    digest = registry.read("latest").manifest_digest.removeprefix("sha256:")
    blob = Workspace(tiny).registry / "blobs" / "sha256" / digest
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"macro_f1", b"macro_f2", 1) + b" ")
    with pytest.raises(IntegrityError):
        gated(tiny)


def test_a_project_in_which_nothing_was_built_says_what_to_do(tmp_path):
    (tmp_path / "smallcraft.toml").write_text('[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n')
    with pytest.raises(NotFoundError, match=r"there is nothing to judge: .*; run `smallcraft build` first"):
        gated(tmp_path)
