"""Every page that is made from kept results, written anew in seconds; nothing is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.campaigns.__main__ import EXPERIMENTS
from benchmarks.campaigns.page import PAGE as CAMPAIGNS
from benchmarks.campaigns.page import render_page as render_campaigns
from benchmarks.comparison.page import write_page as write_comparison
from benchmarks.drift.page import write_page as write_drift
from benchmarks.faults.page import write_page as write_faults
from benchmarks.guarantees.page import write_page as write_guarantees
from benchmarks.ladders.page import write_page as write_ladder
from benchmarks.matrix.page import write_page as write_matrix
from benchmarks.rollouts.page import write_page as write_rollouts
from benchmarks.scale.page import write_page as write_scale
from benchmarks.suites import SUITES
from benchmarks.write import kept_results
from benchmarks.write import write_page as write_benchmarks


def _write_campaigns() -> None:
    CAMPAIGNS.write_text(render_campaigns([*EXPERIMENTS]), encoding="utf-8")


PAGES: Mapping[str, Callable[[], None]] = {
    "BENCHMARKS.md": lambda: write_benchmarks(kept_results(list(SUITES))),
    "docs/ladder.md": write_ladder,
    "docs/rollouts.md": write_rollouts,
    "docs/drift.md": write_drift,
    "docs/campaigns.md": _write_campaigns,
    "docs/faults.md": write_faults,
    "docs/scale.md": write_scale,
    "docs/matrix.md": write_matrix,
    # These two read what the others are made from.
    "docs/guarantees.md": write_guarantees,
    "docs/compare.md": write_comparison,
}


def write_pages() -> None:
    """All of them."""
    for write in PAGES.values():
        write()
