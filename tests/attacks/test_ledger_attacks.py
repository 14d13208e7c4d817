"""What may be tried against the metered test set; each is named, none is served, each refusal says why."""

import json
import math
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from benchmarks.children.boosting import (
    attack_exact,
    attack_ledger,
    attack_plan,
    quick_folder,
    sure_bar,
    toss,
)

from smallcraft.canonical import canonical_json, digest_value
from smallcraft.errors import IntegrityError, MeteredError
from smallcraft.evaluate.meter.ledger import clock_notes, open_ledger, verify_ledger
from smallcraft.evaluate.meter.terms import PassPlan

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TERMS = {"metric": "macro_f1", "margin": 0.01}
PLAN = PassPlan("accuracy", 0.9, questions=50, passes=2)
DO_NOT_TRUST = "do not trust the cert scores"


@pytest.fixture
def path(tmp_path):
    """A ledger of four looks."""
    ledger = open_ledger(tmp_path / "kept" / "cert.jsonl", max_bits=1000)
    for number, candidate in enumerate("abcd"):
        look(ledger, candidate, 0.91 + number / 1000)
    return ledger.path


def look(ledger, candidate, value=0.5, **changes):
    asked = {"preregistration": "p", "terms": TERMS, "registration": 1, **changes}
    preregistration = asked.pop("preregistration")
    return ledger.ask(
        candidate, preregistration, "cert", lambda: {"macro_f1": value}, bits=10, now=NOW, **asked
    )


def rewrite(path, change):
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def refused(path, message, **how):
    """Whoever verifies the ledger, and whoever wants to ask, is told."""
    for use in (lambda: verify_ledger(path, **how), lambda: open_ledger(path, max_bits=1000)):
        with pytest.raises(IntegrityError) as told:
            use()
        assert str(told.value) == message


# --- the file is changed ---------------------------------------------------------------


def test_an_edited_answer_is_found(path):
    rewrite(path, lambda ls: [ls[0], ls[1].replace(b"0.911", b"0.991"), *ls[2:]])
    refused(path, "line 2 of cert.jsonl does not match its digest; do not trust the cert scores after it")


def test_an_edited_price_is_found(path):
    rewrite(path, lambda ls: [*ls[:2], ls[2].replace(b'"bits":10', b'"bits":1'), ls[3]])
    refused(path, "line 3 of cert.jsonl does not match its digest; do not trust the cert scores after it")


def test_a_look_deleted_from_the_middle_is_missed(path):
    rewrite(path, lambda ls: [ls[0], *ls[2:]])
    refused(
        path,
        "line 2 of cert.jsonl is entry 3 and does not follow the one before it; an entry was dropped, "
        "swapped or inserted there",
    )


def test_the_last_look_deleted_is_missed(path):
    rewrite(path, lambda ls: ls[:-1])
    refused(
        path,
        "line 4 of cert.jsonl is not the committed entry 4; entries were cut off or rewritten: "
        f"{DO_NOT_TRUST}",
    )


def test_looks_in_another_order_are_found(path):
    rewrite(path, lambda ls: [ls[0], ls[2], ls[1], ls[3]])
    refused(
        path,
        "line 2 of cert.jsonl is entry 3 and does not follow the one before it; an entry was dropped, "
        "swapped or inserted there",
    )


def test_a_ledger_cut_to_nothing_is_missed(path):
    path.write_bytes(b"")
    refused(
        path,
        "line 1 of cert.jsonl is not the committed entry 4; entries were cut off or rewritten: "
        f"{DO_NOT_TRUST}",
    )


def test_a_ledger_removed_from_beside_its_head_is_missed(path):
    path.unlink()
    refused(
        path,
        "cert.jsonl is gone and cert.jsonl.head says that it had 4 entries; it was removed: put it back, or "
        "label a fresh cert set",
    )


@pytest.mark.parametrize("kept", [2, 4])
def test_a_removed_head_is_missed(path, kept):
    rewrite(path, lambda ls: ls[:kept])
    path.with_name("cert.jsonl.head").unlink()
    refused(
        path,
        f"cert.jsonl.head is missing beside cert.jsonl, which has {kept} entries; it was removed, so entries "
        f"may have been cut off: {DO_NOT_TRUST}",
    )


