"""Requests that kill: suspected after one death, refused after two, and nobody innocent is."""

from __future__ import annotations

from smallcraft.serve.router.quarantine import Quarantine, refusal


def test_a_request_that_kills_two_processes_alone_is_refused():
    quarantine = Quarantine()
    assert quarantine.blame((7,), "first") == []
    assert quarantine.is_suspect(7)
    assert not quarantine.is_refused(7)
    assert quarantine.blame((7,), "second") == [7]
    assert quarantine.is_refused(7)
    assert refusal().status == 422


def test_after_a_death_in_company_each_is_tried_alone():
    quarantine = Quarantine()
    quarantine.blame((1, 2, 3), "first")
    assert [quarantine.is_suspect(one) for one in (1, 2, 3, 4)] == [True, True, True, False]
    quarantine.clear(1)
    assert not quarantine.is_suspect(1)
    assert quarantine.blame((2,), "second") == [2]
    assert not quarantine.is_refused(3)


def test_deaths_in_company_refuse_nobody():
    quarantine = Quarantine()
    for death in "abcdef":
        assert quarantine.blame((1, 2), death) == []
    assert not quarantine.is_refused(1)


def test_a_death_counts_once_however_often_it_is_told():
    quarantine = Quarantine()
    for _ in range(5):
        assert quarantine.blame((1,), "first") == []
    assert not quarantine.is_refused(1)


def test_memory_is_bounded():
    quarantine = Quarantine()
    for number in range(10_000):
        quarantine.blame((number,), "first")
    assert not quarantine.is_suspect(0)
    assert quarantine.is_suspect(9_999)


def test_without_deaths_nothing_needs_a_second_look():
    quarantine = Quarantine()
    assert not quarantine.has_suspects
    quarantine.blame((), "a process that was idle")
    assert not quarantine.has_suspects
