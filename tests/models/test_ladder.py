"""The climb: every rung is an attempt with a bundle or a reason, and what it cost."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import MIXED, TABLE, TEXT, toy_rows, toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import InvalidInputError
from smallcraft.models import candidates, ladder
from smallcraft.models.calibrate import decode_held_out, fit_decoder
from smallcraft.models.ladder import climb, fit_rung, rungs_for
from smallcraft.models.memory import Memory
from smallcraft.models.rungs import BUILTIN
from smallcraft.records import CandidateStatus


class Crashing:
    name = "crashing"
    needs = frozenset()
    tasks = frozenset({"multiclass"})
    is_raced = False
    no_cheaper_than = None

    def estimate_cpu_s(self, workshop):
        return None

    def stages(self, workshop):
        raise AssertionError("never asked")

    def out_of_fold(self, workshop):
        raise ZeroDivisionError("no rows left")


class Unreadable(Crashing):
    name = "unreadable"

    @property
    def needs(self):
        raise KeyError("backbone")


# --- which rungs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "rungs"),
    [
        (TEXT, ("majority", "ngram", "tiny", "fast", "frozen", "cascade")),
        (TABLE, ("majority", "linear", "trees", "distilled")),
        (
            MIXED,
            ("majority", "linear", "ngram", "tiny", "fast", "trees", "distilled", "frozen", "cascade"),
        ),
    ],
)
@pytest.mark.parametrize("can_train", [True, False])
@pytest.mark.parametrize("has_backbone", [True, False])
def test_every_rung_that_reads_the_columns_is_tried_with_or_without_a_backbone(
    tmp_path, tiny_backbone, spec, rungs, has_backbone, can_train, monkeypatch
):
    monkeypatch.setattr(ladder, "can_train", lambda: can_train)
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone if has_backbone else None, n=20)
    assert rungs_for(workshop, None) == rungs


def test_rungs_that_train_for_minutes_join_where_there_is_a_budget_for_training(tmp_path, monkeypatch):
    workshop = replace(toy_workshop(tmp_path, TEXT, n=20), budget_cpu_s=600.0)
    dear = {name for name, rung in BUILTIN.items() if "train" in rung.needs}
    monkeypatch.setattr(ladder, "can_train", lambda: True)
    assert dear <= set(rungs_for(workshop, None))
    monkeypatch.setattr(ladder, "can_train", lambda: False)
    assert not dear & set(rungs_for(workshop, None))


def test_named_rungs_are_tried_once_each_in_ladder_order(tmp_path):
    workshop = toy_workshop(tmp_path, n=20)
    assert rungs_for(workshop, ["cascade", "trees", "majority", "cascade"]) == (
        "majority",
        "trees",
        "cascade",
    )


def test_a_name_that_is_no_rung_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InvalidInputError, match=r"'ngrm' is not one of the rungs: .* did you mean 'ngram'"):
        rungs_for(toy_workshop(tmp_path, n=20), ["ngrm"])


# --- attempts ------------------------------------------------------------------------------


def test_rungs_without_a_backbone_are_skipped_with_the_command_that_adds_one(tmp_path):
    attempts = list(
        climb(("ngram", "fast", "frozen", "cascade"), toy_workshop(tmp_path, n=60), tmp_path, about={})
    )
    assert [attempt.rung for attempt in attempts] == ["ngram", "fast", "frozen", "cascade"]
    assert attempts[0].status is CandidateStatus.MEASURED
    for attempt in attempts[1:]:
        assert attempt.status is CandidateStatus.SKIPPED
        assert attempt.reason == "no backbone is installed; `pip install weights` adds one"
        assert (attempt.bundle, attempt.digest, attempt.decoder, attempt.train_cpu_s) == (None,) * 4


def test_rungs_without_their_columns_are_skipped_with_what_to_name(tmp_path):
    text = list(climb(("linear", "trees"), toy_workshop(tmp_path, TEXT, n=20), tmp_path, about={}))
    assert [attempt.reason for attempt in text] == [
        "needs feature columns; name them as `features` under [data]"
    ] * 2
    table = list(
        climb(("ngram", "fast", "frozen", "cascade"), toy_workshop(tmp_path, TABLE, n=20), tmp_path, about={})
    )
    assert [attempt.reason for attempt in table] == [
        "needs a text column; name one as `text` under [data]"
    ] * 4


def test_a_rung_that_crashes_is_a_row_and_the_others_go_on(tmp_path, monkeypatch):
    patched = {"crashing": Crashing(), "unreadable": Unreadable(), **BUILTIN}
    monkeypatch.setattr(candidates, "BUILTIN", patched)
    rungs = ("crashing", "majority", "unreadable", "ngram")
    attempts = list(climb(rungs, toy_workshop(tmp_path, n=60), tmp_path, about={}))
    assert [(attempt.rung, attempt.status.value) for attempt in attempts] == [
        ("crashing", "crashed"),
        ("majority", "measured"),
        ("unreadable", "crashed"),
        ("ngram", "measured"),
    ]
    crashing, majority, unreadable, _ = (attempt.reason for attempt in attempts)
    place = r"\(at models/test_ladder\.py:\d+ in"
    assert re.fullmatch(rf"ZeroDivisionError: no rows left {place} out_of_fold\)", crashing)
    assert re.fullmatch(rf"KeyError: 'backbone' {place} needs\)", unreadable)
    assert majority == ""


def test_being_stopped_by_the_user_is_no_crash(tmp_path, monkeypatch):
    class Interrupted(Crashing):
        def out_of_fold(self, workshop):
            raise KeyboardInterrupt

    monkeypatch.setattr(candidates, "BUILTIN", {"crashing": Interrupted(), **BUILTIN})
    with pytest.raises(KeyboardInterrupt):
        list(climb(("crashing", "majority"), toy_workshop(tmp_path, n=20), tmp_path, about={}))


def test_an_attempt_comes_as_soon_as_it_is_done(tmp_path):
    workshop = toy_workshop(tmp_path, n=60)
    attempts = climb(("majority", "ngram"), workshop, tmp_path / "bundles", about={})
    assert next(attempts).rung == "majority"
    assert len(list((tmp_path / "bundles").iterdir())) == 1


@pytest.mark.parametrize("spec", [TEXT, TABLE, MIXED])
def test_every_rung_beats_the_majority_on_rows_it_has_not_seen(tmp_path, tiny_backbone, spec):
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone, n=240)
    test = toy_rows(200, seed=5)
    right = {}
    for attempt in climb(rungs_for(workshop, None), workshop, tmp_path / "bundles", about={"data": "toys"}):
        assert attempt.status is CandidateStatus.MEASURED, attempt.reason
        bundle = open_bundle(attempt.bundle)
        assert bundle.digest == attempt.digest
        assert bundle.decoder == attempt.decoder
        assert bundle.description["about"] == {"rung": attempt.rung, "data": "toys"}
        right[attempt.rung] = np.mean(bundle.predict_proba(test.columns).argmax(axis=1) == test.labels)
    assert right.pop("majority") < 0.5
    assert min(right.values()) > 0.65


def test_training_twice_gives_the_same_bundles_and_the_second_time_from_memory(tmp_path, tiny_backbone):
    digests = []
    for _ in range(2):
        workshop = toy_workshop(tmp_path, MIXED, backbone=tiny_backbone, n=80)
        digests.append(
            [a.digest for a in climb(rungs_for(workshop, None), workshop, tmp_path / "out", about={})]
        )
    assert None not in digests[0]
    assert digests[0] == digests[1]
    assert len(list((tmp_path / "out").iterdir())) == len(digests[0])


# --- the cascade ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text_workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(tmp_path_factory.mktemp("cascade"), TEXT, backbone=tiny_backbone, n=300)


def out_of_fold_accuracy(rung, workshop):
    logits = BUILTIN[rung].out_of_fold(workshop)
    decoder = fit_decoder(
        logits, workshop.labels, tolerance=workshop.tolerance, confidence=workshop.confidence
    )
    return np.mean(decode_held_out(decoder, logits).argmax(axis=1) == workshop.labels)


def test_out_of_fold_the_cascade_is_never_worse_than_fast_and_hardly_ever_than_frozen(text_workshop):
    fast, frozen, cascade = (
        out_of_fold_accuracy(rung, text_workshop) for rung in ("fast", "frozen", "cascade")
    )
    assert cascade >= fast
    assert cascade >= frozen - 0.02


def test_the_cascades_stages_are_those_of_fast_and_frozen(text_workshop):
    cascade = BUILTIN["cascade"].stages(text_workshop)
    assert cascade == (*BUILTIN["fast"].stages(text_workshop), *BUILTIN["frozen"].stages(text_workshop))
    one, two = BUILTIN["cascade"].out_of_fold(text_workshop)
    assert np.array_equal(one, BUILTIN["fast"].out_of_fold(text_workshop)[0])
    assert np.array_equal(two, BUILTIN["frozen"].out_of_fold(text_workshop)[0])


def test_a_cascade_carries_the_token_table_once(text_workshop, tmp_path):
    attempts = {
        rung: fit_rung(rung, text_workshop, tmp_path, about={}) for rung in ("fast", "frozen", "cascade")
    }
    files = {rung: set(open_bundle(a.bundle).description["files"]) for rung, a in attempts.items()}
    assert files["cascade"] == files["fast"] | files["frozen"]
    assert sum(path.startswith("embeddings") for path in files["cascade"]) == 1


def test_the_cascade_is_charged_what_both_its_stages_cost(tmp_path, tiny_backbone):
    """It trains nothing itself, so its CPU-seconds are theirs, whoever paid first."""
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=120)
    list(climb(("fast", "frozen", "cascade"), workshop, tmp_path / "out", about={}))
    again = Memory(workshop.memory.folder)
    for name in ("fast", "frozen"):
        for path in sorted((again.folder / name).iterdir()):
            again.recall(f"{name}/{path.stem}", lambda: pytest.fail("it is there"))
    remembered = {name: cost for charge in again.charges for name, cost in charge.items()}
    assert len(remembered) == 10
    fresh = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=120)
    (cascade,) = climb(("cascade",), fresh, tmp_path / "out", about={})
    assert cascade.train_cpu_s > sum(remembered.values()) > 0


# --- the refit -----------------------------------------------------------------------------


def with_more_rows(workshop, spec):
    more = toy_rows(60, seed=8)
    return replace(
        workshop,
        parts=(*workshop.parts, ("dev", read_inputs(more.columns, spec))),
        labels=np.concatenate([workshop.labels, more.labels]),
        folds=np.concatenate([workshop.folds, np.zeros(60, np.int64)]),
        _made={},
    )


@pytest.mark.parametrize(
    ("spec", "rung"), [(TEXT, "cascade"), (TABLE, "trees"), (MIXED, "ngram"), (TEXT, "majority")]
)
def test_a_refit_keeps_the_decoder_and_learns_from_the_new_rows(tmp_path, tiny_backbone, spec, rung):
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone)
    first = fit_rung(rung, workshop, tmp_path, about={})
    refit = fit_rung(rung, with_more_rows(workshop, spec), tmp_path, about={}, decoder=first.decoder)
    assert refit.decoder == first.decoder == open_bundle(refit.bundle).decoder
    rows = toy_rows(50, seed=9).columns
    one, two = (open_bundle(attempt.bundle).predict_proba(rows) for attempt in (first, refit))
    assert not np.array_equal(one, two)


def test_a_given_decoder_is_used_as_it_is(tmp_path):
    decoder = Decoder(0.25)
    attempt = fit_rung("ngram", toy_workshop(tmp_path, n=60), tmp_path, about={}, decoder=decoder)
    assert attempt.decoder is decoder
    assert attempt.train_cpu_s > 0


def test_probabilities_are_calibrated_out_of_fold(tmp_path):
    """Were the scale fitted in fold, the toy's margins would make it far too sure of itself."""
    attempt = fit_rung("ngram", toy_workshop(tmp_path, n=400), tmp_path, about={})
    test = toy_rows(1000, seed=21)
    probs = open_bundle(attempt.bundle).predict_proba(test.columns)
    right = probs.argmax(axis=1) == test.labels
    assert abs(probs.max(axis=1).mean() - right.mean()) < 0.04


