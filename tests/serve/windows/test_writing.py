"""What was seen, noted: exact, once, and not lost when the disk refuses for a while."""

from __future__ import annotations

import logging
import stat
from collections import Counter
from dataclasses import replace

import pytest
from tests.serve.task_bundles import write_task_bundles
from tests.serve.windows.answered import numbers_told, records_told, taken
from tests.serve.windows.collected import collected, together
from tests.serve.worker_threads import numbers_answerer

from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.profiles.parts import Span
from smallcraft.data.profiles.profile import SliceName
from smallcraft.serve.answering import bundle_answerer, facts_of
from smallcraft.serve.windows import writing
from smallcraft.serve.windows.segments import Segments
from smallcraft.serve.windows.settings import WindowSettings
from smallcraft.serve.windows.writing import WindowWriter

NAME = SliceName("m@1")


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    bundle = open_bundle(write_task_bundles(tmp_path_factory.mktemp("tasks"))["mixed"])
    return bundle_answerer(bundle, facts_of(bundle, "mixed", "3"))


@pytest.fixture
def settings(tmp_path):
    return WindowSettings(tmp_path / "windows", seconds=60)


def test_what_comes_back_is_what_was_seen(settings, answerer):
    writer = WindowWriter(settings)
    told = [numbers_told(answerer, 0.5 * number, seconds=0.004) for number in range(6)]
    writer.write(60, taken(*told[:4]))
    writer.write(60, taken(*told[4:], left_out=5, failed=("m@1",)))
    writer.seal(60)
    assert stat.S_IMODE(settings.folder.stat().st_mode) == 0o700
    [(span, slices)] = collected(settings.folder).items()
    assert span == Span(60, 60)
    assert set(slices) == {NAME}
    profile, kept = slices[NAME].profile, slices[NAME].kept
    assert (profile.n, profile.left_out) == (6, 5)
    assert profile.columns["x0"].mean == 1.25
    assert profile.columns["answer/request"].as_mapping() == {"answered": 6, "failed": 1}
    labels = Counter(one.given.answered.reply.decisions.labels[0] for one in told)
    assert profile.columns["answer/class"].as_mapping() == labels
    assert profile.columns["answer/latency_ms"].mean == pytest.approx(4.0)
    assert kept.n == len(kept.rows) == 6
    assert '"x0": 2.5' in "".join(row.record for row in kept.rows)


def test_windows_are_apart_and_an_open_one_is_sealed_at_the_end(settings, answerer):
    writer = WindowWriter(settings)
    for start_s, rows in ((0, 2), (60, 3), (180, 1)):
        writer.write(start_s, taken(*[numbers_told(answerer)] * rows))
        if start_s < 180:
            writer.seal(start_s)
    assert len(list(settings.folder.glob("*.part"))) == 2
    writer.close()
    assert len(list(settings.folder.glob("*.part"))) == 3
    counts = {span.start_s: seen[NAME].profile.n for span, seen in collected(settings.folder).items()}
    assert counts == {0: 2, 60: 3, 180: 1}


def test_segments_have_windows_of_their_own_and_examples_may_be_refused(settings, mixed):
    writer = WindowWriter(replace(settings, keep_examples=False))
    segments = Segments("region", most=5)
    record = {"text": "lost my card", "amount": 3, "plan": "free"}
    told = [records_told(mixed, {**record, "region": region}, record) for region in ("north", "south")]
    writer.write(0, taken(*told, segments=segments, failed=("mixed@3",)))
    writer.close()
    slices = together(settings.folder)
    assert {name.segment: seen.profile.n for name, seen in slices.items()} == {
        "north": 1,
        "south": 1,
        "unknown": 2,
    }
    assert all(seen.kept is None for seen in slices.values())
    unknown = slices[SliceName("mixed@3", "unknown")].profile
    assert unknown.columns["answer/request"].as_mapping() == {"failed": 1}
    assert unknown.columns["message/length"].mean == 12.0


def test_while_the_disk_refuses_frames_wait_and_none_is_written_twice(settings, answerer, caplog):
    writer = WindowWriter(settings)
    settings.folder.write_text("in the way")
    with caplog.at_level(logging.ERROR, "smallcraft.serve"):
        for _ in range(3):
            writer.write(0, taken(numbers_told(answerer)))
        writer.seal(0)
    assert caplog.text.count("windows cannot be written") == 1
    assert str(settings.folder) in writer.alarm
    assert "left out" not in writer.alarm
    settings.folder.unlink()
    writer.write(60, taken(numbers_told(answerer)))
    assert writer.alarm == ""
    writer.close()
    counts = {span.start_s: seen[NAME].profile.n for span, seen in collected(settings.folder).items()}
    assert counts == {0: 3, 60: 1}


def test_what_waits_for_a_disk_is_bounded_and_what_is_lost_is_told_and_counted(
    settings, answerer, caplog, monkeypatch
):
    monkeypatch.setattr(writing, "_MOST_BYTES", 3000)
    writer = WindowWriter(settings)
    settings.folder.write_text("in the way")
    with caplog.at_level(logging.ERROR, "smallcraft.serve"):
        for turn in range(30):
            writer.write(60 * (turn // 20), taken(numbers_told(answerer), left_out=2))
    assert sum(len(payload) for _, payload in writer._unsaved) <= 3000
    assert "rows are left out of them until then" in writer.alarm
    # One record for the refusal, one for the loss.
    assert [record.message for record in caplog.records][1:] == [writer.alarm]
    settings.folder.unlink()
    writer.close()
    counts = {span.start_s: seen[NAME].profile for span, seen in collected(settings.folder).items()}
    assert {start_s: profile.came for start_s, profile in counts.items()} == {0: 60, 60: 30}
    assert counts[0].n == 0
    assert 0 < counts[60].n < 10


def test_rows_that_cannot_be_measured_cost_nobody_else_theirs(settings, answerer, caplog):
    writer = WindowWriter(settings)
    sound = numbers_told(answerer)
    interface = sound.given.interface
    spec = replace(interface.facts.spec, numbers=("x0", "x1", "answer/class", "x3"))
    facts = replace(interface.facts, version="9", spec=spec)
    odd = sound._replace(given=sound.given._replace(interface=replace(interface, facts=facts)))
    with caplog.at_level(logging.ERROR, "smallcraft.serve"):
        writer.write(0, taken(odd, sound, odd))
        writer.write(0, taken(odd))
    writer.close()
    assert {name.release: seen.profile.n for name, seen in together(settings.folder).items()} == {"m@1": 1}
    assert caplog.text.count("rows of m@9 are not watched") == 1
