"""The line of stages: the same decides the same, what is measured ships, nothing unproven is released."""

from __future__ import annotations

import numpy as np
import pytest
from tests.projects import MESSAGES, change_project, message_rows, save_rows, write_messages

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import ConfigError, InvalidInputError
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.confirm import CERT_GATE, INCUMBENT_GATE
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.records import CandidateStatus, Outcome

pytestmark = pytest.mark.usefixtures("fixed_costs")


class Recorder(SilentListener):
    """Keeps the order of what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.notes: list[str] = []

    def stage(self, sentence):
        self.told.append(f"stage {sentence.split()[0]}")

    def climbing(self, rungs):
        self.told.append(f"climbing {' '.join(rungs)}")

    def candidate(self, evidence):
        self.told.append(f"candidate {evidence.rung} {evidence.status}")

    def decided(self, decision):
        self.told.append(f"decided {decision.chosen}")

    def judged(self, verdict):
        self.told.append(f"judged {verdict.gate}")

    def note(self, sentence):
        self.notes.append(sentence)


def digests(result):
    return [evidence.candidate for evidence in (*result.candidates, result.released)]


def outcomes(result):
    return {verdict.gate: verdict.outcome for verdict in result.verdicts}


def test_the_stages_are_told_in_the_order_in_which_they_happen(tiny):
    recorder = Recorder()
    build(load_config(tiny), listener=recorder)
    assert recorder.told == [
        *("stage reading", "stage splitting", "stage checking", "climbing majority ngram"),
        *("candidate majority measured", "candidate ngram measured", "decided ngram"),
        *("stage weighing", "stage auditing", "stage training", "stage asking", "stage setting"),
        *("judged better_than_majority", "judged compression"),
    ]


def test_the_same_project_in_another_folder_gives_the_same_bundles_answers_and_decision(
    tiny, tmp_path, monkeypatch
):
    once = build(load_config(tiny))
    other = write_messages(tmp_path / "another folder, with spaces", data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(other / "cert.csv", message_rows(60, seed=9))
    monkeypatch.chdir(tmp_path)
    again = build(load_config(other.relative_to(tmp_path)))
    assert digests(again) == digests(once)
    assert again.decision == once.decision
    assert again.cert.measurements == once.cert.measurements
    recorded = [{**result.release.facts["data"]} for result in (once, again)]
    assert recorded[0] == recorded[1]
    assert str(tmp_path) not in str(again.release.facts)
    texts = message_rows(40, seed=5)["message"]
    answers = [open_bundle(result.bundle).predict_proba(texts) for result in (once, again)]
    np.testing.assert_array_equal(*answers)


def test_an_identical_build_releases_nothing_new_and_looks_once(tiny):
    before = open_registry(tiny).releases()
    result = build(load_config(tiny))
    assert open_registry(tiny).releases() == before == (result.release,)
    assert (result.cert.queries, result.cert.is_repeated) == (1, True)


def test_without_refit_the_very_bundle_that_was_measured_on_dev_ships(tiny):
    change_project(tiny, "[ladder]", "[ladder]\nrefit = false")
    result = build(load_config(tiny))
    (ngram,) = [evidence for evidence in result.candidates if evidence.rung == "ngram"]
    assert result.released.candidate == ngram.candidate == open_bundle(result.bundle).digest
    assert result.released.find("macro_f1", split="dev") == ngram.find("macro_f1", split="dev")


def test_with_refit_the_released_bundle_is_another_one_with_the_decoder_chosen_on_dev(tiny):
    result = build(load_config(tiny))
    (ngram,) = [evidence for evidence in result.candidates if evidence.rung == "ngram"]
    assert result.released.candidate != ngram.candidate
    assert ngram.candidate is not None
    measured = Workspace(tiny).bundles / f"ngram-{ngram.candidate[7:19]}"
    assert open_bundle(result.bundle).decoder == open_bundle(measured).decoder
    assert result.released.find("macro_f1", split="dev") is None
    first, whole = ngram.find("train_cpu_s"), result.released.find("train_cpu_s")
    assert whole.value > first.value


def test_another_seed_is_a_second_look_and_is_compared_with_what_is_released(tiny):
    change_project(tiny, "[data]", "seed = 1\n[data]")
    result = build(load_config(tiny))
    assert result.cert.queries == 2
    assert not result.cert.is_repeated
    assert INCUMBENT_GATE in outcomes(result)
    assert result.release is not None
    assert result.release.label == "rows@2"
    once_more = build(load_config(tiny))
    assert once_more.cert.queries == 2
    assert once_more.cert.is_repeated
    assert once_more.release == result.release


def test_what_is_released_is_not_compared_with_itself(tiny):
    assert INCUMBENT_GATE not in outcomes(build(load_config(tiny)))


@pytest.mark.parametrize("gate", ["better_than_majority", "size_mb"])
def test_a_spent_test_set_releases_nothing_whatever_the_other_gates_say(tiny, gate):
    change_project(tiny, "[data]", "seed = 1\n[data]")
    more = "[quality]\ncert_bits = 5\n"
    if gate == "size_mb":
        more += "[budget]\nsize_mb = 100\n"
        change_project(tiny, '"majority", ', "")
    change_project(tiny, "[ladder]", f"{more}[ladder]")
    recorder = Recorder()
    result = build(load_config(tiny), listener=recorder)
    assert (result.outcome, result.release) == (Outcome.UNDECIDED, None)
    assert outcomes(result)[CERT_GATE] is Outcome.UNDECIDED
    assert gate in outcomes(result)
    assert (result.cert.measurements, result.cert.bound, result.cert.queries) == ((), None, 1)
    assert any("label a fresh one" in note for note in recorder.notes)
    assert "UNDECIDED" in result.report.read_text(encoding="utf-8")
    assert len(open_registry(tiny).releases()) == 1


def test_a_gate_over_what_cannot_be_measured_is_told_and_blocks_only_where_it_is_required(tiny):
    change_project(tiny, "[ladder]", "[gates.fairness]\n[ladder]")
    result = build(load_config(tiny))
    assert outcomes(result)["fairness_accuracy_gap"] is Outcome.UNDECIDED
    assert result.outcome is Outcome.PASS
    change_project(tiny, "[gates.fairness]", "[gates.fairness]\nrequired = true")
    blocked = build(load_config(tiny))
    assert (blocked.outcome, blocked.release) == (Outcome.UNDECIDED, None)
    (verdict,) = [verdict for verdict in blocked.verdicts if verdict.blocks]
    assert "name one under `groups` in [data]" in (verdict.needs or "")


def test_a_rung_that_cannot_be_built_is_a_row_with_its_reason(tiny):
    change_project(tiny, '"ngram"', '"ngram", "linear"')
    result = build(load_config(tiny))
    status = {evidence.rung: evidence.status for evidence in result.candidates}
    assert (status["linear"], status["ngram"]) == (CandidateStatus.SKIPPED, CandidateStatus.MEASURED)
    assert "needs feature columns" in result.decision.lost["linear"]


def test_a_ladder_of_which_nothing_can_be_built_is_an_error_with_the_reasons(tmp_path):
    folder = write_messages(tmp_path / "p", more='[ladder]\nrungs = ["linear"]\n')
    with pytest.raises(
        InvalidInputError, match="no rung could be built: linear skipped: needs feature columns"
    ):
        build(load_config(folder))


@pytest.mark.parametrize(
    ("quality", "error", "words"),
    [
        ('metric = "ece"', ConfigError, "compared by accuracy"),
        ("confidence = 0.4", ConfigError, "above 0.5"),
        ('metric = "top_3_accuracy"', InvalidInputError, "is for more than 3 classes, there are 3"),
    ],
)
def test_what_cannot_decide_is_refused_before_anything_is_trained_or_written(tmp_path, quality, error, words):
    folder = write_messages(tmp_path / "p", more=f"[quality]\n{quality}\n")
    before = sorted(folder.rglob("*"))
    with pytest.raises(error, match=words):
        build(load_config(folder))
    assert sorted(folder.rglob("*")) == before
