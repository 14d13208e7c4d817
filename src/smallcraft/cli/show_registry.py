"""What a person sees of the registry: its story, a release, a comparison, a verification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smallcraft.registry.memory.comparing import Comparison
from smallcraft.registry.memory.story import Detail, Story, render_story
from smallcraft.registry.proofs.arriving import Transfer
from smallcraft.registry.verify.report import VerifyReport


def show_story(story: Story) -> None:
    """Newest first, a chapter a release."""
    console = _console()
    for line in render_story(story):
        # A chapter begins at the margin; all else is indented.
        style = "bold" if line and not line.startswith(" ") else ""
        console.print(escape(line), style=style)


def show_details(details: Sequence[Detail]) -> None:
    """Term and text, one a line."""
    console = _console()
    for detail in details:
        console.print(f"[bold]{escape(detail.term)}[/]: {escape(detail.text)}")


def show_comparison(found: Comparison) -> None:
    """A table a section."""
    console = _console(is_table=True)
    for section in dict.fromkeys(row.section for row in found.rows):
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for title in (section, found.before, found.after, "difference", ""):
            table.add_column(escape(title), overflow="fold")
        for row in found.rows:
            if row.section == section:
                table.add_row(*map(escape, (row.term, row.before, row.after, row.difference, row.note)))
        console.print(table)


def show_verified(report: VerifyReport) -> None:
    """The steps that held, numbered."""
    console = _console()
    for place, step in enumerate(report.steps, start=1):
        console.print(f"({place}) [green]holds[/] {step.name}: {escape(step.detail)} ({step.count:,})")
    for note in report.notes:
        console.print(f"note: {escape(note)}")
    if report.head:
        console.print(f"head of the log: {report.head}")
        told = "a checkpoint kept elsewhere shows a log that was rolled back or forked: --pin FILE"
        console.print(f"[dim]{told}[/]")


def show_aliases(meant: Mapping[str, str], time: str) -> None:
    """What each word meant."""
    console = _console()
    if not meant:
        console.print(f"no alias meant anything at {escape(time)}")
    for alias, label in meant.items():
        console.print(f"{escape(alias)} meant {escape(label)} at {escape(time)}")


def describe_transfer(done: Transfer, where: str) -> str:
    """How far the log is, and what was copied."""
    grew = (
        f"{done.size_before:,} to {done.size:,} entries" if done.size != done.size_before else "nothing new"
    )
    copied = f"{done.blobs:,} blobs, {done.copied_bytes:,} bytes copied"
    entries = "1 entry" if done.ahead == 1 else f"{done.ahead:,} entries"
    behind = f"; it is {entries} behind: push them" if done.ahead else ""
    return f"{done.origin} {where}: {grew}; {copied}{behind}"


def _console(*, is_table: bool = False) -> Console:
    """Lines are left to the terminal to wrap, so that a log holds each whole; a table must fit."""
    return Console(highlight=False, emoji=False, soft_wrap=not is_table)
