"""Writes docs/drift.md from what is kept of every cell; nothing in its tables is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from scipy import stats

from benchmarks.drift.cells import DelayCell, QuietCell
from benchmarks.drift.contestants import OUR_SETTINGS, OURS, PEERS, RULES
from benchmarks.drift.kept import KeptCell, read_all
from benchmarks.drift.measure import HORIZON, QUIET_STREAMS, streams_of
from benchmarks.drift.picture import PICTURE, render_picture
from benchmarks.drift.prose import DELAYS, HEAD, MADE, NOT_SHOWN
from benchmarks.drift.real import RealData, read_real
from benchmarks.drift.streams import CHANGES, WORLDS
from benchmarks.process import ROOT
from benchmarks.records import Row, Sample, verdict
from benchmarks.write import in_words

PAGE = ROOT / "docs" / "drift.md"
BUDGET, MOST_DELAY = 0.1, 7.0
_MONTHS = QUIET_STREAMS
_LEARNING = """\
smallcraft in the first month of a stream, in which it learns as it judges, and in the second; and how many of
the first windows it could not judge yet (means over all streams):
"""
Kept = Mapping[str, Sequence[KeptCell]]


def most_alarms(months: int) -> int:
    """How many alarms the budget stays within in 99 % of such runs.

    >>> most_alarms(30)
    8
    """
    return int(stats.poisson.ppf(0.99, BUDGET * months))


def bars_of(kept: Kept) -> tuple[Row, ...]:
    """What this project's guardrail must reach.

    Args:
        kept: Scene to its cells.
    """
    ours = {scene: one.cell for scene, cells in kept.items() for one in cells if one.cell.rule == OURS}
    later = (_quiet_bar(world, ours.get(world), learning=False) for world in WORLDS)
    learning = (_quiet_bar(world, ours.get(world), learning=True) for world in WORLDS)
    return (*later, *learning, _delay_bar("three_columns", ours.get("three_columns")))


def _quiet_bar(world: str, cell: object, *, learning: bool) -> Row:
    found, months = None, streams_of(world)
    if isinstance(cell, QuietCell):
        months = cell.streams
        found = Sample(float(sum(cell.learning if learning else cell.alarms)), months, "months")
    when = "first" if learning else "later"
    return Row(
        f"false alarms in {months} {when} months, `{world}`", "", found, bar=float(most_alarms(months))
    )


def _delay_bar(change: str, cell: object) -> Row:
    found = None
    if isinstance(cell, DelayCell):
        found = Sample(cell.mean, cell.streams, "streams", cell.interval.low, cell.interval.high)
    return Row(f"mean delay, `{change}`", "windows", found, bar=MOST_DELAY)


def render_page(kept: Kept, real: RealData | None) -> str:
    """All of it.

    Args:
        kept: Scene to its cells, the rules in order.
        real: What was found on real data; None when it never ran.
    """
    return "\n".join(
        [
            HEAD.format(horizon=HORIZON),
            _render_bars(kept),
            _render_quiet(kept),
            _render_delays(kept),
            _render_real(real),
            _render_rules(),
            MADE.format(compared=_compared(kept)),
            NOT_SHOWN,
            _render_origin(kept, real),
        ]
    )


def write_page() -> None:
    """Write page and picture anew."""
    kept = read_all(RULES)
    PAGE.write_text(render_page(kept, read_real()), encoding="utf-8")
    PICTURE.write_text(render_picture(kept), encoding="utf-8")


def _render_bars(kept: Kept) -> str:
    rows = bars_of(kept)
    outcomes = [verdict(row, is_noisy=False) for row in rows]
    lines = [
        (
            row.what,
            "not measured" if row.ours is None else f"{_in_words(row.ours)} {row.unit}".strip(),
            f"<= {row.bar:g} {row.unit}".strip(),
            outcome if outcome == "met" else f"**{outcome}**",
        )
        for row, outcome in zip(rows, outcomes, strict=True)
    ]
    about = (
        f"A budget of {BUDGET:g} false alarms a month is {BUDGET * _MONTHS:g} in {_MONTHS} months; in 99 % "
        f"of such runs it stays within {most_alarms(_MONTHS)}. In *first* months it learns as it judges, "
        "*later* ones come after these."
    )
    table = _table(("quantity", OURS, "bar", "verdict"), lines)
    return f"## Bars: {outcomes.count('met')} of {len(rows)} met\n\n{about}\n\n{table}"


def _render_quiet(kept: Kept) -> str:
    there = [world for world in WORLDS if world in kept]
    parts = ["## How often does it cry wolf?\n"]
    if not there:
        return "\n".join([*parts, "Not played yet.\n"])
    parts.append("".join(f"- `{world}`: {WORLDS[world].about}\n" for world in there))
    cells = {world: {one.cell.rule: one.cell for one in kept[world]} for world in there}
    lines = []
    for rule in RULES:
        of_rule = [cells[world].get(rule) for world in there]
        if any(of_rule):
            lines.append((rule, *(_alarms(cell) for cell in of_rule)))
    parts += [
        "False alarms a month:\n",
        _table(("rule", *there), lines),
        _LEARNING,
        _table(("", *there), _learning(cells, there)),
    ]
    return "\n".join(parts)


def _alarms(cell: object) -> str:
    if not isinstance(cell, QuietCell):
        return ""
    low, high = cell.interval.low, cell.interval.high
    return f"{_short(cell.a_month)} [{_short(low)}, {_short(high)}]"


def _learning(cells: Mapping[str, Mapping[str, object]], there: Sequence[str]) -> list[tuple[str, ...]]:
    ours = [cells[world].get(OURS) for world in there]
    known = [cell if isinstance(cell, QuietCell) and cell.learning else None for cell in ours]
    return [
        (
            "first month",
            *("" if cell is None else _short(sum(cell.learning) / cell.streams) for cell in known),
        ),
        (
            "second month",
            *("" if cell is None else _short(sum(cell.alarms) / cell.streams) for cell in known),
        ),
        (
            "windows not judged",
            *("" if cell is None else _short(sum(cell.undecided) / cell.streams) for cell in known),
        ),
    ]


def _render_delays(kept: Kept) -> str:
    there = [change for change in CHANGES if change in kept]
    parts = ["## How long does it take?\n"]
    if not there:
        return "\n".join([*parts, "Not played yet.\n"])
    parts += ["".join(f"- `{change}`: {CHANGES[change].about}\n" for change in there), DELAYS]
    cells = {change: {one.cell.rule: one.cell for one in kept[change]} for change in there}
    quiet = {one.cell.rule: one.cell for one in kept.get("iid", ())}
    lines = []
    for rule in RULES:
        of_rule = [cells[change].get(rule) for change in there]
        if any(of_rule):
            lines.append((rule, *(_delay(cell) for cell in of_rule), _alarms(quiet.get(rule))))
    parts.append("Mean delay, windows, and of how many streams the change was missed in:\n")
    parts.append(_table(("rule", *there, "false alarms a month, `iid`"), lines))
    return "\n".join(parts)


def _delay(cell: object) -> str:
    if not isinstance(cell, DelayCell):
        return ""
    if cell.missed == cell.streams:
        return f"never (0 of {cell.streams})"
    missed = f", {cell.missed} of {cell.streams} missed" if cell.missed else ""
    return (
        f"{_short(cell.mean)} [{_short(max(cell.interval.low, 1.0))}, {_short(cell.interval.high)}]{missed}"
    )


def _render_real(real: RealData | None) -> str:
    if real is None:
        return "## On real data\n\nNot played yet.\n"
    words = {None: "", True: "met", False: "**missed**"}
    lines = [(line.data, line.asked, line.found, words[line.is_met]) for line in real.lines]
    return "## On real data\n\n" + _table(("data", "asked", "found", "verdict"), lines)


def _render_rules() -> str:
    peers = "".join(f"- **{rule}**: {words}.\n" for peer in PEERS for rule, words in peer.rules.items())
    return f"## The rules\n\n- **{OURS}**: {OUR_SETTINGS}.\n{peers}"


def _compared(kept: Kept) -> str:
    notes = [one.made.note for cells in kept.values() for one in cells if one.made.note]
    return notes[0] if notes else "none was compared"


def _render_origin(kept: Kept, real: RealData | None) -> str:
    cells = [one for found in kept.values() for one in found]
    if not cells:
        return "Nothing was played yet.\n"
    dates = sorted(one.made.date for one in cells)
    seeds = ", ".join(str(seed) for seed in sorted({one.cell.seed for one in cells}))
    packages: dict[str, str] = {}
    for one in cells:
        packages |= {name: version for name, version in one.made.versions.items() if name not in packages}
    named = ("smallcraft", "numpy", "evidently", "nannyml", "alibi-detect", "frouros", "whylogs")
    versions = ", ".join(f"{name} {packages[name]}" for name in named if name in packages)
    machine = ", ".join(f"{name} {value}" for name, value in cells[-1].made.machine.items())
    took = sum(one.made.cpu_s for one in cells) / 60
    on_real = "" if real is None else f" Real data: {real.date}, {real.cpu_s:.0f} CPU-seconds."
    return (
        "## How to run it again\n\n"
        f"`python -m benchmarks.drift --seed {seeds}`; with `--go-on` a run that was stopped goes on. "
        f"{len(cells)} cells, seed {seeds}, {dates[0]} to {dates[-1]}; {took:.0f} CPU-minutes in all."
        f"{on_real}  \n"
        f"Machine: {machine}.  \nVersions: {versions}.  \n"
        "Every number of every stream: `benchmarks/results/drift`.\n"
    )


def _in_words(found: Sample) -> str:
    """A count as a whole number."""
    return f"{found.value:g}" if found.low is None else in_words(found)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(columns)
    rows = [head, ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
