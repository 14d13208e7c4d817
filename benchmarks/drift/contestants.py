"""Who stands in the tables: this project's guardrail with its default settings, and the peers with theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.peers import ALIBI_DETECT, EVIDENTLY, FROUROS, NANNYML, WHYLOGS, Environment

OURS = "smallcraft"
OUR_SETTINGS = (
    "`[watch]` as it is by default: windows of an hour, 0.1 false alarms a month, the conformal detector; "
    "the season where the world's name says so"
)


@dataclass(frozen=True)
class Peer:
    """A library.

    Attributes:
        environment: Where it is installed.
        program: In `benchmarks.children`.
        rules: Name to its settings, in words.
    """

    environment: Environment
    program: str
    rules: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the library."""
        return self.environment.name


PEERS = (
    Peer(
        EVIDENTLY,
        "drift_evidently",
        {
            "Evidently, any column": "`DataDriftPreset`: above 1,000 rows of reference the Wasserstein "
            "distance of a column, in its standard deviations, is at least 0.1; an alarm when one "
            "column drifted",
            "Evidently, half of the columns": "the same; an alarm when at least half of the columns drifted "
            "(`drift_share=0.5`), which is what it calls dataset drift",
        },
    ),
    Peer(
        NANNYML,
        "drift_nannyml",
        {
            "NannyML, any column": "`UnivariateDriftCalculator`: Jensen-Shannon distance of a column above "
            "the mean plus 3 standard deviations of the reference's chunks; its reference is the whole month "
            "before",
            "NannyML, reconstruction": "`DataReconstructionDriftCalculator`: reconstruction error of a "
            "principal component analysis outside 3 standard deviations; the same reference",
        },
    ),
    Peer(
        ALIBI_DETECT,
        "drift_alibi",
        {"alibi-detect, KS": "`KSDrift`: p < .05 in any column after Bonferroni's correction"},
    ),
    Peer(
        FROUROS,
        "drift_frouros",
        {
            "frouros, KS p < .01": "`KSTest` of each column at the level of its quick start; it leaves "
            "the rule to the user"
        },
    ),
    Peer(
        WHYLOGS,
        "drift_whylogs",
        {
            "whylogs, any column": "`calculate_drift_scores`: category DRIFT, a Kolmogorov-Smirnov "
            "p < .05 of two sketches"
        },
    ),
)

RULES = (OURS, *(rule for peer in PEERS for rule in peer.rules))
