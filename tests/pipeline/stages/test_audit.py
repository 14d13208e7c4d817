"""The winner's audits: which are made, what they see, that they are remembered, and what a crash becomes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl
import pytest
from tests.projects import change_project, message_rows, save_rows, write_messages

from smallcraft.errors import DataError, InvalidInputError, SmallcraftError
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.privacy import PrivacyAudit
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config, parse_config
from smallcraft.pipeline.recorded import measurement_of
from smallcraft.pipeline.stages import audit as stage
from smallcraft.pipeline.stages.audit import read_result
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import AuditResult, Finding, Measurement

pytestmark = pytest.mark.usefixtures("fixed_costs")


@dataclass
class Seeing:
    """An audit that keeps what it was shown."""

    name: str = "seeing"
    seen: AuditSubject | None = field(default=None, repr=False)
    calls: int = field(default=0, repr=False)

    def measure(self, subject):
        self.seen, self.calls = subject, self.calls + 1
        share = Measurement("seen", 0.5, "fraction", 2, "counted", level=0.95, hits=1.0, trials=2.0)
        return AuditResult(
            self.name, "it saw", (share,), (Finding("seeing", "dev", 3, None, "a row", "look at it"),)
        )


@pytest.fixture
def seeing(monkeypatch):
    audit = Seeing()
    monkeypatch.setattr(stage, "BUILTIN", {"seeing": audit})
    monkeypatch.setattr(stage, "audits_to_run", lambda *_, **__: ("seeing",))
    return audit


def test_an_audit_sees_the_dev_rows_their_truth_and_the_candidate_that_was_measured_on_them(tiny, seeing):
    result = build(load_config(tiny))
    subject = seeing.seen
    (ngram,) = [evidence for evidence in result.candidates if evidence.rung == "ngram"]
    assert subject.bundle.name.endswith(ngram.candidate[7:19])
    assert subject.split == "dev"
    rows = len(subject.rows["message"])
    assert len(subject.predictions.truth) == rows
    assert subject.answer(subject.rows).tolist() == subject.predictions.probs.tolist()
    assert set(subject.metadata) == {"row in the file", "length of the text"}
    assert len(subject.twin.labels) == len(subject.twin.rows["message"])
    (found,) = result.audits
    assert (found.audit, found.summary) == ("seeing", "it saw")
    assert found.measurements[0].split == "dev"
    assert result.as_json()["audits"][0]["findings"] == [
        {"what": "a row", "split": "dev", "row": 3, "kind": ""}
    ]


def test_an_audit_is_made_once_for_a_bundle_and_again_when_its_settings_change(tiny, seeing):
    once = build(load_config(tiny)).audits
    again = build(load_config(tiny)).audits
    assert (seeing.calls, once) == (1, again)
    change_project(tiny, "[ladder]", "[audits]\nrows = 40\n[ladder]")
    build(load_config(tiny))
    assert (seeing.calls, seeing.seen.most_rows) == (2, 40)


def test_a_crash_is_a_result_with_its_reason_and_is_tried_again(tiny, seeing, monkeypatch):
    def fall_over(subject):
        raise RuntimeError("no more paper")

    monkeypatch.setattr(seeing, "measure", fall_over)
    (found,) = build(load_config(tiny)).audits
    assert found.summary.startswith("crashed: RuntimeError: no more paper (at ")
    assert found.measurements == ()
    assert not list((Workspace(tiny).cache / "audits").glob("seeing-*"))


def test_rows_out_of_scope_come_from_the_users_own_file(tiny, seeing):
    outside = {"message": message_rows(30, labels=("a", "b", "c", "d", "e", "f"), seed=8)["message"]}
    save_rows(tiny / "outside.csv", outside)
    change_project(tiny, 'label = "intent"', 'label = "intent"\nout_of_scope = "outside.csv"')
    build(load_config(tiny))
    assert list(seeing.seen.out_of_scope["message"]) == outside["message"]


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ('positive = "biling"', InvalidInputError, "one of the labels billing, login, parcel.*'billing'"),
        ('out_of_scope = "nowhere.csv"', SmallcraftError, "nowhere.csv"),
        ('out_of_scope = "rows2.csv"', DataError, "'message'"),
    ],
)
def test_what_audits_could_not_use_is_refused_before_anything_is_trained(tmp_path, said, error, words):
    folder = write_messages(tmp_path / "p")
    save_rows(folder / "rows2.csv", {"text": ["nothing of this kind"]})
    change_project(folder, 'label = "intent"', f'label = "intent"\n{said}')
    with pytest.raises(error, match=words):
        build(load_config(folder))
    assert not (folder / ".smallcraft").exists()


def test_rows_out_of_scope_are_read_for_all_audits_at_once(tiny, seeing, monkeypatch):
    calls = []
    real = stage._outside_rows
    monkeypatch.setattr(stage, "_outside_rows", lambda *given: calls.append(given) or real(*given))
    monkeypatch.setattr(stage, "BUILTIN", {"seeing": seeing, "again": replace(seeing, name="again")})
    monkeypatch.setattr(stage, "audits_to_run", lambda *_, **__: ("seeing", "again"))
    assert len(build(load_config(tiny)).audits) == 2
    assert len(calls) == 1


def names(text, columns=("text",)):
    data = '[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n'

    class Spec:
        text = "m" if "text" in columns else None

    class Workshop:
        spec = Spec

    return stage.audits_to_run(parse_config(data + text), Workshop)


def test_audits_that_the_data_do_not_allow_are_left_out():
    assert names("") == ("counterfactual", "robustness", "failures", "leakage")
    assert "counterfactual" not in names("", columns=())
    everything = names('groups = ["g"]\ntime = "t"\nout_of_scope = "o.csv"\n')
    assert {"fairness", "shift", "scope"} <= set(everything)


def test_a_declared_gate_adds_the_audit_it_judges():
    assert names("[gates.privacy]\n[gates.fairness]\n[audits]\nrun = ['robustness']\n") == (
        *("robustness", "fairness", "privacy"),
    )


def test_the_canaries_are_as_many_as_the_tolerance_needs_up_to_a_limit():
    data = '[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n[gates.privacy]\ntolerance = {}\n'

    def canaries(tolerance):
        return stage._with_enough_canaries(PrivacyAudit(), parse_config(data.format(tolerance))).canaries

    assert canaries(1.0) == PrivacyAudit().canaries
    assert PrivacyAudit().canaries < canaries(5.0) < canaries(9.0) == 2000


def test_a_result_reads_back_as_it_was_written():
    share = Measurement("flip_rate", 1.0, "fraction", 4, "exact", 0.0, 1.0, "dev", level=0.95, trials=4.0)
    plain = {**share.__dict__, "value": 1, "trials": 4}
    assert measurement_of(plain) == share
    assert type(measurement_of(plain).value) is float
    empty = replace(share, value=None, detail="no rows")
    assert measurement_of(empty.__dict__) == empty
    entry = {"audit": "a", "summary": "s", "measurements": [plain], "findings": []}
    assert read_result(entry) == AuditResult("a", "s", (share,))


@pytest.mark.slow
def test_every_audit_runs_on_a_project_with_groups_time_and_rows_out_of_scope(tmp_path):
    rows = message_rows(300)
    rows["region"] = ["north" if row % 3 else "south" for row in range(300)]
    rows["day"] = [f"2026-01-{1 + row % 28:02d}" for row in range(300)]
    folder = write_messages(tmp_path / "p")
    pl.DataFrame(rows).write_csv(folder / "rows.csv")
    save_rows(folder / "outside.csv", {"message": ["nothing of this kind", "something else entirely"] * 20})
    change_project(
        folder,
        'label = "intent"',
        'label = "intent"\ngroups = ["region"]\ntime = "day"\nout_of_scope = "outside.csv"',
    )
    change_project(folder, "[ladder]", "[gates.privacy]\ntolerance = 9.0\n[ladder]")
    result = build(load_config(folder))
    found = {audit.audit: audit for audit in result.audits}
    assert set(found) == {
        *("fairness", "counterfactual", "robustness", "scope", "shift", "failures", "leakage", "privacy"),
        "compression",
    }
    assert not any(audit.summary.startswith("crashed") for audit in found.values())
    measured = [m for audit in result.audits for m in audit.measurements]
    assert all(m.detail for m in measured if m.value is None)
    assert all(m.split == "dev" for m in measured)
