"""Writes docs/guarantees.md from what is kept of every guarantee; no number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.guarantees.cases import Case
from benchmarks.guarantees.catalogue import GUARANTEES, Guarantee
from benchmarks.guarantees.kept import KeptCases, read
from benchmarks.guarantees.prose import HEAD, NOT_PROMISED
from benchmarks.process import ROOT
from benchmarks.records import Sample
from benchmarks.write import in_words, number

PAGE = ROOT / "docs" / "guarantees.md"
Kept = Mapping[str, KeptCases]


def render_page(kept: Kept) -> str:
    """All of it.

    Args:
        kept: Key of a guarantee to what there is on it.
    """
    return "\n".join(
        [
            HEAD,
            _render_overview(kept),
            *(_render_guarantee(one, kept.get(one.key)) for one in GUARANTEES),
            NOT_PROMISED,
            _render_origin(kept),
        ]
    )


def read_all() -> dict[str, KeptCases]:
    """What there is on every guarantee, by its key."""
    return {one.key: found for one in GUARANTEES if (found := read(one))}


def write_page() -> None:
    """Write the page anew."""
    PAGE.write_text(render_page(read_all()), encoding="utf-8")


def worst_of(cases: Iterable[Case], *, as_assumed: bool) -> Case | None:
    """The case with the largest error beside what is stated; None where there is none of the kind.

    Args:
        cases: Of one guarantee.
        as_assumed: Those in which the assumptions hold, or those in which one is broken.
    """
    found = [case for case in cases if case.is_as_assumed == as_assumed]
    return max(
        found,
        key=lambda case: case.found.value / case.stated if case.stated else case.found.value,
        default=None,
    )


def _render_overview(kept: Kept) -> str:
    lines, counts = [], {"kept": 0, "within chance": 0, "exceeded": 0}
    for one in GUARANTEES:
        found = kept.get(one.key)
        for case in found.cases if found else ():
            if case.is_as_assumed:
                counts[case.verdict] += 1
        lines.append(_overview_line(one, found))
    tally = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    about = "Of each guarantee the case with the most errors, as assumed and with an assumption broken."
    columns = ("guarantee", "stated", "found, as assumed", "", "found, an assumption broken")
    return f"## In short: {tally or 'nothing simulated yet'}\n\n{about}\n\n{_table(columns, lines)}"


def _overview_line(one: Guarantee, found: KeptCases | None) -> tuple[str, ...]:
    link = f"[{one.title}](#{_anchor(one.title)})"
    if found is None:
        return (link, "", "not simulated yet", "", "")
    holds, broken = (worst_of(found.cases, as_assumed=wanted) for wanted in (True, False))
    assert holds is not None
    return (
        link,
        _stated(holds),
        _found(holds),
        _loud(holds.verdict),
        _found(broken) if broken else "not tried",
    )


def _render_guarantee(one: Guarantee, found: KeptCases | None) -> str:
    points = [
        f"Rests on: {one.rests_on}",
        *(f"Assumes: {assumption}." for assumption in one.assumes),
        f"What breaks it: {one.breaks}",
        f"Kept by {_linked(one.file)}; tested in {_linked(one.test)}.",
    ]
    return "\n".join(
        [
            f"## {one.title}\n",
            f"**{one.promise}**\n",
            "".join(f"- {point}\n" for point in points),
            _render_cases(found.cases) if found else "Not simulated yet.\n",
            _again(one, found),
        ]
    )


def _render_cases(cases: Sequence[Case]) -> str:
    columns = ("case", "found", "stated", "verdict", "of")
    ordered = sorted(cases, key=lambda case: not case.is_as_assumed)
    lines = [
        (
            case.what if case.is_as_assumed else f"*assumption broken:* {case.what}",
            _found(case),
            _stated(case),
            _loud(case.verdict) if case.is_as_assumed else case.verdict,
            f"{case.found.n:,} {case.found.of}",
        )
        for case in ordered
    ]
    return _table(columns, lines)


def _again(one: Guarantee, found: KeptCases | None) -> str:
    if one.is_reused:
        return f"Measured again by `{one.command}`. In full: [{one.page}](../{one.page}).\n"
    again = f"Simulated again by `python -m benchmarks.guarantees --only {one.key}`"
    if found is None or found.made is None:
        return f"{again}.\n"
    return f"{again}; {found.made.date}, {found.made.cpu_s:.0f} CPU-seconds.\n"


def _render_origin(kept: Kept) -> str:
    made = [found.made for found in kept.values() if found.made]
    if not made:
        return "Nothing was simulated yet.\n"
    dates = sorted(one.date for one in made)
    versions = ", ".join(f"{name} {version}" for name, version in made[-1].versions.items())
    machine = ", ".join(f"{name} {value}" for name, value in made[-1].machine.items())
    return (
        "## How to run it again\n\n"
        "`python -m benchmarks.guarantees`; with `--go-on` a run that was stopped goes on, with `--page` the "
        f"page is written from what is kept. {dates[0]} to {dates[-1]}, "
        f"{sum(one.cpu_s for one in made) / 60:.0f} CPU-minutes in all.  \n"
        f"Machine: {machine}.  \nVersions: {versions}.  \n"
        "Every case with its interval: `benchmarks/results/guarantees`.\n"
    )


def _found(case: Case) -> str:
    found = case.found
    if case.unit != "share":
        return (
            f"{in_words(found)} {case.unit}"
            if case.unit == "a month"
            else f"{number(found.value)} of {found.n}"
        )
    percent = [None if value is None else 100 * value for value in (found.low, found.high)]
    return f"{in_words(Sample(100 * found.value, found.n, found.of, *percent))} %"


def _stated(case: Case) -> str:
    return f"<= {100 * case.stated:g} %" if case.unit == "share" else f"<= {case.stated:g} {case.unit}"


def _loud(verdict: str) -> str:
    return f"**{verdict}**" if verdict == "exceeded" else verdict


def _anchor(title: str) -> str:
    return "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -").replace(" ", "-")


def _linked(place: str) -> str:
    """A file, or the file of a test, as the page shows it."""
    file = place.partition("::")[0]
    return f"[`{file.removeprefix('src/smallcraft/')}`](../{file})"


def _table(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(columns)
    return "".join("| " + " | ".join(row) + " |\n" for row in [head, ["---"] * len(head), *lines])
