"""Writes docs/rollouts.md from what is kept of every cell; nothing in its tables is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.process import ROOT
from benchmarks.records import Row, Sample, verdict
from benchmarks.rollouts.contestants import CONTESTANTS, OURS, SOURCES
from benchmarks.rollouts.kept import KeptCell, read_all
from benchmarks.rollouts.losses import find_losses
from benchmarks.rollouts.picture import PICTURE, render_picture
from benchmarks.rollouts.prose import HEAD, MADE, NOT_SHOWN
from benchmarks.rollouts.questions import QUESTIONS, Question
from benchmarks.rollouts.tuning import SETTINGS
from benchmarks.write import in_words, number
from smallcraft.serve.simulation.cells import Average, Share, SimulatedCell
from smallcraft.serve.simulation.runs import TOGETHER
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic

PAGE = ROOT / "docs" / "rollouts.md"
MOST_FALSE_PERCENT, MOST_HARM = 5.0, 10.0
_QUIET, _HARMFUL = ("fine", "incident", "sticky"), ("errors", "slow_tail")
Kept = Mapping[str, Sequence[KeptCell]]


def bars_of(kept: Kept) -> tuple[Row, ...]:
    """What this project's rule must reach.

    Args:
        kept: Scenario to its cells.
    """
    ours = {name: one.cell for name, cells in kept.items() for one in cells if one.cell.rule == OURS}
    return (
        *(_quiet_bar(name, ours.get(name)) for name in _QUIET),
        *(_harm_bar(name, ours.get(name)) for name in _HARMFUL),
    )


def _quiet_bar(scenario: str, cell: SimulatedCell | None) -> Row:
    found = None
    if cell is not None:
        share = cell.rolled_back
        low, high = 100 * share.interval.low, 100 * share.interval.high
        found = Sample(100 * share.share, cell.rollouts, "rollouts", low, high)
    return Row(f"false rollbacks, `{scenario}`", "%", found, bar=MOST_FALSE_PERCENT)


def _harm_bar(scenario: str, cell: SimulatedCell | None) -> Row:
    found = None if cell is None else _mean(cell.excess_bad, cell)
    return Row(f"excess bad requests, `{scenario}`", "", found, bar=MOST_HARM)


def render_page(kept: Kept) -> str:
    """All of it.

    Args:
        kept: Scenario to its cells, the rules in order.
    """
    return "\n".join(
        [
            HEAD.format(rollouts=_rollouts(kept), scenarios=len(SCENARIOS)),
            _render_bars(kept),
            *(_render_question(question, kept) for question in QUESTIONS),
            _render_losses(kept),
            _render_rules(),
            MADE,
            NOT_SHOWN.format(together=TOGETHER, tried=_tried()),
            _render_origin(kept),
        ]
    )


def write_page() -> None:
    """Write page and picture anew."""
    kept = read_all(one.name for one in CONTESTANTS)
    PAGE.write_text(render_page(kept), encoding="utf-8")
    PICTURE.write_text(draw(kept), encoding="utf-8")


def draw(kept: Kept) -> str:
    """The picture of the page.

    Args:
        kept: Scenario to its cells, the rules in order.
    """
    return render_picture(kept, most_false_percent=MOST_FALSE_PERCENT, most_harm=MOST_HARM)


def _render_bars(kept: Kept) -> str:
    rows = bars_of(kept)
    outcomes = [verdict(row, is_noisy=False) for row in rows]
    lines = [
        (
            row.what,
            "not measured" if row.ours is None else f"{in_words(row.ours)} {row.unit}".strip(),
            f"<= {row.bar:g} {row.unit}".strip(),
            outcome if outcome == "met" else f"**{outcome}**",
        )
        for row, outcome in zip(rows, outcomes, strict=True)
    ]
    return f"## Bars: {outcomes.count('met')} of {len(rows)} met\n\n" + _table(
        ("quantity", OURS, "bar", "verdict"), lines
    )


def _render_question(question: Question, kept: Kept) -> str:
    there = [name for name in question.scenarios if name in kept]
    parts = [f"## {question.title}\n", f"{question.about}\n"]
    if not there:
        return "\n".join([*parts, "Not simulated yet.\n"])
    if question.kind == "quiet":
        parts += ["".join(f"- `{name}`: {SCENARIOS[name].about}\n" for name in there)]
        parts += _quiet_tables({name: [one.cell for one in kept[name]] for name in there})
    else:
        for name in there:
            parts += [f"`{name}`: {SCENARIOS[name].about}\n", _harm_table([one.cell for one in kept[name]])]
    return "\n".join(parts)


def _quiet_tables(cells: Mapping[str, Sequence[SimulatedCell]]) -> list[str]:
    if len(cells) == 1:
        return [_quiet_table(next(iter(cells.values())))]
    by_rule = {name: {cell.rule: cell for cell in found} for name, found in cells.items()}
    false, promoted = [], []
    first, *_ = by_rule
    for rule, one in by_rule[first].items():
        of_rule = [found.get(rule) for found in by_rule.values()]
        false.append((rule, *("" if cell is None else _in_brackets(cell.rolled_back) for cell in of_rule)))
        shares = ["" if cell is None else f"{100 * cell.promoted.share:.1f}" for cell in of_rule]
        promoted.append((rule, *shares, _seconds(one.promotion_s)))
    return [
        "False rollbacks, %:\n",
        _table(("rule", *cells), false),
        f"Promoted, %, and after how many seconds in `{first}`:\n",
        _table(("rule", *cells, "seconds"), promoted),
    ]


def _quiet_table(cells: Sequence[SimulatedCell]) -> str:
    lines = [
        (
            cell.rule,
            _in_brackets(cell.rolled_back),
            f"{100 * cell.promoted.share:.1f}",
            _seconds(cell.promotion_s),
        )
        for cell in cells
    ]
    return _table(("rule", "false rollbacks %", "promoted %", "seconds to promotion"), lines)


def _neither(cell: SimulatedCell) -> str:
    return f"{100 * (cell.frozen.share + cell.undecided.share):.1f}"


def _seconds(time: Average | None) -> str:
    return "" if time is None else number(time.mean)


def _harm_table(cells: Sequence[SimulatedCell]) -> str:
    columns = ("rule", "rolled back %", "excess bad requests", "95 % have less than", "seconds to rollback")
    lines = [
        (
            cell.rule,
            _in_brackets(cell.rolled_back),
            in_words(_mean(cell.excess_bad, cell)),
            number(cell.excess_bad.p95),
            _seconds(cell.rollback_s),
            f"{100 * cell.promoted.share:.1f}",
            _neither(cell),
            ", ".join(f"{name} {count:,}" for name, count in cell.causes.items()),
        )
        for cell in cells
    ]
    return _table((*columns, "promoted %", "neither %", "rolled back for"), lines)


def _render_losses(kept: Kept) -> str:
    lines = "".join(f"- {line}\n" for line in find_losses(kept)) or "Nowhere in these scenarios.\n"
    ours = [one.cell for name in _QUIET for one in kept.get(name, ()) if one.cell.rule == OURS]
    waits = "".join(
        f"- `{cell.scenario}`: {OURS} leaves {_neither(cell)} % undecided.\n"
        for cell in ours
        if cell.frozen.count + cell.undecided.count
    )
    about = (
        "In brackets what it pays for that elsewhere. Less harm counts of rules only that stop at least 95 %."
    )
    return f"## Where another rule is better\n\n{about}\n\n{lines}{waits}"


def _render_rules() -> str:
    settings = "".join(f"- **{one.name}**: {one.settings}.\n" for one in CONTESTANTS)
    sources = "".join(
        f"- {one.peer}: `{one.repository}`, "
        + ", ".join(f"`{path}` at `{commit}`" for path, commit in one.files)
        + ".\n"
        for one in SOURCES
    )
    return (
        f"## The rules\n\n{settings}\nRead in (repository, file, commit):\n\n{sources}"
        "- Spinnaker: spinnaker.io, Best practices for configuring canary; How canary judgment works.\n"
    )


def _render_origin(kept: Kept) -> str:
    cells = [one for found in kept.values() for one in found]
    if not cells:
        return "Nothing was simulated yet.\n"
    dates = sorted(one.made.date for one in cells)
    ours = sorted(one.made.cpu_s for one in cells if one.cell.rule == OURS)
    took = "" if not ours else f" ({ours[0]:.0f} to {ours[-1]:.0f} CPU-seconds a cell of smallcraft)"
    versions = ", ".join(f"{name} {version}" for name, version in cells[-1].made.versions.items())
    machine = ", ".join(f"{name} {value}" for name, value in cells[-1].made.machine.items())
    seeds = ", ".join(str(seed) for seed in sorted({one.cell.seed for one in cells}))
    return (
        "## How to run it again\n\n"
        f"`python -m benchmarks.rollouts --seed {seeds}`; with `--go-on` a run that was stopped goes on. "
        f"{len(cells)} cells of {_rollouts(kept)} rollouts, seed {seeds}, {dates[0]} to {dates[-1]}; "
        f"{sum(one.made.cpu_s for one in cells) / 60:.0f} CPU-minutes in all{took}.  \n"
        f"Machine: {machine}.  \nVersions: {versions}.  \n"
        "Every number, with intervals, quantiles and causes: `benchmarks/results/rollouts`.\n"
    )


def _rollouts(kept: Kept) -> str:
    counts = sorted({one.cell.rollouts for cells in kept.values() for one in cells})
    return " or ".join(f"{count:,}" for count in counts)


def _tried() -> str:
    """How many settings of each peer were tried."""
    names = {"flagger": "Flagger", "argo": "Argo Rollouts", "kayenta": "Kayenta"}
    tried = [
        f"{len(list(settings(Traffic())))} settings of {names[peer]}" for peer, settings in SETTINGS.items()
    ]
    return ", ".join(tried[:-1]) + f" and {tried[-1]}"


def _mean(average: Average, cell: SimulatedCell) -> Sample:
    interval = average.interval
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Sample(average.mean, cell.rollouts, "rollouts", low, high)


def _in_brackets(share: Share) -> str:
    """In percent."""
    low, high = 100 * share.interval.low, 100 * share.interval.high
    return f"{100 * share.share:.1f} [{low:.1f}, {high:.1f}]"


def _table(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(columns)
    rows = [head, ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
