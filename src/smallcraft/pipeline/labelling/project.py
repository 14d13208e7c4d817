"""A project as labelling sees it: its campaigns, its rows, and the new rows that were asked about.

Leaves to others: planning (`pipeline.labelling.planning`), answers (`pipeline.labelling.answers`).
Always: a new row that was asked about is kept with its campaign, so that its answer finds it whatever became
of where it came from.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from smallcraft.bundle.runtime import Bundle
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.label.campaign import Campaign
from smallcraft.label.campaigns import Campaigns, Status
from smallcraft.label.vote_log import Vote
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.labelling.rows import (
    OWN,
    KeptAnswer,
    LabelTable,
    NewRows,
    gather_rows,
    require_one_class,
)
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data
from smallcraft.pipeline.stages.quality import Judged, judge_project
from smallcraft.pipeline.stages.train import open_workshop
from smallcraft.pipeline.usual_release import usual_reference
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released, write_whole

_ROWS_END = ".rows.parquet"
# No column of a file can be called that.
_KEPT = "\x00kept"


@dataclass(frozen=True)
class LabelProject:
    """What is known of a project's rows.

    Attributes:
        config: The project.
        prepared: Its splits.
        judged: Its rows, judged out of sample.
        workshop: Its rows of train, and what is needed to learn from them.
    """

    config: Config
    prepared: Prepared
    judged: Judged
    workshop: Workshop

    def table(self, new: tuple[NewRows, ...]) -> LabelTable:
        """Its rows of train, and new ones.

        Raises:
            InvalidInputError: New rows, and no release that judges them.
            DataError: A column of new rows holds something else.
        """
        bundle = released_bundle(self.config) if new else None
        return gather_rows(self.prepared, self.judged, new, bundle=bundle)


def open_label_project(config: Config, listener: Listener) -> LabelProject:
    """Read the rows and judge them.

    Raises:
        InvalidInputError: Rows have more than one label, or a number.
        DataError: The data cannot be used.
    """
    require_one_class(config.roles().task)
    prepared = prepare_data(config, listener)
    listener.stage("judging every row by a model that did not see it")
    workshop = open_workshop(config, prepared.splits, progress=listener.progress)
    judged = judge_project(config, prepared, workshop=workshop, progress=listener.progress)
    return LabelProject(config, prepared, judged, workshop)


def project_campaigns(config: Config) -> Campaigns:
    """The campaigns of a project."""
    return Campaigns(Workspace(config.folder).root / "label")


def statuses(config: Config) -> tuple[Status, ...]:
    """How far each campaign is, the oldest first."""
    campaigns = project_campaigns(config)
    return tuple(campaigns.status(one.id) for one in campaigns.all())


def released_bundle(config: Config) -> Bundle | None:
    """The project's stable release, or its newest; None before the first."""
    try:
        registry = open_registry(config.folder)
        release = registry.find(usual_reference(registry, config.folder)).release
    except (NotFoundError, InvalidInputError):
        return None
    return open_released(Workspace(config.folder), registry, release)


def heard_votes(campaigns: Campaigns, table: LabelTable, *, campaign: str | None = None) -> tuple[Vote, ...]:
    """Votes for classes that there are; one for a class that is in the data no longer says nothing today.

    Args:
        campaigns: Of the project.
        table: Its rows.
        campaign: Of which; None for all.
    """
    votes = campaigns.log.votes(campaign=campaign)
    return tuple(vote for vote in votes if vote.label in table.seen.classes)


def keep_new_rows(config: Config, campaign: Campaign, table: LabelTable) -> None:
    """Keep the rows of a campaign that stand in no file of the project.

    Args:
        config: The project.
        campaign: That asks about them.
        table: Where they are.
    """
    place = table.place
    rows = sorted(place[ask.item] for ask in campaign.asks if table.sources[place[ask.item]] != OWN)
    if not rows:
        return
    kept = [table.kept.get(table.items[row]) for row in rows]
    told = [None if one is None else asdict(one) for one in kept]
    frame = table.frame[rows].with_columns(pl.Series(_KEPT, told, dtype=_KEPT_TYPE))
    stream = io.BytesIO()
    frame.write_parquet(stream)
    write_whole(_rows_path(config, campaign.id), stream.getvalue())


def asked_rows(config: Config) -> tuple[NewRows, ...]:
    """New rows that any campaign asked about, the oldest campaign first.

    Raises:
        IntegrityError: A file of them is damaged.
    """
    found = []
    for campaign in project_campaigns(config).all():
        path = _rows_path(config, campaign.id)
        if not path.exists():
            continue
        try:
            frame = pl.read_parquet(path)
            kept = tuple(None if one is None else KeptAnswer(**one) for one in frame[_KEPT].to_list())
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise IntegrityError(f"{path} is damaged ({error}); put it back from a copy") from error
        found.append(NewRows(f"campaign {campaign.id}", frame.drop(_KEPT), kept))
    return tuple(found)


def _rows_path(config: Config, campaign: str) -> Path:
    return project_campaigns(config).folder / f"{campaign}{_ROWS_END}"


_KEPT_TYPE = pl.Struct(
    {
        **dict.fromkeys(("release", "item"), pl.String),
        "start_s": pl.Int64,
        **dict.fromkeys(("answer", "arm"), pl.String),
        "chance": pl.Float64,
    }
)
