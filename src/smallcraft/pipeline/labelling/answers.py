"""`smallcraft label import` and `measure`: votes become labels, the next data, losses of alarms, an outcome.

1. answers go into the vote log, all or none
2. all votes are merged with the labels given
3. the next version of the data is written
4. answers to rows of an alarm are losses of the release that had answered them (`pipeline.labelling.losses`)
5. what a round bought is measured on dev, and goes into the experiment memory

Leaves to others: merging and measuring (`label`), the data's files (`pipeline.labelling.version`).
Always: importing again changes nothing, and goes on where an import was cut short; what was bought is
measured on rows that nobody was asked about, from the labels that stood there when the round began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.label.campaign import Campaign
from smallcraft.label.campaigns import Campaigns
from smallcraft.label.concluding import Conclusion, Plans, Trial, conclude_campaign
from smallcraft.label.importing import Imported, import_answers
from smallcraft.label.merging import GoldRecord, GuidelineGap, Merged, guideline_gaps, merge_votes
from smallcraft.label.outcome import encode_outcome
from smallcraft.label.stopping import NextBatch
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.labelling.losses import Losses, losses_of
from smallcraft.pipeline.labelling.placing import blind_items
from smallcraft.pipeline.labelling.project import (
    asked_rows,
    heard_votes,
    open_label_project,
    project_campaigns,
)
from smallcraft.pipeline.labelling.trainer import DevTrainer
from smallcraft.pipeline.labelling.truth import gold_of, labels_before
from smallcraft.pipeline.labelling.version import DataVersion, write_data_version
from smallcraft.pipeline.stages.record import project_registry
from smallcraft.pipeline.version_control import keep_checkpoint

NO_IMPORT = Imported(0, 0, 0, 0, ())


@dataclass(frozen=True)
class AnswersTaken:
    """What came of an import.

    Attributes:
        imported: Votes that are new.
        merged: Labels after all votes.
        version: The data as they are after all votes; None where the data say so already.
        people: How each did on rows that others had settled.
        gaps: Pairs of classes that people do not tell apart.
        losses: Release to losses of its answers that were kept, for its watcher.
        unheard: Rows that people answered for, of which nothing is heard: they stand in train no longer, or
            their class is in the data no longer.
    """

    imported: Imported
    merged: Merged
    version: DataVersion | None
    people: tuple[GoldRecord, ...]
    gaps: tuple[GuidelineGap, ...]
    losses: Losses
    unheard: int


def take_answers(
    config: Config,
    file: Path,
    *,
    format_name: str | None = None,
    campaign: str | None = None,
    revise: bool = False,
    now: datetime,
    listener: Listener | None = None,
) -> AnswersTaken:
    """Import a file of answers, merge all votes, and write the next version of the data.

    Args:
        config: The project.
        file: An export of a labelling tool.
        format_name: Of it; None for what `[label]` says.
        campaign: Its id, for files that do not say it.
        revise: Let changed answers count.
        now: When.
        listener: Told as things happen.

    Raises:
        NotFoundError: There is no such file.
        DataError: The file is refused; nothing was imported.
    """
    campaigns = project_campaigns(config)
    imported = import_answers(  # (1)
        campaigns,
        _bytes_of(file),
        format_name=format_name or config.label.format,
        source=file.name,
        time=now.isoformat(),
        campaign=campaign,
        revise=revise,
    )
    return settle_votes(config, imported, now=now, listener=listener)


def settle_votes(
    config: Config,
    imported: Imported = NO_IMPORT,
    *,
    now: datetime,
    listener: Listener | None = None,
) -> AnswersTaken:
    """Merge all votes of the log, however they came in, and write the next version of the data.

    Args:
        config: The project.
        imported: What was imported just before.
        now: When.
        listener: Told as things happen.

    Raises:
        DataError: The data cannot be used.
    """
    campaigns = project_campaigns(config)
    project = open_label_project(config, listener or SilentListener())
    table = project.table(asked_rows(config))
    votes = heard_votes(campaigns, table)
    merged = merge_votes(  # (2)
        table.items, table.seen.truth, votes, classes=table.seen.classes, model=table.seen, seed=config.seed
    )
    named = ", ".join(sorted({vote.campaign for vote in votes}))
    with campaigns.log.locked():
        version = write_data_version(  # (3)
            config,
            table,
            merged,
            prepared=project.prepared,
            blind=blind_items(campaigns.all()),
            campaign=named,
            now=now,
        )
    heard = {vote.item for vote in votes} & {*table.items}
    return AnswersTaken(
        imported,
        merged,
        version,
        gold_of(votes),
        guideline_gaps(votes),
        losses_of(table, merged),  # (4)
        len({vote.item for vote in campaigns.log.votes()} - heard),
    )


def measure(
    config: Config,
    campaign_id: str | None = None,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    now: datetime,
    listener: Listener | None = None,
) -> Conclusion:
    """What a campaign bought, by dev; kept in the experiment memory.

    Args:
        config: The project.
        campaign_id: With answers; None for the newest one that has some.
        seeds: One or more, used with and without the batch.
        now: When.
        listener: Told as things happen.

    Raises:
        NotFoundError: There is no such campaign.
        InvalidInputError: It has no answers yet.
    """
    listener, campaigns = listener or SilentListener(), project_campaigns(config)
    campaign = _answered_campaign(campaigns, campaign_id)
    project = open_label_project(config, listener)
    table = project.table(asked_rows(config))
    before = labels_before(table, (campaign,))
    trainer = DevTrainer(project, table, listener=listener)
    done = conclude_campaign(
        campaign,
        heard_votes(campaigns, table, campaign=campaign.id),
        items=table.items,
        given=before,
        model=replace(table.seen, truth=before),
        votes_head=campaigns.log.head(),
        trial=Trial(trainer, trainer.truth, seeds=seeds),
        plans=_plans(config, campaign),
    )
    registry = project_registry(config)  # (5)
    registry.record_trials(config.name, [encode_outcome(done.outcome)], now=now)
    keep_checkpoint(config.folder, registry.log())
    campaigns.move(campaign.id, "measured")
    return done


def _answered_campaign(campaigns: Campaigns, campaign_id: str | None) -> Campaign:
    answered = {vote.campaign for vote in campaigns.log.votes()}
    if campaign_id is not None and campaigns.find(campaign_id).id not in answered:
        raise InvalidInputError(
            f"campaign {campaign_id} has no answers yet; import some with `smallcraft label import FILE`"
        )
    found = [one for one in campaigns.all() if one.id in answered and campaign_id in {None, one.id}]
    if not found:
        raise InvalidInputError(
            "no campaign has answers yet; import some with `smallcraft label import FILE`"
        )
    return found[-1]


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {file}; export the answers and name that file") from error
    except OSError as error:
        raise InvalidInputError(
            f"{file} cannot be read ({error.strerror}); name the file that the labelling tool exported"
        ) from error


def _plans(config: Config, campaign: Campaign) -> Plans | None:
    """Another batch like this one; None where `[label]` does not say what a point is worth."""
    if config.label.worth is None:
        return None
    return Plans(NextBatch(campaign.cost, 1.0), config.label.worth)
