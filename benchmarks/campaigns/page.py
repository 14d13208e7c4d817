"""Writes docs/campaigns.md from what is kept of every experiment; nothing in its tables is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.campaigns.kept import KEPT, Experiment, Made, read_experiment, read_rounds
from benchmarks.campaigns.rounds import ProjectRound
from benchmarks.process import ROOT
from smallcraft.label.measuring import Delta
from smallcraft.stats.intervals import wilson_interval

PAGE = ROOT / "docs" / "campaigns.md"
TARGETED, BLIND, BEFORE = "relabel_value", "random", "before"
LEAST_RATIO = 3.0
_HEAD = """# Campaigns, on planted errors

Written by `python -m benchmarks.campaigns`; edits are lost.

A fifth of the training labels of a public corpus is replaced by wrong ones. Then 1,000 answers are bought,
from people who are right nine times of ten, and the question is whom to ask about what: rows drawn blindly,
or rows that a *strategy* picks. Afterwards the labels are merged as `smallcraft label import` merges them, a
model (the rung `ngram`) is trained on them, and the accuracy on the corpus's official test, which no step has
seen, says what the answers were worth.

## The words

- **Repaired**: the label was wrong and is right after the round; **broken**: the other way round.
- **Printed**: what a campaign itself says it bought, measured on rows kept out of training, with its 95 %
  interval; **covered**: the gain on the official test lies in that interval. The test's own sampling error is
  not in it, so a little under 95 % is to be expected.
- **Any class**: a wrong label is any other class alike. **Classes alike**: one of the five whose texts are
  most alike, as people confuse them.
- In brackets: 95 % intervals over rows of the test and seeds; of shares Wilson's.
"""
_THROUGH_THE_VERBS = """## Through the project's own verbs

The same on banking77 as a user has it: `label next --budget 1000 --strategy relabel_value`, a CSV filled in,
`label import`, `label measure`. An eighth of the batch is drawn blindly, so the two arms are those of one
campaign: *times* is repairs for one targeted answer over repairs for one blind answer. Here dev's labels are
as wrong as train's, so the printed gain is too small rather than too large.
"""
_MADE = """## What this does not show

- The wrong labels are planted and independent of each other; real ones come from people with habits.
- The people err independently too, and toward any class alike.
- One cheap model ranks the rows and is trained on them. A stronger one finds more of the errors.
- `banking77` is what the ranking was developed on; of `clinc150` nothing was looked at before this run.
"""


def render_page(names: Sequence[str], *, folder: Path = KEPT) -> str:
    """All of it.

    Args:
        names: Of the experiments, in order.
        folder: Where they are kept.
    """
    found = [one for name in names if (one := read_experiment(name, folder=folder))]
    rounds = read_rounds(folder=folder)
    parts = [_HEAD, _bars(found), *(_experiment(one) for one in found)]
    if rounds is not None:
        parts.append(_rounds(rounds[0]))
    made = [one.made for one in found] + ([] if rounds is None else [rounds[1]])
    return "\n".join([*parts, _MADE, _origin(made)])


def _bars(found: Sequence[Experiment]) -> str:
    lines = [
        ["", "repairs for one of a blind answer", "accuracy gained on the test over blind answers", "covered"]
    ]
    for one in found:
        ratios = [line.ratio(TARGETED, BLIND) for line in one.lines]
        gain = one.gains[BLIND]
        lines.append(
            [
                one.name,
                f"{min(ratios):.1f} to {max(ratios):.1f}: {_verdict(is_met=min(ratios) >= LEAST_RATIO)}",
                f"{_signed(gain)}: {_verdict(is_met=gain.interval.low > 0)}",
                f"{_covered([line.is_covered for line in one.lines])}",
            ]
        )
    text = (
        f"The bars: `{TARGETED}` repairs at least {LEAST_RATIO:g} times as many labels as blind answers on "
        "every seed, and its gain in accuracy is the larger one, with an interval above 0."
    )
    return f"## In short\n\n{text}\n\n{_table(lines)}"


def _experiment(one: Experiment) -> str:
    seeds = [
        ["seed", "blind", f"`{TARGETED}`", "times", "broken", "printed", "on the official test", "covered"],
        *(
            [
                f"{line.seed}",
                f"{line.repaired[BLIND]}",
                f"{line.repaired[TARGETED]}",
                f"{line.ratio(TARGETED, BLIND):.1f}",
                f"{line.broken[TARGETED]}",
                _signed(line.printed),
                f"{line.on_test.value:+.4f}",
                "yes" if line.is_covered else "no",
            ]
            for line in one.lines
        ),
    ]
    strategies = [["strategy", "repaired", "broken", f"`{TARGETED}` gains over it on the test"]]
    for name in sorted(
        one.lines[0].repaired, key=lambda name: -sum(line.repaired[name] for line in one.lines)
    ):
        repaired, broken = (
            sum(which[name] for which in counts) / len(one.lines)
            for counts in ([ln.repaired for ln in one.lines], [ln.broken for ln in one.lines])
        )
        over = "" if name == TARGETED else _signed(one.gains[name])
        strategies.append([f"`{name}`", f"{repaired:,.1f}", f"{broken:,.1f}", over])
    strategies.append(["(nobody asked)", "", "", _signed(one.gains[BEFORE])])
    return (
        f"## {one.name[0].upper()}{one.name[1:]}\n\nOf 1,000 answers, seed by seed:\n\n{_table(seeds)}\n"
        f"Every strategy, means over the seeds:\n\n{_table(strategies)}"
    )


def _rounds(found: Sequence[ProjectRound]) -> str:
    lines = [
        ["seed", "rows", "wrong", "targeted", "blind", "times", "broken", "printed", "on the test", "covered"]
    ]
    lines += [
        [
            f"{one.seed}",
            f"{one.rows:,}",
            f"{one.wrong:,}",
            f"{one.repaired['targeted']} of {one.asked['targeted']}",
            f"{one.repaired['random']} of {one.asked['random']}",
            f"{one.ratio:.1f}",
            f"{one.broken}",
            _signed(one.printed),
            _signed(one.on_test),
            "yes" if one.is_covered else "no",
        ]
        for one in found
    ]
    return f"{_THROUGH_THE_VERBS}\n{_table(lines)}"


def _origin(made: Sequence[Made]) -> str:
    if not made:
        return "## How it was made\n\nNothing has run yet.\n"
    last = made[-1]
    machine = ", ".join(f"{name}: {value}" for name, value in last.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in last.versions.items())
    spent = sum(one.cpu_s for one in made)
    return (
        f"## How it was made\n\n{max(one.date for one in made)}, {spent:,.0f} CPU-seconds in all, one "
        f"process. {machine}. {versions}.\n"
    )


def _covered(hits: Sequence[bool]) -> str:
    share = wilson_interval(sum(hits), len(hits))
    return f"{sum(hits)} of {len(hits)} [{share.low:.2f}, {share.high:.2f}]"


def _signed(delta: Delta) -> str:
    return f"{delta.value:+.4f} [{delta.interval.low:+.4f}, {delta.interval.high:+.4f}]"


def _verdict(*, is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([head, "|" + " --- |" * len(lines[0]), *rows, ""])
