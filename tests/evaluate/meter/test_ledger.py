import json
import multiprocessing
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from smallcraft.errors import IntegrityError, InvalidInputError, MeteredError
from smallcraft.evaluate.meter.bits import adaptive_bound
from smallcraft.evaluate.meter.chain import GENESIS
from smallcraft.evaluate.meter.ledger import clock_notes, open_ledger, verify_ledger
from smallcraft.evaluate.meter.terms import PassPlan

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def ask(ledger, candidate, *, answer=None, bits=10.0, dataset="d", preregistration="p"):
    told = {"accuracy": 0.912, "n": 1000} if answer is None else answer
    return ledger.ask(candidate, preregistration, dataset, lambda: told, bits=bits, now=NOW)


def test_an_answer_is_an_entry_chained_to_the_one_before(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    assert (ledger.entries, ledger.head) == ((), GENESIS)
    first, second = ask(ledger, "a").entry, ask(ledger, "b").entry
    assert (first.seq, first.previous, second.seq, second.previous) == (1, GENESIS, 2, first.digest)
    assert ledger.head == second.digest
    assert ledger.entries == verify_ledger(ledger.path) == (first, second)
    assert second.answer == {"accuracy": 0.912, "n": 1000}
    assert second.time == "2026-03-01T00:00:00+00:00"


def test_the_same_question_is_answered_from_the_ledger_for_nothing(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    first = ask(ledger, "a")

    def never():
        raise AssertionError("the labels were opened again")

    again = open_ledger(ledger.path).ask("a", "p", "d", never, bits=10.0, now=NOW)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.entry == first.entry
    assert ledger.bits_spent("d") == 10


@pytest.mark.parametrize("change", [{"dataset": "e"}, {"preregistration": "q"}])
def test_another_data_set_or_pre_registration_is_another_question(tmp_path, change):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    ask(ledger, "a")
    assert ask(ledger, "a", **change).is_new
    assert len(ledger.entries) == 2


def test_the_bound_of_a_look_counts_what_was_revealed_before_it_about_that_data_set(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    ask(ledger, "other", dataset="e", bits=30)
    first, second = ask(ledger, "a", bits=4), ask(ledger, "b", bits=6)
    assert (first.bits_before, second.bits_before, ledger.bits_spent("d")) == (0, 4, 10)
    assert first.bound(1000) == adaptive_bound(1000, 0)
    assert second.bound(1000, delta=0.1) == adaptive_bound(1000, 4, delta=0.1)
    assert ask(ledger, "b").bits_before == 4


def test_a_spent_set_gives_no_answer_and_does_not_open_the_labels(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl", max_bits=20)
    ask(ledger, "a")
    ask(ledger, "b")
    opened = []
    with pytest.raises(MeteredError, match=r"may reveal 20.0 bits and has revealed 20.0; label a fresh one"):
        ledger.ask("c", "p", "d", lambda: opened.append(1) or {}, bits=1, now=NOW)
    assert opened == []
    assert not ask(ledger, "a").is_new
    assert ask(ledger, "c", dataset="fresh").is_new


def test_the_first_look_is_always_given(tmp_path):
    assert ask(open_ledger(tmp_path / "cert.jsonl", max_bits=0), "a", bits=500).is_new


def test_the_default_limit_gives_five_answers_of_three_decimals(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    for candidate in "abcde":
        ask(ledger, candidate, bits=9.967)
    with pytest.raises(MeteredError):
        ask(ledger, "f", bits=9.967)


def test_an_answer_that_fails_leaves_no_entry(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    with pytest.raises(ZeroDivisionError):
        ledger.ask("a", "p", "d", lambda: {"accuracy": 1 / 0}, bits=1, now=NOW)
    assert ledger.entries == ()


@pytest.mark.parametrize("bits", [-1.0, float("nan"), float("inf")])
def test_bits_that_are_no_amount_are_refused(tmp_path, bits):
    with pytest.raises(InvalidInputError, match="finite and at least 0"):
        ask(open_ledger(tmp_path / "cert.jsonl"), "a", bits=bits)


def test_a_negative_limit_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="max_bits must be at least 0"):
        open_ledger(tmp_path / "cert.jsonl", max_bits=-1)


def ask_many(path, names):
    ledger = open_ledger(path, max_bits=10_000)
    for name in names:
        ask(ledger, name)


@pytest.mark.slow
def test_two_processes_asking_at_once_keep_one_chain(tmp_path):
    path = tmp_path / "cert.jsonl"
    context = multiprocessing.get_context("spawn")
    lists = [[f"{side}{i}" for i in range(15)] + ["shared"] for side in "xy"]
    workers = [context.Process(target=ask_many, args=(path, names)) for names in lists]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(verify_ledger(path)) == 31


def test_a_head_kept_elsewhere_must_be_in_the_chain(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    kept = ask(ledger, "a").entry.digest
    ask(ledger, "b")
    assert len(verify_ledger(ledger.path, head=kept)) == 2
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(IntegrityError, match=r"0 entries and none with digest sha256:"):
        verify_ledger(ledger.path, head=kept)


def test_entries_are_plain_json_lines(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    ask(ledger, "a", answer={"macro_f1": 0.5, "slices": ["x"]})
    (line,) = ledger.path.read_text("utf-8").splitlines()
    assert json.loads(line)["answer"] == {"macro_f1": 0.5, "slices": ["x"]}


PLAN = PassPlan("accuracy", 0.9, questions=4, passes=2)


def ask_pass(ledger, candidate, value=0.5, plan=PLAN, dataset="d"):
    return ledger.ask_pass(candidate, plan, dataset, lambda: value, now=NOW)


def test_a_pass_or_fail_question_tells_no_more_than_that(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    assert [
        ask_pass(ledger, name, value).passed for name, value in [("a", 0.9), ("b", 0.899), ("c", None)]
    ] == [*(True, False, False)]
    assert [dict(entry.answer) for entry in ledger.entries] == [
        {"passed": told} for told in (True, False, False)
    ]
    assert ask_pass(ledger, "d", np.float64(0.95)).passed is True
    assert ask(ledger, "z", preregistration="q").passed is None


def test_a_series_is_charged_what_each_answer_adds_to_it(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    looks = [ask_pass(ledger, name) for name in "abcd"]
    assert [look.entry.bits for look in looks] == [PLAN.bits_of(number) for number in (1, 2, 3, 4)]
    assert ledger.bits_spent("d") == pytest.approx(PLAN.bits)
    assert looks[3].bits_before == pytest.approx(PLAN.bits - PLAN.bits_of(4))


def test_a_candidate_asked_again_is_no_new_question(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    first = ask_pass(ledger, "a", 0.95)
    for name in "bcd":
        ask_pass(ledger, name)

    def never():
        raise AssertionError("the labels were opened again")

    again = ledger.ask_pass("a", PLAN, "d", never, now=NOW)
    assert (again.entry, again.is_new, again.bits_before) == (first.entry, False, 0.0)


def test_each_data_set_has_its_own_series(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    for name in "abcd":
        ask_pass(ledger, name)
    assert ask_pass(ledger, "e", dataset="fresh").is_new
    with pytest.raises(MeteredError, match="this would be the 5th"):
        ask_pass(ledger, "e")


def test_a_plan_that_costs_more_than_what_is_left_is_refused_before_it_starts(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl", max_bits=12)
    dear = PassPlan("accuracy", 0.9, questions=100, passes=3)
    with pytest.raises(
        MeteredError, match=r"100 questions with up to 3 passes costs 17.3 bits and 12.0 are left"
    ):
        ask_pass(ledger, "a", plan=dear)
    ask(ledger, "a", bits=10)
    with pytest.raises(
        MeteredError, match=r"4 questions with up to 2 passes costs 3.5 bits and 2.0 are left"
    ):
        ask_pass(ledger, "a")
    assert len(ledger.entries) == 1


def test_another_pre_registration_is_counted_and_pays_for_itself(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    assert ledger.registrations("d") == 0
    ask_pass(ledger, "a")
    other = PassPlan("macro_f1", 0.8, questions=4, passes=2, registration=2)
    look = ask_pass(ledger, "a", plan=other)
    assert (look.is_new, look.bits_before, look.entry.bits) == (True, 1.0, 1.0)
    assert ledger.registrations("d") == 2


def test_terms_hold_for_questions_that_tell_numbers_too(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")

    def ask_by(metric, candidate, **changes):
        told = {"bits": 1, "now": NOW, "terms": {"metric": metric, "margin": 0.01}, **changes}
        return ledger.ask(candidate, f"{metric} and more", "d", lambda: {metric: 0.5}, **told)

    ask_by("macro_f1", "a")
    assert ask_by("macro_f1", "b").is_new
    with pytest.raises(MeteredError, match="has metric 'macro_f1', not 'accuracy'; restore it"):
        ask_by("accuracy", "c")
    with pytest.raises(MeteredError, match="has metric 'macro_f1', not 'accuracy'; restore it"):
        ledger.ask(
            "a", "macro_f1 and more", "d", dict, bits=1, now=NOW, terms={"metric": "accuracy", "margin": 0.01}
        )
    assert ask_by("accuracy", "c", registration=2).is_new
    assert len(ledger.entries) == 3


def test_a_look_says_whether_it_is_worn(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    first, second = ask(ledger, "a", bits=30), ask(ledger, "b", bits=1)
    assert not first.wear(1000, margin=0.1).is_worn
    assert second.wear(1000, margin=0.1).bound == second.bound(1000)
    assert "refresh cert" in second.wear(1000, margin=0.1).sentence


def test_a_clock_that_was_set_back_is_noted_and_changes_nothing(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    days = [0, 3, 1, 2, 4]
    for number, day in enumerate(days):
        now = NOW + timedelta(days=day)
        ledger.ask(str(number), "p", "d", dict, bits=1, now=now if day != 1 else now.replace(tzinfo=None))
    assert [entry.candidate for entry in verify_ledger(ledger.path)] == ["0", "1", "2", "3", "4"]
    notes = clock_notes(ledger.entries)
    assert [note.split(" is dated")[0] for note in notes] == ["entry 3", "entry 4"]
    assert "follows entry 2 of 2026-03-04T00:00:00+00:00: the clock was set back" in notes[0]
