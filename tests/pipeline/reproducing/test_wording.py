from __future__ import annotations

from tests.pipeline.reproducing.comparing import reproduction, same

from smallcraft.pipeline.reproducing.record import Compared, CostBeside
from smallcraft.pipeline.reproducing.wording import describe_reproduction


def test_the_verdict_comes_first_and_everything_compared_is_told():
    lines = describe_reproduction(reproduction())
    assert lines[0] == "diverged at data: a was recorded, now b"
    assert lines[2:] == (
        "inputs: 1 of 3 as recorded (numpy)",
        "  differs     data: a, now b; 1 added",
        "  not known   BLAS kernel; the release does not record it",
        "outputs: 0 of 2 as recorded",
        "  differs     bundle: a, now b",
        "  not known   verdicts; the release does not record it",
        "timings, not judged: p95_ms 1, now not measured",
        "not promised: the choice rests on the clock",
        "note: a note",
        "rebuilt helpdesk@3 in 12 s",
    )


def test_digests_are_short_and_a_kept_folder_is_named():
    digest = "sha256:" + "0123456789abcdef" * 4
    item = Compared("data", digest, None, same=False)
    lines = describe_reproduction(reproduction(inputs=(item,), outputs=(same("bundle"),), kept="there"))
    assert "  differs     data: sha256:0123456789ab..., now nothing" in lines
    assert lines[-1].endswith("; kept in there")


def test_nothing_is_told_of_costs_that_no_table_shows():
    lines = describe_reproduction(reproduction(costs=(CostBeside("load_ms", "ms", 1.0, 2.0),)))
    assert not [line for line in lines if line.startswith("timings")]