def test_a_ledger_cut_to_its_first_look_and_its_head_removed_is_told_by_a_head_kept_elsewhere(path):
    kept = verify_ledger(path)[-1].digest
    rewrite(path, lambda ls: ls[:1])
    path.with_name("cert.jsonl.head").unlink()
    with pytest.raises(IntegrityError, match=f"1 entries and none with digest {kept}"):
        verify_ledger(path, head=kept)


def test_an_older_copy_of_ledger_and_head_is_told_by_a_head_kept_elsewhere(path):
    old = shutil.copytree(path.parent, path.parent.parent / "old")
    kept = look(open_ledger(path, max_bits=1000), "e").entry.digest
    shutil.rmtree(path.parent)
    shutil.move(old, path.parent)
    # The copy is sound in itself: without a digest kept elsewhere nobody can tell.
    assert len(verify_ledger(path)) == 4
    with pytest.raises(IntegrityError) as told:
        verify_ledger(path, head=kept)
    assert str(told.value) == (
        f"cert.jsonl has 4 entries and none with digest {kept}; entries were cut off or rewritten, do not "
        "trust its cert scores"
    )


def forge(path, change):
    """Write the whole chain anew, with digests and head that fit: what an owner can do."""
    entries, previous = [], None
    for line in path.read_bytes().splitlines():
        facts = json.loads(line)
        facts["previous"] = previous or facts["previous"]
        del facts["digest"]
        change(facts)
        previous = digest_value(facts)
        entries.append(canonical_json({**facts, "digest": previous}))
    path.write_bytes(b"".join(entry + b"\n" for entry in entries))
    path.with_name("cert.jsonl.head").write_bytes(canonical_json({"seq": len(entries), "digest": previous}))


def test_a_ledger_that_its_owner_wrote_anew_is_told_by_a_head_kept_elsewhere(path):
    kept = verify_ledger(path)[1].digest
    forge(path, lambda facts: facts["answer"].update(macro_f1=0.99))
    assert len(verify_ledger(path)) == 4
    with pytest.raises(IntegrityError, match=f"none with digest {kept}; entries were cut off or rewritten"):
        verify_ledger(path, head=kept)


# --- the question is changed -----------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "accuracy"}, "metric 'macro_f1', not 'accuracy'"),
        ({"margin": 0.05}, "margin 0.01, not 0.05"),
    ],
)
def test_a_pre_registration_that_changed_after_the_first_look_is_refused(path, change, words):
    ledger, opened = open_ledger(path, max_bits=1000), []
    message = (
        "the pre-registration was changed after the first look: entry 1 of 2026-03-01T00:00:00+00:00 has "
        f"{words}; restore it, or declare pre-registration 2: a new question, which is paid for and stands "
        "in the record"
    )
    for candidate, digest in (("a", "p"), ("e", "p"), ("a", "q")):
        with pytest.raises(MeteredError) as told:
            ledger.ask(
                candidate,
                digest,
                "cert",
                lambda: opened.append(1) or {},
                bits=1,
                now=NOW,
                terms={**TERMS, **change},
            )
        assert str(told.value) == message
    assert opened == []


def test_an_old_answer_is_never_passed_off_as_one_to_a_new_question(path):
    ledger = open_ledger(path, max_bits=1000)
    changed = {"terms": {**TERMS, "metric": "accuracy"}, "registration": 2}
    new = look(ledger, "a", 0.7, preregistration="q", **changed)
    assert (new.is_new, new.entry.answer, new.bits_before, new.entry.bits) == (
        True,
        {"macro_f1": 0.7},
        40,
        10,
    )
    assert look(ledger, "a", 0.7).entry.answer == {"macro_f1": 0.91}
    assert ledger.registrations("cert") == 2


def test_terms_rewritten_in_a_forged_chain_contradict_the_looks_beside_them(path):
    forge(path, lambda facts: facts["terms"].update(metric="accuracy") if facts["seq"] == 3 else None)
    refused(
        path,
        "line 3 of cert.jsonl changes pre-registration of entry 1, which has metric 'macro_f1', not "
        f"'accuracy'; it was not written by asking: {DO_NOT_TRUST}",
    )


# --- more is asked than the plan allows ------------------------------------------------


