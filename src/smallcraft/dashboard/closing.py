"""Closes an alarm for whoever is signed in, as `smallcraft watch close` does.

Always: one change at a time; an alarm that was closed meanwhile is told, not closed again.
"""

from __future__ import annotations

import threading
from urllib.parse import quote

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import InvalidInputError

_lock = threading.Lock()


def close_alarm(sources: Sources, asked: Asked) -> str:
    """Close the alarm in the path, with the form's `ending`, `note` and `by`; leads back to its page.

    Raises:
        InvalidInputError: A field is missing or says something else, or the alarm is closed already.
        NotFoundError: There is no such alarm.
    """
    from smallcraft.observe.alarms import Ending
    from smallcraft.pipeline.watching.watch import ProjectWatch

    alarm, note, by = asked.path["alarm"], asked.word("note"), asked.word("by")
    if asked.word("ending") not in {ending.value for ending in Ending}:
        wanted = ", ".join(ending.value for ending in Ending)
        raise InvalidInputError(
            f"an alarm ends as one of {wanted}, got '{asked.word('ending')[:40]}'; choose one"
        )
    for name, value in (("why", note), ("who closes it", by)):
        if not value:
            raise InvalidInputError(f"an alarm is closed with a reason and a name, got no {name}; fill it in")
    with _lock, ProjectWatch(sources.project, state=sources.state) as watching:
        found = watching.journal.alarm(alarm)
        watching.close_alarm(found, by=by, because=note, ending=Ending(asked.word("ending")))
    return f"/drift/{quote(alarm)}"
