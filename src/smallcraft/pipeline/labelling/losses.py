"""Answers about kept rows are losses of the release that had answered them: does an alarm's change do harm?

Leaves to others: what losses say (`observe`), which rows were kept (`pipeline.labelling.rows`).
Always: only rows that were drawn blindly count, the others were picked because they looked bad; a loss
that was taken in before counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.label.merging import Merged
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.group_risk import Labelled
from smallcraft.pipeline.labelling.rows import LabelTable
from smallcraft.pipeline.watching.watch import ProjectWatch

Losses = Mapping[str, tuple[Labelled, ...]]
_BLIND = "random"


@dataclass(frozen=True)
class Weighed:
    """What losses led to.

    Attributes:
        raised: Alarms that they raised.
        judged: Alarms of the same releases that are open, with what is known of harm now.
        refused: Release to the reason that its losses cannot be weighed.
    """

    raised: tuple[Alarm, ...] = ()
    judged: tuple[Alarm, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def losses_of(table: LabelTable, merged: Merged) -> Losses:
    """Release to losses of its kept answers, where people have said the label.

    Args:
        table: With the answers that new rows got in production.
        merged: What people said.
    """
    found: dict[str, list[Labelled]] = {}
    place = table.place
    for item, kept in table.kept.items():
        row = place[item]
        code = int(merged.label[row])
        if kept.arm != _BLIND or kept.answer is None or code < 0 or not merged.voted[row]:
            continue
        loss = float(table.seen.classes[code] != kept.answer)
        found.setdefault(kept.release, []).append(Labelled(kept.item, kept.start_s, loss))
    return {release: tuple(rows) for release, rows in found.items()}


def weigh_losses(project: Path, losses: Losses) -> Weighed:
    """Give losses to the watchers of the releases that had answered.

    Args:
        project: Its folder, or the project file.
        losses: Of each release.

    Raises:
        IntegrityError: What is kept of watching is damaged.
    """
    if not losses:
        return Weighed()
    raised: list[Alarm] = []
    refused: dict[str, str] = {}
    with ProjectWatch(project) as watching:
        for release, rows in losses.items():
            try:
                raised += watching.take_labels(release, rows).raised
            except (NotFoundError, InvalidInputError) as error:
                refused[release] = str(error)
        new = {alarm.id for alarm in raised}
        judged = [
            alarm
            for alarm in watching.journal.alarms()
            if alarm.closing is None and alarm.release in {*losses} - {*refused} and alarm.id not in new
        ]
    return Weighed(tuple(raised), tuple(judged), refused)