def test_the_51st_question_is_refused_and_opens_no_label(tmp_path):
    ledger, opened = open_ledger(tmp_path / "cert.jsonl"), []
    for number in range(50):
        assert ledger.ask_pass(f"c{number}", PLAN, "cert", lambda: 0.5, now=NOW).passed is False
    with pytest.raises(MeteredError) as told:
        ledger.ask_pass("c50", PLAN, "cert", lambda: opened.append(1) or 0.5, now=NOW)
    assert str(told.value) == (
        "the plan allows 50 questions, this would be the 51st; label a fresh cert set, or declare "
        "pre-registration 2, which pays for itself"
    )
    assert opened == []
    assert ledger.bits_spent("cert") == pytest.approx(PLAN.bits)


def test_no_question_is_answered_after_the_last_pass(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    for candidate, value in [("a", 0.95), ("b", 0.5), ("c", 0.95)]:
        ledger.ask_pass(candidate, PLAN, "cert", lambda value=value: value, now=NOW)
    with pytest.raises(MeteredError) as told:
        ledger.ask_pass("d", PLAN, "cert", lambda: 0.95, now=NOW)
    assert str(told.value) == (
        "the plan allows 2 passes, and entry 3 was the 2nd; label a fresh cert set, or declare "
        "pre-registration 2, which pays for itself"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [({"bar": 0.5}, "bar 0.9, not 0.5"), ({"questions": 5000}, "questions 50, not 5000")],
)
def test_a_plan_that_changed_after_the_first_question_is_refused(tmp_path, change, words):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    ledger.ask_pass("a", PLAN, "cert", lambda: 0.5, now=NOW)
    with pytest.raises(
        MeteredError, match=re.escape(f"after the first look: entry 1 of {NOW.isoformat()} has {words}")
    ):
        ledger.ask_pass("b", replace(PLAN, **change), "cert", lambda: 0.5, now=NOW)


def test_a_free_question_in_a_forged_chain_is_found_by_its_price(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    for candidate in "abc":
        ledger.ask_pass(candidate, PLAN, "cert", lambda: 0.5, now=NOW)
    forge(ledger.path, lambda facts: facts.update(bits=0.0) if facts["seq"] == 2 else None)
    refused(
        ledger.path,
        "line 2 of cert.jsonl is charged 0 bits, by its plan it costs 1; it was not written by asking: "
        f"{DO_NOT_TRUST}",
    )


def test_a_spent_set_is_refused_with_what_it_gave(path):
    with pytest.raises(MeteredError) as told:
        look(open_ledger(path, max_bits=40), "e")
    assert str(told.value) == (
        "the sealed test set may reveal 40.0 bits and has revealed 40.0; label a fresh one (the old one may "
        "then be added to dev), or raise [quality] cert_bits knowingly"
    )


# --- time and machine ------------------------------------------------------------------


def test_a_clock_set_back_buys_nothing_and_is_noted(path):
    ledger = open_ledger(path, max_bits=40)
    with pytest.raises(MeteredError):
        ledger.ask("e", "p", "cert", dict, bits=1, now=NOW - timedelta(days=400))
    ledger = open_ledger(path, max_bits=1000)
    ledger.ask("e", "p", "cert", dict, bits=1, now=NOW - timedelta(days=1))
    (note,) = clock_notes(verify_ledger(path))
    assert note == (
        "entry 5 is dated 2026-02-28T00:00:00+00:00 and follows entry 4 of 2026-03-01T00:00:00+00:00: the "
        "clock was set back; the order of entries is certain, their times are what the clock said"
    )


def ask_by_plan(path, side, results):
    ledger = open_ledger(path)
    for number in range(40):
        try:
            ledger.ask_pass(f"{side}{number}", PLAN, "cert", lambda: 0.5, now=NOW)
        except MeteredError:
            break
    else:
        number = 40
    results.put(number)


@pytest.mark.slow
def test_two_processes_asking_at_once_get_no_question_more_than_the_plan_allows(tmp_path):
    path, context = tmp_path / "cert.jsonl", multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=ask_by_plan, args=(path, side, results)) for side in "xy"]
    for worker in workers:
        worker.start()
    answered = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    entries = verify_ledger(path)
    assert sum(answered) == len(entries) == 50
    assert math.fsum(entry.bits for entry in entries) == pytest.approx(PLAN.bits)


