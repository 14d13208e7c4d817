"""No fault passes silently in smallcraft; the peers' trials make their faults for real."""

from __future__ import annotations

import pytest
from benchmarks.faults.outcomes import attempt
from benchmarks.peers import DVC

from benchmarks.faults import dvc, ours

EXPECTED = {
    "held": ("full_disk", "writers", "broken_index"),
    "refused": ("pickle", "dot_dot", "duplicate_keys"),
    "noticed": (
        "bit_flip",
        "truncation",
        "replaced",
        "edited_metric",
        "moved_pointer",
        "deleted_version",
        "reordered",
        "rolled_back",
        "split_view",
        "stolen_key",
        "replayed",
        "changed_after_check",
        "clock_back",
    ),
}


@pytest.mark.parametrize(("word", "key"), [(word, key) for word, keys in EXPECTED.items() for key in keys])
def test_a_fault_is_noticed_refused_or_does_no_harm(tmp_path, word, key):
    outcome = attempt(ours.TRIALS[key], tmp_path / "trial")
    if outcome.kind == "not run":
        pytest.skip(outcome.evidence)
    assert outcome.kind == word, outcome.evidence


@pytest.mark.slow
def test_a_killed_publish_leaves_whole_versions(tmp_path):
    outcome = attempt(ours.TRIALS["kill"], tmp_path / "trial")
    assert outcome.kind == "held", outcome.evidence


@pytest.mark.peer
def test_dvc_checks_out_a_flipped_bit(tmp_path, peer_python):
    peer_python(DVC)
    outcome = attempt(dvc.TRIALS["bit_flip"], tmp_path / "trial")
    assert outcome.kind == "silent"
    assert "wrote the damaged bytes" in outcome.evidence
