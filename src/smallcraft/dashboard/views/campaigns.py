"""Label: campaigns, how far each is, and what those that were measured bought.

Leaves to others: asking (`dashboard.views.labelling`), planning a campaign (`pipeline.labelling.planning`).
"""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources, read_part
from smallcraft.label.campaigns import Status


@dataclass(frozen=True)
class CampaignsView:
    """What stands on the page.

    Attributes:
        campaigns: Newest first, each with what it bought in a sentence; empty where that was not measured.
    """

    campaigns: tuple[tuple[Status, str], ...]


def read(sources: Sources, asked: Asked) -> CampaignsView:
    """The page.

    Raises:
        IntegrityError: A campaign or the vote log was changed.
    """
    del asked
    stamp = sources.label_stamp() + sources.registry_stamp()
    return sources.remember("campaigns", stamp, lambda: _read(sources))


def _read(sources: Sources) -> CampaignsView:
    campaigns = sources.campaigns()
    found = [campaigns.status(one.id) for one in campaigns.all()]
    return CampaignsView(tuple((one, bought_by(sources, one.campaign.id)) for one in reversed(found)))


def bought_by(sources: Sources, campaign: str) -> str:
    """What the registry's log says that a campaign bought; empty where it says nothing."""
    story = read_part(sources.story).value
    if story is None:
        return ""
    events = [*story.before, *(event for line in story.lines for event in line.events)]
    found = [event for event in events if f"campaign {campaign} " in event]
    return found[-1] if found else ""
