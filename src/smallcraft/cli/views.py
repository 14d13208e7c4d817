"""What a person sees while a build runs: a live table on a terminal, one line an event elsewhere."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from smallcraft.cli.show import OUTCOME_STYLES, candidate_table, candidate_words
from smallcraft.pipeline.events import Listener
from smallcraft.records import CheckResult, Decision, Evidence, Verdict

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def open_view(metric: str, *, to_stderr: bool) -> Iterator[Listener]:
    """The view that fits where the output goes.

    Args:
        metric: The declared metric, the first column of the table.
        to_stderr: Leave standard output to a JSON object.
    """
    console = Console(stderr=to_stderr, highlight=False, emoji=False)
    if not console.is_terminal:
        yield plain_view(to_stderr=to_stderr, metric=metric)
        return
    view = LiveView(console, metric)
    with Live(view, console=console, refresh_per_second=8, transient=False) as live:
        view.live = live
        yield view
        view.finish()


def plain_view(*, to_stderr: bool, metric: str = "") -> PlainView:
    """One line an event."""
    return PlainView(metric, to_stderr=to_stderr)


def progress_lines() -> Callable[[str, float], None]:
    """Tells on standard error what is running, a line every ten seconds; nothing of what takes less."""
    return PlainView("", to_stderr=True, is_patient=True).progress


class PlainView:
    """Lines for logs; long steps report every ten seconds.

    On standard output the decision and the verdicts are left to the result that follows.
    """

    def __init__(self, metric: str, *, to_stderr: bool, is_patient: bool = False) -> None:
        self._metric = metric
        self._stream = sys.stderr if to_stderr else sys.stdout
        self._last = time.monotonic() if is_patient else 0.0

    def stage(self, sentence: str) -> None:
        """Say it."""
        self._say(sentence)

    def checked(self, result: CheckResult) -> None:
        """Outcome, name, summary."""
        self._say(f"  {result.outcome:<9} {result.check}: {result.summary}")

    def climbing(self, rungs: tuple[str, ...]) -> None:
        """The order."""
        self._say(f"climbing the ladder: {', '.join(rungs)}")

    def progress(self, step: str, share: float) -> None:
        """At most one line in ten seconds."""
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            self._say(f"  ... {step}" + (f", {share:.0%}" if share else ""))

    def candidate(self, evidence: Evidence) -> None:
        """Its row in words."""
        self._say(f"  {candidate_words(evidence, self._metric)}")

    def decided(self, decision: Decision) -> None:
        """The sentence."""
        if self._stream is sys.stderr:
            self._say(f"decision: {decision.sentence}")

    def judged(self, verdict: Verdict) -> None:
        """Outcome, gate, reason."""
        needs = f" (would settle it: {verdict.needs})" if verdict.needs else ""
        if self._stream is sys.stderr:
            self._say(f"  {verdict.outcome:<9} {verdict.gate}: {verdict.reason}{needs}")

    def note(self, sentence: str) -> None:
        """Say it, marked."""
        self._say(f"  note: {sentence}")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LiveView:
    """A table that fills in while the ladder is climbed, with the running step below it."""

    def __init__(self, console: Console, metric: str) -> None:
        self.live: Live | None = None
        self._console = console
        self._metric = metric
        self._rungs: tuple[str, ...] = ()
        self._found: dict[str, Evidence] = {}
        self._stage = ""
        self._step = ""
        self._share = 0.0
        self._started = time.monotonic()
        self._step_started = self._started

    def __rich__(self) -> RenderableType:
        """The table and the running step."""
        parts: list[RenderableType] = []
        if self._rungs:
            width = self._console.width
            parts.append(candidate_table(self._rungs, self._found, self._metric, width=width))
        if self._step:
            stage = f"{self._stage}: " if self._stage not in ("", self._step) else ""
            parts.append(Text(f"  {stage}{self._step}{self._time_left()}", style="dim"))
        return Group(*parts)

    def finish(self) -> None:
        """Leave the table, drop the running step."""
        self._step = ""

    def stage(self, sentence: str) -> None:
        """A new running step; the steps inside it are told beside it."""
        self._stage = sentence
        self.progress(sentence, 0.0)

    def checked(self, result: CheckResult) -> None:
        """A line above the table."""
        style = OUTCOME_STYLES[result.outcome]
        self._console.print(f"  [{style}]{result.outcome:<9}[/] {result.check}: {escape(result.summary)}")

    def climbing(self, rungs: tuple[str, ...]) -> None:
        """Rows of the table, which say enough of the stage."""
        self._rungs, self._stage = rungs, ""

    def progress(self, step: str, share: float) -> None:
        """The running step."""
        if step != self._step:
            self._step_started = time.monotonic()
        self._step, self._share = step, share

    def candidate(self, evidence: Evidence) -> None:
        """Fill its row in."""
        self._found[evidence.rung] = evidence

    def decided(self, decision: Decision) -> None:
        """Shown with the result."""

    def judged(self, verdict: Verdict) -> None:
        """Shown with the result."""

    def note(self, sentence: str) -> None:
        """A line above the table."""
        self._console.print(f"  [dim]{escape(sentence)}[/]")

    def ask_reason(self, decision: str) -> str | None:
        """Ask why the release is made; an empty answer leaves it at the rule's reason."""
        if self.live is not None:
            self.live.stop()
        self._console.print(f"  {escape(decision)}")
        # polars' handler lets a read go on after Ctrl-C, which would be heard after Enter only.
        signal.siginterrupt(signal.SIGINT, True)
        try:
            said = self._console.input("  why this release? (Enter: leave it at that) ").strip()
        except EOFError:  # the person closed the input: no answer
            said = ""
        if self.live is not None:
            self.live.start()
        return said or None

    def _time_left(self) -> str:
        passed = time.monotonic() - self._step_started
        if not 0.02 < self._share < 1:
            return f" ({passed:.0f} s)" if passed >= 1 else ""
        return f" {self._share:.0%}, about {passed / self._share - passed:.0f} s left"
