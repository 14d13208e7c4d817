"""The campaigns of a project on disk: a file each, and one log of votes.

Always: a file appears whole or not at all; what was answered for survives a crash; several campaigns stand
side by side, and a row that an open one asks about is not asked by the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError, nearest_name
from smallcraft.label.campaign import Campaign, State, encode_campaign, parse_campaign
from smallcraft.label.vote_log import VoteLog

_END = ".campaign.json"


@dataclass(frozen=True)
class Status:
    """How far a campaign is: votes that were asked for, came in, by how many people."""

    campaign: Campaign
    votes: int
    annotators: int
    rows_answered: int


@dataclass(frozen=True)
class Campaigns:
    """All campaigns in a folder, which need not be there yet."""

    folder: Path

    @property
    def log(self) -> VoteLog:
        """The votes of all of them."""
        return VoteLog(self.folder / "votes.jsonl")

    def add(self, campaign: Campaign) -> None:
        """Keep a new campaign; the same one again changes nothing.

        Raises:
            InvalidInputError: It is there, and further on.
        """
        path = self._path(campaign.id)
        if path.exists() and self.find(campaign.id) != campaign:
            raise InvalidInputError(
                f"campaign {campaign.id} is there already and is {self.find(campaign.id).state}; go on with "
                "that one"
            )
        self._write(campaign)

    def find(self, campaign_id: str) -> Campaign:
        """One campaign.

        Raises:
            NotFoundError: There is none of that id.
            IntegrityError: Its file was changed.
        """
        path = self._path(campaign_id)
        if not path.is_file():
            known = self._ids()
            listed = ", ".join(known) or "none yet"
            raise NotFoundError(
                f"there is no campaign '{campaign_id}'; there are: {listed}{nearest_name(campaign_id, known)}"
            )
        return parse_campaign(path.read_bytes(), source=str(path))

    def all(self) -> tuple[Campaign, ...]:
        """Every campaign, the oldest first."""
        return tuple(sorted(map(self.find, self._ids()), key=lambda one: (one.created, one.id)))

    def move(self, campaign_id: str, state: State, *, note: str = "") -> Campaign:
        """Bring a campaign into another state.

        Raises:
            InvalidInputError: That state does not follow.
            NotFoundError: There is none of that id.
        """
        moved = self.find(campaign_id).moved(state, note=note)
        self._write(moved)
        return moved

    def asked_items(self) -> frozenset[str]:
        """Rows of campaigns that still wait for votes, or were asked and answered."""
        waiting = {
            ask.item for one in self.all() if one.state == "open" for ask in one.asks if ask.arm != "gold"
        }
        return frozenset(waiting | {vote.item for vote in self.log.votes() if vote.arm != "gold"})

    def status(self, campaign_id: str) -> Status:
        """How far one is.

        Raises:
            NotFoundError: There is none of that id.
        """
        campaign, votes = self.find(campaign_id), self.log.votes(campaign=campaign_id)
        return Status(campaign, len(votes), len({v.annotator for v in votes}), len({v.item for v in votes}))

    def _ids(self) -> list[str]:
        found: Iterable[Path] = self.folder.glob(f"*{_END}") if self.folder.is_dir() else ()
        return sorted(path.name.removesuffix(_END) for path in found)

    def _path(self, campaign_id: str) -> Path:
        if not campaign_id.isalnum():
            raise NotFoundError(
                f"a campaign's id is letters and digits, got '{campaign_id}'; see `smallcraft label status`"
            )
        return self.folder / f"{campaign_id}{_END}"

    def _write(self, campaign: Campaign) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(campaign.id)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with fresh.open("wb") as stream:
                stream.write(encode_campaign(campaign))
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
