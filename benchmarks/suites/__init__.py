"""The suites, one a file: each a function from its surroundings to what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.suites import (
    adult,
    banking77,
    cells,
    check,
    clinc150,
    drift,
    faces,
    gates,
    label_issues,
    latency,
    ledger,
    near_duplicates,
    privacy,
    registry,
    scale,
    serving,
    startup,
    trunk,
    votes,
)
from benchmarks.suites.suite import Found, Surroundings

SUITES: Mapping[str, Callable[[Surroundings], Found]] = {
    "banking77": banking77.measure,
    "clinc150": clinc150.measure,
    "adult": adult.measure,
    "startup": startup.measure,
    "cells": cells.measure,
    "label_issues": label_issues.measure,
    "votes": votes.measure,
    "near_duplicates": near_duplicates.measure,
    "check": check.measure,
    "gates": gates.measure,
    "privacy": privacy.measure,
    "ledger": ledger.measure,
    "latency": latency.measure,
    "registry": registry.measure,
    "trunk": trunk.measure,
    "drift": drift.measure,
    "serving": serving.measure,
    "faces": faces.measure,
    "scale": scale.measure,
}