# --- dear rungs ----------------------------------------------------------------------------


class Dear:
    """The n-grams as a rung that is raced, and asks to be trained a fold at a time."""

    name = "dear"
    needs = frozenset({"text"})
    tasks = frozenset({"multiclass"})
    is_raced = True
    no_cheaper_than = "ngram"

    def __init__(self, estimate=None):
        self.estimate = estimate
        self.asked = []

    def estimate_cpu_s(self, workshop):
        return self.estimate

    def stages(self, workshop):
        return BUILTIN["ngram"].stages(workshop)

    def out_of_fold(self, workshop):
        self.asked.append(workshop.most_folds)
        (logits,) = BUILTIN["ngram"].out_of_fold(workshop)
        logits = logits.copy()
        logits[workshop.folds >= (workshop.most_folds or 2)] = np.nan
        return (logits,)


def climb_with(monkeypatch, tmp_path, rung, *, cannot_win=None, budget=None):
    monkeypatch.setattr(candidates, "BUILTIN", {**BUILTIN, "dear": rung})
    workshop = replace(toy_workshop(tmp_path, TEXT), budget_cpu_s=budget)
    attempts = list(climb(["ngram", "dear"], workshop, tmp_path / "bundles", about={}, cannot_win=cannot_win))
    return workshop, attempts[1]


