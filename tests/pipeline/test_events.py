from __future__ import annotations

import inspect

import pytest
from tests.pipeline.builds import make_build, make_checks

from smallcraft.cli.views import LiveView, PlainView
from smallcraft.pipeline.events import Listener, SilentListener

EVENTS = [name for name, _ in inspect.getmembers(Listener, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("listener", [SilentListener, PlainView, LiveView])
@pytest.mark.parametrize("event", EVENTS)
def test_every_listener_hears_every_event_with_the_same_arguments(listener, event):
    wanted = inspect.signature(getattr(Listener, event)).parameters
    assert list(inspect.signature(getattr(listener, event)).parameters) == list(wanted)


def test_a_silent_listener_prints_nothing(capsys):
    build, listener = make_build(), SilentListener()
    events = {
        "stage": ["reading"],
        "checked": [make_checks()[0]],
        "climbing": [("majority",)],
        "progress": ["encoding", 0.5],
        "candidate": [build.candidates[0]],
        "decided": [build.decision],
        "judged": [build.verdicts[0]],
        "note": ["a note"],
    }
    assert sorted(events) == sorted(EVENTS)
    for name, arguments in events.items():
        getattr(listener, name)(*arguments)
    assert capsys.readouterr() == ("", "")