# Each child asks once and is killed at its n-th line of the ledger's own code, so every step is met.
KILL_AT_EACH_LINE = """
import os, shutil, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.evaluate.meter import chain
from smallcraft.evaluate.meter import ledger as ledgers

source, work = Path(sys.argv[1]), Path(sys.argv[2])
watched = {chain.__file__, ledgers.__file__}

def ask_and_die_at(step, folder):
    left = [step]
    def trace(frame, event, argument):
        if frame.f_code.co_filename not in watched:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    ledger = ledgers.Ledger(folder / "cert.jsonl", 1000.0)
    sys.settrace(trace)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    look = ledger.ask("new", "p", "cert", lambda: {"macro_f1": 0.5}, bits=10, now=now)
    sys.settrace(None)
    (folder / "told").write_text(look.entry.digest)

step, is_whole = 0, False
while not is_whole:
    step += 1
    folder = Path(shutil.copytree(source, work / str(step)))
    child = os.fork()
    if child == 0:
        try:
            ask_and_die_at(step, folder)
        except BaseException:
            os._exit(3)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    is_whole = status == 0
print(step)
"""


@pytest.mark.slow
@pytest.mark.parametrize("looks", [0, 4])
def test_a_kill_at_any_step_of_a_look_leaves_it_out_or_counts_it_once(path, tmp_path, looks):
    source = path.parent
    if looks == 0:
        shutil.rmtree(source)
        open_ledger(path)
    work = tmp_path / "killed"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILL_AT_EACH_LINE, str(source), str(work)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert done.returncode == 0, done.stderr
    steps, counted = int(done.stdout), []
    for step in range(1, steps + 1):
        folder = work / str(step)
        ledger = open_ledger(folder / "cert.jsonl", max_bits=1000)
        counted.append(len(ledger.entries) - looks)
        # An answer that was told is in the chain.
        assert not (folder / "told").exists() or ledger.head == (folder / "told").read_text()
        again = look(ledger, "new", terms=None)
        assert again.is_new == (counted[-1] == 0)
        assert len(verify_ledger(ledger.path)) == looks + 1
    # It goes over from nothing to one entry at one step, and not before the code that writes.
    assert counted == sorted(counted)
    assert set(counted) == {0, 1}
    assert steps > 40


# --- the boosting attack ---------------------------------------------------------------

SEEDS = range(100, 112)


@pytest.mark.slow
def test_the_boosting_attack_reaches_far_with_exact_answers_and_nowhere_through_the_ledger(tmp_path):
    exact, metered, claims, fresh = [], [], [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        coins = toss(1000, 1000, rng)
        exact.append(attack_exact(coins, rng, is_weighted=False).final)
        shown = attack_ledger(coins, rng, tmp_path / str(seed), is_weighted=False)
        assert (shown.answered, shown.refused) == (5, 995)
        metered.append(shown.highest)
        claims.append(shown.claim)
        fresh.append(shown.fresh)
    print(f"seeds {SEEDS}: exact {np.mean(exact):.3f}, through the ledger {np.mean(metered):.3f}")
    assert min(exact) >= 0.65
    assert np.mean(metered) < 0.53
    assert max(claims) < 0.5
    assert abs(np.mean(fresh) - 0.5) < 0.02


@pytest.mark.slow
def test_the_boosting_attack_by_a_plan_of_a_thousand_questions_shows_no_more_than_a_coin():
    sure, low, seeds = [], [], SEEDS[:4]
    for seed in seeds:
        rng = np.random.default_rng(seed)
        coins = toss(1000, 1000, rng)
        with TemporaryDirectory(dir=quick_folder()) as name:
            bar = sure_bar(1000, 1000, 1)
            sure.append(attack_plan(coins, rng, Path(name, "sure"), passes=1, bar=bar))
            low.append(attack_plan(coins, rng, Path(name, "low"), passes=3, bar=0.53))
    print(f"seeds {seeds}: the sure bar was passed in {sum(shown.final is not None for shown in sure)}")
    assert [(shown.final, shown.answered) for shown in sure] == [(None, 1000)] * len(sure)
    # A low bar is passed by chance; then the series ends, and the pass is worth less than a coin.
    assert all(shown.final == 0.53 and shown.answered < 1000 for shown in low)
    assert max(shown.claim for shown in low) < 0.5
