"""The whole run: every part in a process of its own, one after the other; a stopped run goes on where it was.

The run file says which parts have ended well. It is begun anew once all have, or when it is a day old.
Always: a part that fails is told, is not in the run file, and does not keep the others from running.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.process import ROOT
from benchmarks.suites import SUITES

RUN_FILE = ROOT / ".bench" / "run.json"
_OLDEST = timedelta(days=1)
_LADDERS = ("banking77", "clinc150", "uci_sentiment", "adult")
_CAMPAIGNS = ("banking77", "banking77-near", "clinc150", "clinc150-near", "rounds")
_EXPERIMENTS = ("moe", "attention", "experts")


@dataclass(frozen=True)
class Part:
    """One piece of the run.

    Attributes:
        name: As it is told and kept.
        arguments: Of `python -m`.
        go_on: Added where what would come out the same is left out; empty for parts that cannot tell.
    """

    name: str
    arguments: tuple[str, ...]
    go_on: tuple[str, ...] = ()

    def command(self, *, is_anew: bool) -> list[str]:
        """What is run.

        Args:
            is_anew: Whether to simulate again what would come out the same.
        """
        return [sys.executable, "-m", *self.arguments, *(() if is_anew else self.go_on)]


PARTS = (
    *(Part(name, ("benchmarks", name)) for name in SUITES),
    Part("ladder banking77", ("benchmarks.ladders", "banking77", "--seeds", "3")),
    *(Part(f"ladder {name}", ("benchmarks.ladders", name)) for name in _LADDERS[1:]),
    *(Part(f"experiment {name}", ("benchmarks.experiments", name)) for name in _EXPERIMENTS),
    *(Part(f"campaign {name}", ("benchmarks.campaigns", name)) for name in _CAMPAIGNS),
    Part("faults", ("benchmarks.faults",)),
    Part("guarantees", ("benchmarks.guarantees",), ("--go-on",)),
    Part("rollouts", ("benchmarks.rollouts",), ("--go-on",)),
    Part("watching", ("benchmarks.drift",), ("--go-on",)),
)


@dataclass
class RunFile:
    """Which parts of the present run have ended well.

    Attributes:
        path: The file; need not exist.
        began: When the run began.
        finished: Part to the seconds it took.
    """

    path: Path
    began: datetime
    finished: dict[str, float]

    def note(self, part: str, seconds: float) -> None:
        """A part has ended well."""
        self.finished[part] = round(seconds, 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".json.new")
        form = {"began": self.began.isoformat(), "finished": self.finished}
        fresh.write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.path)

    def end(self) -> None:
        """All parts have ended well: the next run begins anew."""
        self.path.unlink(missing_ok=True)


def open_run(path: Path, *, now: datetime, is_anew: bool) -> RunFile:
    """The run that was stopped, or a new one.

    Args:
        path: Of the run file.
        now: With its zone.
        is_anew: Whether to forget a run that was stopped.
    """
    if not is_anew and path.exists():
        form = json.loads(path.read_text(encoding="utf-8"))
        began = datetime.fromisoformat(form["began"])
        if now - began < _OLDEST:
            return RunFile(path, began, form["finished"])
    return RunFile(path, now, {})


def run_whole(
    parts: Sequence[Part] = PARTS,
    *,
    is_anew: bool = False,
    path: Path = RUN_FILE,
    say: Callable[[str], None],
) -> bool:
    """Run what the present run still lacks.

    Args:
        parts: In their order.
        is_anew: Whether to begin anew, and to simulate again what would come out the same.
        path: Of the run file.
        say: Told of each part.

    Returns:
        Whether every part has ended well.
    """
    run = open_run(path, now=datetime.now(UTC), is_anew=is_anew)
    if run.finished:
        say(f"going on with the run of {run.began:%Y-%m-%d %H:%M UTC}: {len(run.finished)} parts are there")
    failed = []
    for place, part in enumerate(parts, start=1):
        if part.name in run.finished:
            continue
        say(f"[{place}/{len(parts)}] {part.name}")
        began = time.monotonic()
        code = subprocess.run(part.command(is_anew=is_anew), check=False, cwd=ROOT).returncode
        took = time.monotonic() - began
        if code == 0:
            run.note(part.name, took)
        else:
            failed.append(part.name)
        say(
            f"[{place}/{len(parts)}] {part.name}: {'done' if code == 0 else f'failed ({code})'}, {took:.0f} s"
        )
    if failed:
        say(f"not measured: {', '.join(failed)}; the same command tries these again")
    else:
        run.end()
    return not failed