def test_a_rung_over_the_budget_is_skipped_before_it_is_trained(monkeypatch, tmp_path):
    rung = Dear(estimate=640.0)
    _, attempt = climb_with(monkeypatch, tmp_path, rung, budget=300.0)
    assert (attempt.status, rung.asked) == (CandidateStatus.SKIPPED, [])
    assert re.search(r"about 640 CPU-s, the budget's train_cpu_s is 300; raise it", attempt.reason)


@pytest.mark.parametrize(("estimate", "budget"), [(None, 300.0), (299.0, 300.0), (640.0, None)])
def test_a_rung_within_the_budget_is_trained(monkeypatch, tmp_path, estimate, budget):
    _, attempt = climb_with(monkeypatch, tmp_path, Dear(estimate), budget=budget)
    assert attempt.status is CandidateStatus.MEASURED


def test_a_raced_rung_is_judged_by_its_first_fold_and_stopped_with_the_reason(monkeypatch, tmp_path):
    judged = []
    rung = Dear()
    workshop, attempt = climb_with(
        monkeypatch, tmp_path, rung, cannot_win=lambda found: judged.append(found) or "it lags"
    )
    assert (attempt.status, attempt.reason, attempt.bundle) == (CandidateStatus.STOPPED, "it lags", None)
    assert rung.asked == [1]
    (found,) = judged
    assert (found.rung, found.no_cheaper_than) == ("dear", "ngram")
    assert found.rows.tolist() == np.flatnonzero(workshop.folds == 0).tolist()
    assert found.probs.sum(axis=1) == pytest.approx(1)
    assert attempt.train_cpu_s > 0


def test_a_raced_rung_that_may_win_is_trained_to_its_end(monkeypatch, tmp_path):
    rung = Dear()
    workshop, attempt = climb_with(monkeypatch, tmp_path, rung, cannot_win=lambda found: None)
    assert attempt.status is CandidateStatus.MEASURED
    assert rung.asked == [1, None]
    assert attempt.held_out.rows.tolist() == np.flatnonzero(workshop.folds < 2).tolist()


def test_without_a_judge_nothing_is_raced(monkeypatch, tmp_path):
    rung = Dear()
    _, attempt = climb_with(monkeypatch, tmp_path, rung)
    assert (attempt.status, rung.asked) == (CandidateStatus.MEASURED, [None])
