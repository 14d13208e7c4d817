"""Peers live in environments of their own, and an absent one is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from benchmarks.peers import AbsentPeerError, Environment, python_of
from benchmarks.suites.suite import Surroundings

from benchmarks import peers


def environments() -> Iterator[Environment]:
    return (value for value in vars(peers).values() if isinstance(value, Environment))


def test_every_package_of_a_peer_has_its_exact_version():
    wanted = [
        pin for environment in environments() for pin in (*environment.first, *environment.requirements)
    ]
    assert wanted
    assert [name for name in wanted if not re.fullmatch(r"[\w-]+==[\d.]+(b\d+)?", name)] == []


def test_what_is_installed_first_and_alone_is_in_the_versions_and_in_the_name_of_the_folder():
    plain, after = Environment("x", ("a==1",)), Environment("x", ("a==1",), ("torch==2",))
    assert after.versions == {"torch": "2", "a": "1"}
    assert peers._folder(plain) != peers._folder(after)


def test_no_environment_holds_smallcraft():
    assert all("smallcraft" not in environment.versions for environment in environments())


@pytest.mark.slow
def test_a_peer_that_cannot_be_installed_is_told_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path)
    broken = Environment("broken", ("not a requirement==1",))
    with pytest.raises(AbsentPeerError, match="the environment 'broken' could not be made: ERROR"):
        python_of(broken)
    around = Surroundings(tmp_path)
    assert around.python_of(broken) is None
    assert "broken" in around.absent[0]
    assert around.versions == {}


def test_two_who_want_the_same_environment_at_once_make_it_once(tmp_path, monkeypatch):
    made = []

    def make(environment, python):
        made.append(python)
        python.parent.mkdir(parents=True)
        (python.parents[1] / peers._STAMP).touch()

    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setattr(peers, "_make", make)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: peers.python_of(peers.CLEANLAB), range(4)))
    assert len(made) == len(found) == 1
