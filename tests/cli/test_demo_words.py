from __future__ import annotations

from smallcraft.cli.demo_words import Stages, tell


def test_a_long_sentence_is_wrapped_and_goes_on_further_in(capsys):
    tell("word " * 60, indent=4)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("    word")
    assert others
    assert all(line.startswith("      word") for line in others)
    assert max(map(len, [first, *others])) <= 110


def test_what_cannot_be_broken_stays_whole(capsys):
    tell("sha256:" + "0" * 150)
    assert "sha256:" + "0" * 150 in capsys.readouterr().out


def test_every_stage_is_said_and_a_long_step_not_at_once(capsys):
    stages = Stages()
    stages.stage("reading rows")
    stages.progress("fitting", 0.5)
    assert capsys.readouterr().out.splitlines() == ["  ... reading rows"]
