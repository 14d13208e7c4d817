"""What was serving at a time: from the rollouts' receipts where there are some, and what each alias meant.

Leaves to others: reading receipts (`dashboard.rollout_book`), aliases (`registry.telling`).
Always: an answer names the receipt it rests on; where no receipt is that old, nothing is said of traffic.
Not covered: whether a server ran then; receipts say how traffic was to be split, the log what names meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from smallcraft.dashboard.rollout_book import read_book
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.registry.references import whole_time
from smallcraft.registry.telling import aliases_at
from smallcraft.serve.rollout.receipts import Receipt


@dataclass(frozen=True)
class SharedOut:
    """How one model's traffic was split.

    Attributes:
        model: Its name.
        shares: Label and share, stable first; a release without a share is left out.
        rollout: Its id.
        receipt: `ROLLOUT/NUMBER` of the last receipt up to then.
        at: Of that receipt.
        cause: What it says.
    """

    model: str
    shares: tuple[tuple[str, float], ...]
    rollout: str
    receipt: str
    at: str
    cause: str


@dataclass(frozen=True)
class ServedWhen:
    """The answer.

    Attributes:
        time: That was asked about, to the second, in UTC.
        traffic: By receipts, a model each.
        traffic_problem: Why receipts cannot be read; empty where they can.
        aliases: `helpdesk@stable` to `helpdesk@3`, by the log.
    """

    time: str
    traffic: tuple[SharedOut, ...]
    traffic_problem: str
    aliases: Mapping[str, str]


def served_when(sources: Sources, time: str) -> ServedWhen:
    """What was serving.

    Args:
        sources: The project.
        time: RFC 3339 in UTC; a day or a minute alone means its end.

    Raises:
        InvalidInputError: That is no time.
        NotFoundError: Nothing was released yet.
    """
    whole = whole_time(time)
    book: Part[Mapping[str, Sequence[Receipt]]] = read_part(lambda: read_book(sources))
    traffic = () if book.value is None else split_at(book.value, whole)
    problem = "" if book.is_there or book.is_absent else book.problem
    return ServedWhen(whole, traffic, problem, aliases_at(sources.registry(), whole))


def split_at(book: Mapping[str, Sequence[Receipt]], time: str) -> tuple[SharedOut, ...]:
    """How traffic was split at a time, by the last receipt of each model up to then.

    Args:
        book: Receipts of each model, in any order.
        time: RFC 3339 in UTC.
    """
    moment = datetime.fromisoformat(time)
    found = []
    for model, receipts in sorted(book.items()):
        before = [one for one in receipts if _at(one) <= moment]
        if before:
            found.append(_shared_out(model, max(before, key=lambda one: (_at(one), one.number))))
    return tuple(found)


def _at(receipt: Receipt) -> datetime:
    # A time asked for to the second means all of it.
    return datetime.fromisoformat(str(receipt.form["at"])).replace(microsecond=0)


def _shared_out(model: str, receipt: Receipt) -> SharedOut:
    weight = float(receipt.form["to"]["weight"])
    stable, canary = (str(receipt.form["state"][arm]["label"]) for arm in ("stable", "canary"))
    shares = tuple((label, share) for label, share in ((stable, 1 - weight), (canary, weight)) if share > 0)
    name = f"{receipt.rollout}/{receipt.number}"
    return SharedOut(model, shares, receipt.rollout, name, str(receipt.form["at"]), receipt.cause)
