"""Experiments: every candidate ever tried with delta, rationale and outcome, filtered and sorted by links.

Leaves to others: reading them (`dashboard.tries`), the chart (`dashboard.scatter`).
Always: what a filter leaves out is counted; equal questions give equal pages, so a link can be sent on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.charts import Picture
from smallcraft.dashboard.scatter import Dot, draw_dots
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.tries import Tries, Try, read_tries
from smallcraft.pipeline.report_parts.wording import printable, three_figures
from smallcraft.registry.memory.evidence import Figure
from smallcraft.registry.memory.rounds import LabelRound

ON_A_PAGE = 50
MOST_DRAWN = 300
NOT_RELEASED = "none"
OUTCOMES = {
    "released": "good",
    "lost": "",
    "failed": "bad",
    "undecided": "open",
    "crashed": "bad",
    "skipped": "open",
    "stopped": "open",
}
_KINDS = {"released": "released", "failed": "kept back by a gate", "undecided": "kept back by a gate"}
Key = Callable[[Try], tuple[bool, float | str]]


@dataclass(frozen=True)
class Asking:
    """What was asked for.

    Attributes:
        rung: Of candidates; empty for any.
        outcome: One of `OUTCOMES`; empty for any.
        release: Label of what the build released, `none` for builds that released nothing, empty for any.
        words: That name, reason or release hold, all of them.
        sort: `when`, `rung`, `quality`, `cost` or `size`; with a minus in front the other way round.
    """

    rung: str = ""
    outcome: str = ""
    release: str = ""
    words: str = ""
    sort: str = "when"

    @property
    def query(self) -> dict[str, str]:
        """As it stands in a link; what is usual is left out."""
        told = {"rung": self.rung, "outcome": self.outcome, "release": self.release, "q": self.words}
        return told | {"sort": "" if self.sort == "when" else self.sort}

    def sorted_by(self, column: str) -> dict[str, str]:
        """The query of the link above a column: the same once more turns it round.

        >>> Asking(sort="cost").sorted_by("cost")["sort"], Asking().sorted_by("cost")["sort"]
        ('-cost', 'cost')
        """
        return self.query | {"sort": f"-{column}" if self.sort == column else column}

    def mark(self, column: str) -> str:
        """`ascending` or `descending` where the list is sorted by this column."""
        if self.sort.removeprefix("-") != column:
            return "none"
        is_turned = self.sort.startswith("-")
        return "ascending" if is_turned == (column in _HIGHEST_FIRST) else "descending"


@dataclass(frozen=True)
class Found:
    """The list.

    Attributes:
        shown: Of this page.
        found: How many match.
        total: How many there are.
        page: Number of the page, from 1.
        pages: At least 1.
        rungs: That were ever tried.
        outcomes: That came.
        releases: Labels, newest first.
        picture: Quality against cost of those that match.
        drawn: The same as numbers.
        rounds: Of labelling, newest first.
        problems: What could not be read.
    """

    shown: tuple[Try, ...]
    found: int
    total: int
    page: int
    pages: int
    rungs: tuple[str, ...]
    outcomes: tuple[str, ...]
    releases: tuple[str, ...]
    picture: Picture | None
    drawn: tuple[Try, ...]
    rounds: tuple[tuple[str, LabelRound], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class ExperimentsView:
    """What stands on the page."""

    asking: Asking
    list: Part[Found]


def read(sources: Sources, asked: Asked) -> ExperimentsView:
    """The page."""
    sort = asked.word("sort")
    asking = Asking(
        asked.word("rung"),
        asked.word("outcome"),
        asked.word("release"),
        asked.word("q"),
        sort if sort.removeprefix("-") in _KEYS else "when",
    )
    page = asked.number("page", 1)
    return ExperimentsView(asking, read_part(lambda: find(read_tries(sources), asking, page=page)))


def find(every: Tries, asking: Asking, *, page: int = 1) -> Found:
    """Those that match, in order, a page of them."""
    matching = order([one for one in every.tries if _matches(one, asking)], asking.sort)
    pages = max(1, -(-len(matching) // ON_A_PAGE))
    page = min(page, pages)
    drawn = _drawable(matching)
    rounds = tuple(one for one in every.rounds if _holds(one[1].sentence, asking.words))
    return Found(
        shown=tuple(matching[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]),
        found=len(matching),
        total=len(every.tries),
        page=page,
        pages=pages,
        rungs=tuple(sorted({one.rung for one in every.tries})),
        outcomes=tuple(name for name in OUTCOMES if any(one.outcome == name for one in every.tries)),
        releases=tuple(dict.fromkeys(one.release for one in every.tries if one.release)),
        picture=_draw(drawn, len(matching)),
        drawn=drawn,
        rounds=rounds,
        problems=every.problems,
    )


def order(tries: Sequence[Try], sort: str) -> list[Try]:
    """In the order of a column; what was not measured stands last either way.

    Args:
        tries: Newest first.
        sort: A column, with a minus in front for the other way round.
    """
    column = sort.removeprefix("-")
    key = _KEYS[column]
    is_turned = sort.startswith("-") != (column in _HIGHEST_FIRST)
    known = [one for one in tries if not key(one)[0]]
    return sorted(known, key=key, reverse=is_turned) + [one for one in tries if key(one)[0]]


def _by_figure(name: str) -> Key:
    def key(one: Try) -> tuple[bool, float | str]:
        figure: Figure | None = getattr(one, name)
        return (True, 0.0) if figure is None else (False, figure.value)

    return key


_KEYS: dict[str, Key] = {
    "when": lambda one: (False, float(one.number)),
    "rung": lambda one: (False, one.rung),
    "quality": _by_figure("quality"),
    "cost": _by_figure("cost"),
    "size": _by_figure("size"),
}
_HIGHEST_FIRST = frozenset(("when", "quality"))


def _matches(one: Try, asking: Asking) -> bool:
    is_of_release = asking.release in ("", one.release or NOT_RELEASED)
    is_alike = asking.rung in ("", one.rung) and asking.outcome in ("", one.outcome)
    words = (one.rung, one.project, one.release, one.outcome, one.changed, one.why)
    return is_alike and is_of_release and _holds(" ".join(words), asking.words)


def _holds(text: str, words: str) -> bool:
    lower = text.lower()
    return all(word in lower for word in words.lower().split())


def _drawable(tries: Sequence[Try]) -> tuple[Try, ...]:
    """The newest of those with a quality and a cost above 0, of the metric of the newest one."""
    measured = [
        one for one in tries if one.quality is not None and one.cost is not None and one.cost.value > 0
    ]
    measured.sort(key=lambda one: -one.number)
    names = [one.quality.name for one in measured if one.quality is not None]
    return tuple(one for one in measured if one.quality is not None and one.quality.name == names[0])[
        :MOST_DRAWN
    ]


def _draw(drawn: Sequence[Try], found: int) -> Picture | None:
    dots = [dot for one in drawn if (dot := _dot(one)) is not None]
    metric = next((one.quality.name for one in drawn if one.quality is not None), "")
    left = found - len(dots)
    more = (
        f" Not drawn: {left} of {found}, without a quality or a cost, of another metric, or older."
        if left
        else ""
    )
    caption = f"Each candidate's {metric} on dev with its interval against what 1,000 predictions cost.{more}"
    return draw_dots(dots, metric=metric, caption=caption)


def _dot(one: Try) -> Dot | None:
    if one.quality is None or one.cost is None:
        return None
    quality = one.quality
    words = (
        f"{one.rung}, {one.release or 'not released'}, {one.outcome}",
        f"{quality.name} {quality.value:.3f}",
        f"CPU per 1,000 {three_figures(one.cost.value)} s",
    )
    hover = printable(" · ".join(words))
    return Dot(
        one.cost.value, quality.value, quality.low, quality.high, _KINDS.get(one.outcome, "lost"), hover
    )
