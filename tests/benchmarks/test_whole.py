"""The whole run goes on where it was stopped, tells what failed, and measures nothing twice."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime, timedelta

import pytest
from benchmarks.whole import PARTS, Part, open_run, run_whole

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def touching(tmp_path, name, *, code=0):
    """A part that leaves a line in a file; `timeit` is a module that runs what it is given."""
    end = f"; 1 / {0 if code else 1}"
    program = f"open({str(tmp_path / 'ran')!r}, 'a').write({name + chr(10)!r}){end}"
    return Part(name, ("timeit", "-n1", "-r1", program))


def ran(tmp_path):
    return (tmp_path / "ran").read_text().split()


def test_a_part_that_failed_is_told_does_not_stop_the_others_and_alone_is_tried_again(tmp_path):
    said = []
    parts = [touching(tmp_path, "a"), touching(tmp_path, "b", code=1), touching(tmp_path, "c")]
    path = tmp_path / "run.json"
    assert not run_whole(parts, path=path, say=said.append)
    assert ran(tmp_path) == ["a", "b", "c"]
    assert said[-1] == "not measured: b; the same command tries these again"
    assert any(line.startswith("[2/3] b: failed (1)") for line in said)
    mended = [parts[0], touching(tmp_path, "b"), parts[2]]
    assert run_whole(mended, path=path, say=said.append)
    assert ran(tmp_path) == ["a", "b", "c", "b"]
    assert not path.exists(), "a run that is over is forgotten"


def test_a_new_run_measures_everything_again_and_so_does_one_that_is_to_begin_anew(tmp_path):
    parts, path = [touching(tmp_path, "a"), touching(tmp_path, "b", code=1)], tmp_path / "run.json"
    run_whole(parts, path=path, say=lambda _: None)
    run_whole(parts, path=path, is_anew=True, say=lambda _: None)
    assert ran(tmp_path) == ["a", "b", "a", "b"]


def test_a_run_that_was_stopped_a_day_ago_is_not_gone_on_with(tmp_path):
    path = tmp_path / "run.json"
    run = open_run(path, now=NOW, is_anew=False)
    run.note("a", 12.34)
    assert json.loads(path.read_text())["finished"] == {"a": 12.3}
    assert open_run(path, now=NOW + timedelta(hours=23), is_anew=False).finished == {"a": 12.3}
    assert open_run(path, now=NOW + timedelta(hours=25), is_anew=False).finished == {}


def test_parts_are_different_and_name_modules_that_exist():
    assert len({part.name for part in PARTS}) == len(PARTS)
    for module in {part.arguments[0] for part in PARTS}:
        assert importlib.util.find_spec(f"{module}.__main__"), module


@pytest.mark.parametrize("part", [part for part in PARTS if part.go_on], ids=lambda part: part.name)
def test_what_would_come_out_the_same_is_left_out_unless_asked_for_anew(part):
    assert part.command(is_anew=False)[-1] == "--go-on"
    assert "--go-on" not in part.command(is_anew=True)
