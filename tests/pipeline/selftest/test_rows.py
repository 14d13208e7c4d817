"""Made-up messages: none alike, the same for a seed."""

from __future__ import annotations

from smallcraft.pipeline.selftest.rows import made_messages


def test_no_two_messages_are_alike_and_a_seed_gives_the_same_ones():
    rows = made_messages(500, seed=4)
    assert len(set(rows["message"])) == 500
    assert rows == made_messages(500, seed=4) != made_messages(500, seed=5)
    assert {len(column) for column in rows.values()} == {500}
