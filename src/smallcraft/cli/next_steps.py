"""What to type next: the last line of every verb, `next  smallcraft ...`, ready to be pasted.

Holds the choice among commands where an outcome decides it, and the one form of the line; a verb with one
sensible successor names it itself.
Always: words are quoted as a shell wants them; a project other than the present folder is named; what a
person has to fill in stands in capitals; with `--json` nothing is said.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from smallcraft.pipeline.watching.telling import WatchStatus
    from smallcraft.records import Verdict

Words = tuple[str, ...]

_FAIL = "FAIL"
_DATA_GATE = "data_quality"
_BUDGET = ("latency_p95_ms", "size_mb", "peak_rss_mb", "cpu_s_per_1000", "train_cpu_s")
_ROWS = (".csv", ".tsv", ".jsonl", ".parquet")
_AFTER_PHASE: Mapping[str, Words] = {
    "done": ("watch", "--once"),
    "rolled_back": ("rollout", "receipts"),
    "frozen": ("rollout", "resume", "--because", "WHY"),
}


def next_line(*words: str, project: Path = Path()) -> str:
    """The line that ends what a verb prints.

    Args:
        words: A command without `smallcraft` in front.
        project: Where the verb worked; named unless it is the present folder.

    >>> next_line("check", "my file.csv")
    "next  smallcraft check 'my file.csv'"
    >>> next_line("serve", project=Path("help desk"))
    "next  smallcraft serve --project 'help desk'"
    """
    where = () if project in (Path(), Path("smallcraft.toml")) else ("--project", str(project))
    return f"next  smallcraft {shlex.join((*words, *where))}"


def tell_next(*words: str, project: Path = Path(), as_json: bool = False, err: bool = False) -> None:
    """Print the line; to standard error where standard output is what was asked for."""
    if not as_json:
        typer.echo(next_line(*words, project=project), err=err)


def after_verdicts(verdicts: Sequence[Verdict], *, release: str | None) -> Words:
    """After gates: serve what passed; else what would settle the first one that blocks, a FAIL before others.

    >>> after_verdicts([], release="helpdesk@3")
    ('serve', 'helpdesk@3')
    """
    first = _first_blocker(verdicts)
    if first is None:
        return ("serve", release) if release else ("build",)
    if first.gate == _DATA_GATE:
        is_wrong = first.outcome.value == _FAIL
        return ("check", "--fix", "drop,relabel,merge") if is_wrong else ("check", "--audit", "120")
    if first.gate in _BUDGET:
        return ("build",)
    return ("curve",) if first.outcome.value == _FAIL else ("label", "next")


def change_before(verdicts: Sequence[Verdict]) -> str:
    """What a person changes before that command is of use, as a line; empty where nothing has to be.

    >>> change_before([])
    ''
    """
    first = _first_blocker(verdicts)
    if first is None or first.gate not in _BUDGET or first.outcome.value != _FAIL:
        return ""
    return f"first raise {first.gate} in [budget] of the project file, or name cheaper rungs in [ladder]"


def _first_blocker(verdicts: Sequence[Verdict]) -> Verdict | None:
    blocking = [verdict for verdict in verdicts if verdict.blocks]
    return min(blocking, key=lambda verdict: verdict.outcome.value != _FAIL, default=None)


def after_rollout(phase: str | None, *, is_served: bool = True) -> Words:
    """After a look at a rollout, by the phase it is in; None before the first.

    >>> after_rollout("shadow")
    ('rollout', 'status', '--wait')
    >>> after_rollout("shadow", is_served=False)
    ('serve',)
    """
    if phase not in _AFTER_PHASE and not is_served:
        return ("serve",)
    if phase is None:
        return ("rollout", "start", "latest")
    return _AFTER_PHASE.get(phase, ("rollout", "status", "--wait"))


def after_watch(told: WatchStatus) -> Words:
    """After a look at production: the alarm that is open, else to watch on, else to get windows at all."""
    if any(alarm.is_open for alarm in told.alarms):
        return ("watch", "show", "last")
    if told.releases:
        return ("watch",)
    return ("serve",)


def first_step(folder: Path) -> Words:
    """With no verb at all, by what is in a folder: go on where it stands, or begin with its data, or a tour.

    >>> import tempfile
    >>> first_step(Path(tempfile.mkdtemp()))
    ('demo',)
    """
    if (folder / ".smallcraft" / "registry").is_dir():
        return ("log",)
    if (folder / "smallcraft.toml").is_file():
        return ("build",)
    rows = sorted(path.name for suffix in _ROWS for path in folder.glob(f"*{suffix}") if path.is_file())
    return ("init", rows[0]) if rows else ("demo",)
