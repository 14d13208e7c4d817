"""The trigger `review`: of the windows since a change began, the rows to label are picked and written.

Leaves to others: picking and the file (`observe.review`), labelling (`label`).
Always: all rows that were kept since the change began are candidates; the alarm and the seed decide the
batch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smallcraft.observe.alarms import Alarm
from smallcraft.observe.attribution import find_examples
from smallcraft.observe.review import pick_review, write_review
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.window_rows import read_windows
from smallcraft.observe.windows import EVERYTHING


def review_alarm(alarm: Alarm, store: WindowStore, *, folder: Path, settings: WatchSettings) -> str:
    """Write the batch that an alarm asks to have labelled.

    Args:
        alarm: As it stands.
        store: Of the windows.
        folder: Of the batches.
        settings: As declared.

    Returns:
        The path of the file.

    Raises:
        OSError: The disk refused.
    """
    segment = None if alarm.segment == EVERYTHING else alarm.segment
    last_s = max(alarm.last_s, alarm.opened_s)
    wanted = Wanted(release=alarm.release, segment=segment, since_s=alarm.began_s, until_s=last_s)
    candidates = find_examples(tuple(read_windows(store, wanted)))
    rng = np.random.default_rng([settings.seed, alarm.opened_s])
    batch = pick_review(candidates, size=settings.rows_for_review, rng=rng)
    return str(write_review(batch, alarm, folder))
