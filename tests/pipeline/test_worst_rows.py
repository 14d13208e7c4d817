from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.worst_rows import gather_rows, is_private
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome, Roles

ROLES = Roles(label="intent", text="message")
FRAME = pl.DataFrame(
    {"message": [f"text {row}" for row in range(50)], "intent": [f"class {row % 3}" for row in range(50)]}
)


def finding(check, row, *, kind="", split="train", score=None):
    return Finding(check, split, row, "message", f"row {row} is odd", "look at it", kind=kind, score=score)


def check_of(name, outcome, *, findings=(), flagged=()):
    return CheckResult(name, outcome, name, {}, tuple(findings), (), tuple(flagged))


def flag(rows, *, kind="", split="train", **more):
    return FlaggedRows(split, kind, np.asarray(rows, dtype=np.int64), **more)


def places(rows):
    return [(row.check, row.row) for row in rows]


def gather(checks, **more):
    return gather_rows(checks, {"train": FRAME, "dev": FRAME}, ROLES, **more)


def test_rows_of_failing_checks_stand_first_and_each_check_keeps_its_own_order():
    checks = (
        check_of("passing", Outcome.PASS, flagged=[flag([1])]),
        check_of("undecided", Outcome.UNDECIDED, findings=[finding("undecided", row) for row in (9, 2)]),
        check_of("failing", Outcome.FAIL, flagged=[flag([8, 3, 5])]),
    )
    assert places(gather(checks)) == [
        *(("failing", row) for row in (8, 3, 5)),
        *(("undecided", row) for row in (9, 2)),
        ("passing", 1),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Outcome)), st.lists(st.integers(0, 49), max_size=30, unique=True)),
        max_size=5,
    ),
    st.integers(1, 40),
)
def test_no_check_hides_another_and_none_is_told_beyond_the_limit(found, most):
    checks = [
        check_of(f"c{place}", outcome, flagged=[flag(rows)]) for place, (outcome, rows) in enumerate(found)
    ]
    shown = gather(checks, most=most)
    flagged = [len(rows) for _, rows in found]
    assert len(shown) == min(most, sum(flagged))
    per_check = {check.check: sum(row.check == check.check for row in shown) for check in checks}
    share = most // max(1, len(checks))
    assert all(per_check[f"c{place}"] >= min(share, count) for place, count in enumerate(flagged))
    for place, (_, rows) in enumerate(found):
        assert [row.row for row in shown if row.check == f"c{place}"] == rows[: per_check[f"c{place}"]]


def test_a_row_told_in_words_keeps_them_and_one_that_is_only_flagged_gets_the_remedy_of_its_kind():
    told = Finding("a", "train", 3, "message", "in words", "mend it", kind="odd", score=-2.0, suggested="x")
    flagged = flag([3, 4], kind="odd", score=np.array([-2.0, -1.0]), suggested=("x", "y"))
    first, second = gather((check_of("a", Outcome.FAIL, findings=[told], flagged=[flagged]),))
    assert (first.row, first.why, first.remedy, first.score, first.suggested) == (
        *(3, "in words", "mend it"),
        *(-2.0, "x"),
    )
    assert (second.row, second.why, second.remedy) == (4, "row 4 of train: odd", "mend it")
    assert (second.score, second.suggested, second.kind) == (-1.0, "y", "odd")


def test_a_copy_names_the_row_that_it_copies():
    flagged = flag([3, 4], kind="exact copy", split="dev", partner_split="train", partner=np.array([7, -1]))
    first, second = gather((check_of("leakage", Outcome.FAIL, flagged=[flagged]),))
    assert first.why == "row 3 of dev: exact copy, like row 7 of train"
    assert second.why == "row 4 of dev: exact copy"


def test_content_label_and_place_in_the_file_are_looked_up():
    lines = {"train": np.arange(50, dtype=np.int64) * 10}
    (row,) = gather((check_of("a", Outcome.FAIL, flagged=[flag([7])]),), lines=lines)
    assert (row.content, row.given, row.line) == ("text 7", "class 1", 70)
    (unknown,) = gather((check_of("a", Outcome.FAIL, flagged=[flag([7], split="elsewhere")]),), lines=lines)
    assert (unknown.content, unknown.given, unknown.line) == ("", None, None)


def test_features_stand_by_name_and_what_is_missing_says_so():
    frame = pl.DataFrame({"age": [39, None], "job": ["clerk", "cook"], "bought": ["1", None]})
    roles = Roles(label="bought", features=("age", "job"))
    checks = (check_of("a", Outcome.FAIL, flagged=[flag([0, 1])]),)
    first, second = gather_rows(checks, {"train": frame}, roles)
    assert (first.content, first.given) == ("age = 39, job = clerk", "1")
    assert (second.content, second.given) == ("age = (missing), job = cook", None)


def test_the_content_of_a_row_with_personal_data_is_left_out_whoever_shows_it():
    checks = (
        check_of("personal_data", Outcome.UNDECIDED, flagged=[flag([3])], findings=[finding("p", 4)]),
        check_of("other", Outcome.FAIL, flagged=[flag([3, 4, 5]), flag([3], split="dev")]),
    )
    shown = {(row.check, row.split, row.row): row.content for row in gather(checks)}
    assert {place for place, content in shown.items() if not content} == {
        *(("personal_data", "train", row) for row in (3, 4)),
        *(("other", "train", row) for row in (3, 4)),
    }
    assert is_private(checks, "train", 3)
    assert not is_private(checks, "dev", 3)


def test_a_finding_about_no_row_is_no_row():
    assert gather((check_of("a", Outcome.FAIL, findings=[finding("a", None)]),)) == ()
