"""A reading with something of everything in it."""

from __future__ import annotations

import numpy as np
from tests.serve.metrics.replies import reply

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.reading import Reading, Restarts, RolloutReading, WorkerReading
from smallcraft.serve.metrics.step import StepName
from smallcraft.serve.metrics.tally import Served
from smallcraft.serve.metrics.totals import Totals

# A label may be anything that stood in a column.
ODD = 'a "quoted"\nback\\slash {label="x"} é'
STABLE, CANARY = Served("helpdesk", "helpdesk@3"), Served("helpdesk", "helpdesk@4")


def counted(requests: int = 40, *, seed: int = 5) -> Totals:
    """Totals of one router with both arms, failures and refusals."""
    rng = np.random.default_rng(seed)
    counters = Counters("router 1")
    step = counters.step(StepName("r1", 1), classes=[ODD, "b"], stable=STABLE, canary=CANARY)
    for _ in range(requests):
        arm = step.arms[int(rng.random() < 0.3)]
        arm.answered(
            reply(ODD, "b", escalated=bool(rng.random() < 0.2)), seconds=float(rng.gamma(2.0, 0.004))
        )
        arm.batch(2)
    step.arms[1].failed(status=None)
    step.arms[0].sent(200)
    step.arms[0].failed(status=503)
    step.arms[0].answered(reply(None), seconds=100.0)
    counters.refuse("too_large")
    counters.request_bytes += 1_000
    totals = Totals()
    totals.add(counters.take())
    return totals


def reading(totals: Totals | None = None) -> Reading:
    """All that there is to show."""
    return Reading(
        totals=counted() if totals is None else totals,
        version="0.6.0",
        rollout=RolloutReading(
            rollout="r1",
            model="helpdesk",
            release="helpdesk@4",
            phase="canary",
            weight=0.05,
            thresholds={"hold": 5.0, "promote": 20.0, "roll_back": 20.0},
            against={"errors": 0.5, "latency": 3.25, "combined": 1.5},
            non_inferior={"errors": 2.0},
        ),
        workers=(WorkerReading("helpdesk", "helpdesk@3", "41", 90_000_000),),
        restarts=(Restarts("helpdesk", "helpdesk@4", "crash", 2),),
        alarms=("state_unreadable",),
    )
