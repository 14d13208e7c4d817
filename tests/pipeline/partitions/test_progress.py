from __future__ import annotations

from smallcraft.pipeline.partitions.progress import told


def test_what_comes_is_what_came_and_each_piece_is_told():
    heard = []
    found = list(told("abcd", lambda what, share: heard.append((what, share)), "reading", of=4))
    assert found == [*"abcd"]
    assert heard == [("reading", 0.25), ("reading", 0.5), ("reading", 0.75), ("reading", 1.0)]
