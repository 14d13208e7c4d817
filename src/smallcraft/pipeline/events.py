"""What a build tells whoever watches it: a terminal's live table, plain lines, or nobody."""

from __future__ import annotations

from typing import Protocol

from smallcraft.records import CheckResult, Decision, Evidence, Verdict


class Listener(Protocol):
    """Told as things happen; never asked anything."""

    def stage(self, sentence: str) -> None:
        """A stage begins."""

    def checked(self, result: CheckResult) -> None:
        """A check of the data is done."""

    def climbing(self, rungs: tuple[str, ...]) -> None:
        """These rungs will be tried, in this order."""

    def progress(self, step: str, share: float) -> None:
        """A long step is running; `share` of it, in [0, 1], is done."""

    def candidate(self, evidence: Evidence) -> None:
        """A rung was measured, skipped, or crashed."""

    def decided(self, decision: Decision) -> None:
        """A winner was chosen on dev, or none."""

    def judged(self, verdict: Verdict) -> None:
        """A gate has spoken."""

    def note(self, sentence: str) -> None:
        """Something a person should know."""


class SilentListener:
    """Says nothing."""

    def stage(self, sentence: str) -> None:
        """Nothing."""

    def checked(self, result: CheckResult) -> None:
        """Nothing."""

    def climbing(self, rungs: tuple[str, ...]) -> None:
        """Nothing."""

    def progress(self, step: str, share: float) -> None:
        """Nothing."""

    def candidate(self, evidence: Evidence) -> None:
        """Nothing."""

    def decided(self, decision: Decision) -> None:
        """Nothing."""

    def judged(self, verdict: Verdict) -> None:
        """Nothing."""

    def note(self, sentence: str) -> None:
        """Nothing."""
