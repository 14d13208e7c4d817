"""A real server with windows: what was sent is what is read back, whatever is killed meanwhile."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.serve.running import Running, begin_canary, row, running, sources, until
from tests.serve.task_bundles import write_task_bundles
from tests.serve.windows.collected import collected, together

from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.data.profiles.framing import read_frames
from smallcraft.data.profiles.measuring import Measures
from smallcraft.data.profiles.packing import unpack_seen
from smallcraft.data.profiles.profile import SliceName
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.reference_bytes import write_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.serve.loading.source import source_of_folder
from smallcraft.serve.windows.embeddings import answer_and_keep
from smallcraft.serve.windows.references import reference_path
from smallcraft.serve.windows.settings import WindowSettings


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


def windows(folder: Path, **more) -> WindowSettings:
    return WindowSettings(folder / "windows", **{"seconds": 86_400, "flush_s": 0.05, **more})


def ask_rows(server: Running, firsts, **headers) -> Counter:
    """Ask one row after the other; how often each release said what."""
    said: Counter = Counter()
    for first in firsts:
        answer = server.ask(row(first), **headers)
        assert answer.status == 200
        said[answer.headers["x-release"], answer.json["outputs"][0]["data"][0]] += 1
    return said


def classes(folder: Path) -> Counter:
    """The same, read from the windows."""
    return Counter(
        {
            (name.release, label): count
            for name, seen in together(folder).items()
            for label, count in seen.profile.columns["answer/class"].as_mapping().items()
        }
    )


def noted(folder: Path, *patterns: str) -> int:
    """Rows in parts by now."""
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    payloads = [payload for path in paths for payload in read_frames(path.read_bytes()).payloads]
    return sum(seen.profile.n for payload in payloads for seen in unpack_seen(payload).values())


def until_noted(folder: Path, rows: int) -> None:
    """Wait until so many rows are in parts; for windows that nothing closes meanwhile."""
    until(lambda: noted(folder, "*.open", "*.part") == rows)


def kill_router(server: Running) -> None:
    """kill -9 of the only one; it is gone, and another one starts."""
    [victim] = server.order("status")["routers"]
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in server.order("status")["routers"])


@pytest.mark.parametrize("in_process", [False, True])
def test_what_is_read_back_is_what_was_sent(tmp_path, releases, in_process):
    settings = windows(tmp_path)
    with running(tmp_path, releases[:1], windows=settings, in_process=in_process, routers=2) as server:
        firsts = np.linspace(-2.0, 2.0, 40)
        said = ask_rows(server, firsts.tolist())
        assert server.ask(b"no JSON").status == 400
        assert server.stop() == 0
    [(name, seen)] = together(settings.folder).items()
    assert name == SliceName("m@1")
    column = seen.profile.columns["x0"]
    assert (seen.profile.n, seen.profile.left_out, column.mean) == (40, 0, pytest.approx(0.0, abs=1e-12))
    assert column.deviation == pytest.approx(firsts.std())
    assert classes(settings.folder) == said
    assert seen.profile.columns["answer/request"].as_mapping() == {"answered": 40}
    assert seen.kept.n == 40


def test_windows_are_closed_as_time_passes_and_hold_every_row_once(tmp_path, releases):
    settings = windows(tmp_path, seconds=1)
    said: Counter = Counter()
    with running(tmp_path, releases[:1], windows=settings) as server:

        def are_two_closed() -> bool:
            said.update(ask_rows(server, [0.5]))
            return len(list(settings.folder.glob("*.part"))) >= 2

        until(are_two_closed)
        server.stop()
    found = collected(settings.folder)
    assert len(found) >= 2
    assert sum(seen.profile.n for slices in found.values() for seen in slices.values()) == said.total()


def test_a_router_that_is_killed_loses_nothing_that_was_noted_and_none_counts_twice(tmp_path, releases):
    settings = windows(tmp_path)
    with running(tmp_path, releases[:1], windows=settings) as server:
        said = Counter()
        for _ in range(2):
            said += ask_rows(server, np.linspace(0.0, 1.0, 10).tolist())
            until_noted(settings.folder, said.total())
            kill_router(server)
        said += ask_rows(server, [0.5])
        server.stop()
    assert classes(settings.folder) == said


def test_after_a_kill_of_everything_the_window_goes_on(tmp_path, releases):
    settings = windows(tmp_path)
    with running(tmp_path, releases[:1], windows=settings) as server:
        said = ask_rows(server, np.linspace(0.0, 1.0, 10).tolist())
        until_noted(settings.folder, 10)
        server.kill()
        server.start()
        said += ask_rows(server, np.linspace(1.0, 2.0, 10).tolist())
        server.stop()
    assert classes(settings.folder) == said
    # Read again they are the same.
    assert classes(settings.folder) == said


def test_killed_under_load_no_more_is_missing_than_the_last_turn_and_nothing_is_there_twice(
    tmp_path, releases
):
    settings = windows(tmp_path, seconds=1)
    with running(tmp_path, releases[:1], windows=settings) as server:
        with server.load(rate=300.0) as load:
            until(lambda: len(list(settings.folder.glob("*.part"))) >= 2)
            closed = {path.name for path in settings.folder.glob("*.part")}
            before = noted(settings.folder, "*.part")
            server.kill()
            report = load.stop()
        assert closed <= {path.name for path in settings.folder.glob("*.part")}
    found = collected(settings.folder)
    rows = sum(seen.profile.n for slices in found.values() for seen in slices.values())
    # Requests under way when it was killed may have been answered to nobody.
    assert before <= rows <= report.n - report.n_failed + 2


def test_workers_that_die_or_are_replaced_cost_no_window_a_row(tmp_path, releases):
    settings = windows(tmp_path)
    with running(tmp_path, releases[:1], windows=settings) as server:
        said = ask_rows(server, [0.1, 0.2, 0.3])
        os.kill(server.worker("m@1"), signal.SIGKILL)
        said += ask_rows(server, [0.4, 0.5, 0.6])
        asked = begin_canary(server, releases[1])
        said += ask_rows(server, np.linspace(0.0, 1.0, 40).tolist())
        server.order("abort", reason="enough")
        server.stop()
    # Copies that were only compared, before the new release got its share, are not among them.
    found = classes(settings.folder)
    assert {release for release, _ in said} == {"m@1", "m@2"}
    assert found.total() == said.total() + asked
    assert all(found[key] >= count for key, count in said.items())


def test_a_disk_that_refuses_is_an_alarm_of_the_server_until_it_takes_them(tmp_path, releases):
    settings = windows(tmp_path)
    settings.folder.write_text("in the way")
    with running(tmp_path, releases[:1], windows=settings, routers=2) as server:

        def alarms() -> list[str]:
            return server.order("status")["alarms"]

        said = ask_rows(server, np.linspace(0.0, 1.0, 10).tolist())
        # Of one router or of both, it is told once.
        [alarm] = until(alarms)
        assert f"windows cannot be written to {settings.folder}" in alarm
        assert alarm in server.ask(path="/metrics").body.decode()
        settings.folder.unlink()
        said += ask_rows(server, [0.5])
        until(lambda: not alarms())
        server.stop()
    assert classes(settings.folder) == said


@pytest.mark.parametrize("in_process", [False, True])
def test_embeddings_are_measured_by_the_reference_of_the_release(tmp_path, in_process):
    path = write_task_bundles(tmp_path / "tasks")["fp32"]
    bundle, source = open_bundle(path), source_of_folder(path, "m", "1")
    texts = [f"lost my card {'again ' * number}" for number in range(8)]
    told = {"message": texts}
    kept = answer_and_keep(bundle, read_inputs(told, bundle.spec))
    rows = Rows(8, texts=told, embedding=kept.embedding)
    reference = make_reference(rows, rng=np.random.default_rng(0))
    settings = windows(tmp_path, references=tmp_path)
    reference_path(tmp_path, source.digest).write_bytes(write_reference(reference))
    with running(tmp_path, (source,), windows=settings, in_process=in_process) as server:
        for text in texts:
            assert server.ask({"text": text}, "/predict/m").status == 200
        server.stop()
    profile = together(settings.folder)[SliceName("m@1")].profile
    expected = reference.whole
    shared = [name for name in expected.columns if name.startswith("embedding/")]
    assert len(shared) > 2
    for name in shared:
        assert profile.columns[name] == expected.columns[name]
    assert reference.measures != Measures()
