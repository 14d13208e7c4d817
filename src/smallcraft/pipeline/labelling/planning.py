"""`smallcraft label next`: rows of train that look wrong, and new ones, become a campaign and its files.

An alarm's batch is asked about as it was drawn; everything else is ranked by what an answer is worth, rows
that a gate lacks first.
Leaves to others: ranking and the batch (`label`), where rows come from (`pipeline.labelling.sources`).
Always: a campaign is kept only after its files are there; a row that was asked about is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.failures.conditions import list_conditions
from smallcraft.label.batch import Ask, Batch
from smallcraft.label.campaign import Campaign, start_campaign
from smallcraft.label.importing import find_format
from smallcraft.label.proposing import propose_campaign
from smallcraft.label.sheets import Format
from smallcraft.label.slices import SliceSearch, find_slices
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.store import WindowStore
from smallcraft.pipeline.columns import bundle_rows, input_spec
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.labelling.items import inputs_of
from smallcraft.pipeline.labelling.knowledge import committee_of, gather_knowledge, vectors_of
from smallcraft.pipeline.labelling.project import (
    LabelProject,
    asked_rows,
    keep_new_rows,
    open_label_project,
    project_campaigns,
)
from smallcraft.pipeline.labelling.rows import LabelTable, NewRows
from smallcraft.pipeline.labelling.sources import (
    new_rows_in,
    rows_of_alarm,
    rows_of_pool,
    undecided_slices,
    withheld_rows,
)
from smallcraft.pipeline.labelling.version import FOLDER
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.pipeline.workspace import write_whole

Gaps = Mapping[str, NDArray[np.int64]]
# What takes time to make is made for those that look at it.
_NEED_VECTORS, _NEED_A_COMMITTEE = ("coverage_first",), ("disagreement",)


@dataclass(frozen=True)
class LabelPlan:
    """What a person asked for.

    Attributes:
        amount: What it may cost; None for what `[label]` says.
        strategy: Of the targeted arm; None for what `[label]` says.
        format_name: Of the files; None for what `[label]` says.
        alarm: Ask about its batch alone; None for doubted labels and all new rows.
    """

    amount: float | None = None
    strategy: str | None = None
    format_name: str | None = None
    alarm: Alarm | None = None


@dataclass(frozen=True)
class Proposed:
    """A campaign that is open, and the files to hand out.

    Attributes:
        campaign: What is asked.
        files: To hand to people, the one to open first.
        slices: In which errors are more frequent, as verified; None where none were looked for.
        gaps: Slice whose gate lacks rows, to how many rows without a label are of it.
    """

    campaign: Campaign
    files: tuple[Path, ...]
    slices: SliceSearch | None = None
    gaps: Mapping[str, int] = field(default_factory=dict)


def propose(config: Config, plan: LabelPlan, *, now: datetime, listener: Listener | None = None) -> Proposed:
    """The next campaign of a project, and its files in `labels/`.

    Args:
        config: The project.
        plan: What is asked for.
        now: When.
        listener: Told as things happen.

    Raises:
        DataError: The data cannot be used.
        InvalidInputError: The budget pays for nothing, or nothing is left to ask.
        NotFoundError: The alarm has no batch.
    """
    form = find_format(plan.format_name or config.label.format)
    places = WatchPlaces(config.folder)
    batch = None
    if plan.alarm is not None:
        batch = rows_of_alarm(plan.alarm, config.roles(), folder=places.reviews)
    project = open_label_project(config, listener or SilentListener())
    if batch is not None:
        table = project.table((batch,))
        with project_campaigns(config).log.locked():
            campaign = _campaign_of_alarm(project, plan, table, batch.source, now=now)
            return Proposed(campaign, _keep(config, campaign, table, form))
    table = project.table(_new_rows(config))
    slices = _slices(project, table)
    gaps = {name: new_rows_in(table, name) for name in undecided_slices(config)}
    with project_campaigns(config).log.locked():
        campaign = _campaign(project, plan, table, slices=slices, gaps=gaps, now=now)
        files = _keep(config, campaign, table, form)
    return Proposed(campaign, files, slices, {name: len(rows) for name, rows in gaps.items()})


def _new_rows(config: Config) -> tuple[NewRows, ...]:
    """Everything without a label that is worth a look; rows asked about before keep their place."""
    store = WindowStore(WatchPlaces(config.folder).store)
    found = (*asked_rows(config), rows_of_pool(config), withheld_rows(store, config.roles()))
    return tuple(rows for rows in found if rows is not None)


def _keep(config: Config, campaign: Campaign, table: LabelTable, form: Format) -> tuple[Path, ...]:
    """The files to hand out, then the rows that stand nowhere else, then the campaign."""
    paths = []
    for file in form.write(campaign.sheet(table.texts())):
        paths.append(config.folder / FOLDER / f"{campaign.id}{file.suffix}")
        write_whole(paths[-1], file.data)
    keep_new_rows(config, campaign, table)
    project_campaigns(config).add(campaign)
    return tuple(paths)


def _campaign(
    project: LabelProject,
    plan: LabelPlan,
    table: LabelTable,
    *,
    slices: SliceSearch | None,
    gaps: Gaps,
    now: datetime,
) -> Campaign:
    config = project.config
    strategy = plan.strategy or config.label.strategy
    told = gather_knowledge(project, table, slices=slices, gaps=gaps)
    known = replace(
        told.knowledge,
        vectors=vectors_of(project, table) if strategy in _NEED_VECTORS else None,
        committee=committee_of(project, table) if strategy in _NEED_A_COMMITTEE else None,
    )
    return propose_campaign(
        table.items,
        told.seen,
        known,
        budget=config.label.planned(plan.amount),
        created=now.isoformat(),
        seed=config.seed + len(project_campaigns(config).all()),
        strategy=strategy,
        shares=config.label.shares,
        guideline=config.label.guideline,
        data=project.prepared.table.ref.digest,
        model=project.judged.about,
        sources=tuple(dict.fromkeys((*table.sources, *(f"gate {name}" for name in gaps)))),
    ).campaign


def _campaign_of_alarm(
    project: LabelProject, plan: LabelPlan, table: LabelTable, source: str, *, now: datetime
) -> Campaign:
    """The batch of an alarm in the order in which it was drawn, its arms and chances with it."""
    config, asked = project.config, project_campaigns(project.config).asked_items()
    budget = config.label.planned(plan.amount)
    price = budget.of_vote("label")
    left = [row for row, item in enumerate(table.items) if table.sources[row] == source and item not in asked]
    rows = left[: int(budget.amount / price + 1e-9)]
    if not left:
        raise InvalidInputError(
            f"no row of {source} is left to ask about: all were asked, or stand in the data already; "
            "add rows there, or import the answers that are due"
        )
    if not rows:
        raise InvalidInputError(
            f"a budget pays for one row at least ({price:g} {budget.unit}), got {budget.amount:g}; raise it"
        )
    asks = tuple(_ask_of_alarm(table, row, share=len(rows) / len(left)) for row in rows)
    return start_campaign(
        Batch(asks, price * len(asks)),
        classes=table.seen.classes,
        budget=budget,
        strategy="alarm",
        created=now.isoformat(),
        seed=config.seed,
        guideline=config.label.guideline,
        data=project.prepared.table.ref.digest,
        model=table.kept[table.items[rows[0]]].release,
        sources=(source,),
    )


def _ask_of_alarm(table: LabelTable, row: int, *, share: float) -> Ask:
    """Blind: what was answered in production is not shown, so that its losses are judged fairly."""
    kept = table.kept[table.items[row]]
    is_random = kept.arm == "random"
    return Ask(
        item=table.items[row],
        row=row,
        action="label",
        arm="random" if is_random else "targeted",
        strategy="alarm",
        votes=1,
        chance=kept.chance * share if is_random else 1.0,
        priority=0.0,
        slice=kept.arm,
        given=None,
        suggestion=None,
        confidence=None,
    )


def _slices(project: LabelProject, table: LabelTable) -> SliceSearch | None:
    """Where errors are more frequent on dev, named on the rows to ask about."""
    roles, seen = project.prepared.table.roles, project.judged.predictions.get("dev")
    if seen is None or not len(seen.truth):
        return None
    both = pl.concat([inputs_of(project.prepared, "dev"), table.frame.select(roles.inputs)])
    spec = input_spec(both, roles)
    conditions = list_conditions(
        bundle_rows(both, spec, source="dev and the rows to ask about"),
        spec,
        predicted=[seen.classes[code] for code in (*seen.predicted.tolist(), *table.seen.predicted.tolist())],
        groups={},
    )
    rng = np.random.default_rng([project.config.seed, 12])
    return find_slices(seen.predicted != seen.truth, conditions, clusters=seen.clusters, rng=rng)
