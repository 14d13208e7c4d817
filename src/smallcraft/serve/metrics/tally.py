"""Numbers of one arm under one step of a rollout, as a router counts them: about a microsecond a request.

Two things are counted beside each other: *evidence*, of which `serve.rollout.counts` says what counts, and
*traffic*, which is all there was, for people who watch. Both arms are counted alike, whatever is asked of
them. A request keeps the tally that it was assigned under, so that it counts under the weight that chose its
arm, also when it ends after the weight has changed.

Leaves to others: assignment (`serve.router`), what the counts mean (`serve.rollout.evidence`).
Always: memory does not grow with requests; a request is evidence once, about the arm that its bucket chose.
Not covered: threads; a router counts from its event loop alone.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from smallcraft.records import Decisions, Label
from smallcraft.serve.metrics.shipment import BATCH_BINS
from smallcraft.serve.metrics.step import Step
from smallcraft.serve.questions import ARMS, Reply
from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, LATENCY_EDGES_S

_EDGES_S: tuple[float, ...] = tuple(LATENCY_EDGES_S.tolist())
_TIMED_OUT = LATENCY_BINS - 1
NONE = -1
# Of a first request without its key and arm: latency, answer, confidence, escalated, disagreed; -1 for none.
First = list[int]


@dataclass(frozen=True, slots=True)
class Served:
    """What stands behind an arm: the model's name and the release's, `helpdesk` and `helpdesk@3`."""

    model: str
    release: str


class Evidence:
    """Of one arm what its tests read."""

    __slots__ = (
        *("classes", "confidence", "errors", "escalated", "failed_keys", "firsts", "keyed_requests"),
        *("latency", "requests", "rows", "subjects"),
    )

    def __init__(self, classes: int) -> None:
        self.requests = self.subjects = self.errors = self.rows = self.escalated = self.keyed_requests = 0
        self.latency = [0] * LATENCY_BINS
        self.classes = [0] * (classes + 1)
        self.confidence = [0] * CONFIDENCE_BINS
        self.firsts: dict[int, First] = {}
        self.failed_keys: list[int] = []


class Tally:
    """Numbers of one arm; `in_flight` and `queued` are kept by whoever admits requests.

    Attributes:
        evidence: What the tests read.
        latency: Of all answers, by bin.
        replies: How often each HTTP status was sent by this arm's release.
        failures: Requests that it should have answered and did not, whatever the client was told.
        retries: Those among them that the other arm answered in its place.
    """

    __slots__ = (
        *("_step", "arm", "batch_rows", "batches", "classes", "confidence", "confidence_sum", "escalated"),
        *(
            "evidence",
            "failures",
            "in_flight",
            "latency",
            "queued",
            "replies",
            "retries",
            "rows",
            "seconds",
            "served",
        ),
    )

    def __init__(self, arm: int, served: Served, step: Step) -> None:
        """Nothing seen yet, of arm 0 or 1 of a step."""
        self.arm = ARMS[arm]
        self.served = served
        self._step = step
        self.in_flight = self.queued = 0
        self.clear()

    def clear(self) -> None:
        """Begin again at zero; what is in flight stays so, and keys that were met stay met."""
        classes = len(self._step.position)
        self.evidence = Evidence(classes)
        self.latency = [0] * LATENCY_BINS
        self.classes = [0] * (classes + 1)
        self.confidence = [0] * CONFIDENCE_BINS
        self.batches = [0] * BATCH_BINS
        self.rows = self.escalated = self.batch_rows = self.retries = self.failures = 0
        self.seconds = self.confidence_sum = 0.0
        self.replies: dict[int, int] = {}

    def answered(
        self,
        reply: Reply,
        *,
        seconds: float,
        worked_s: float | None = None,
        key: int | None = None,
        is_drawn: bool = True,
    ) -> None:
        """Count a request that this arm answered.

        Args:
            reply: What it said.
            seconds: From the whole request being there to the answer being there.
            worked_s: What of that the model worked, which is evidence: waiting depends on an arm's share of
                traffic and on which process it is in, not on the release. None for all of it.
            key: The bucket that chose the arm, 64 bits; None for a request without a key.
            is_drawn: Whether chance chose the arm; False where the client named a version, which is traffic
                and no evidence.
        """
        latency = bisect_right(_EDGES_S, seconds)
        self.latency[latency] += 1
        self.seconds += seconds
        self.replies[200] = self.replies.get(200, 0) + 1
        labels = reply.decisions.labels
        classes = [self._place(label) for label in labels]
        for place in classes:
            self.classes[place] += 1
        bins = self._confidence_of(reply.decisions)
        escalated = reply.escalated.tolist()
        self.rows += len(labels)
        self.escalated += sum(escalated)
        if is_drawn and labels:
            if worked_s is not None:
                latency = bisect_right(_EDGES_S, worked_s)
            self._weigh(key, [latency, classes[0], bins[0] if bins else NONE, int(escalated[0]), NONE])

    def failed(
        self,
        *,
        status: int | None,
        key: int | None = None,
        timed_out: bool = False,
        is_repeat: bool = False,
        is_drawn: bool = True,
    ) -> None:
        """Count a request that this arm failed: an error of its own, a crash, a time-out.

        Args:
            status: What the client was told; None where the other arm answers in its place.
            key: As for `answered`.
            timed_out: Whether it took longer than any answer may.
            is_repeat: Whether it went down with others in one failure, which is counted as one error: tests
                take errors to come one by one.
            is_drawn: As for `answered`.
        """
        self.failures += 1
        if status is None:
            self.retries += 1
        else:
            self.sent(status)
        if not is_drawn:
            return
        if is_repeat:
            self._weigh(key, [NONE, NONE, NONE, NONE, NONE])
            return
        self._weigh(key, [_TIMED_OUT if timed_out else NONE, NONE, NONE, NONE, NONE])
        evidence = self.evidence
        if key is None:
            evidence.errors += 1
        elif key >= self._step.settled and self._step.failed.add(key):
            evidence.failed_keys.append(key)

    def overdue(self, key: int | None = None) -> None:
        """Count a drawn request that is older than any answer may be; should a reply still come, `sent`."""
        self.failed(status=None, key=key, timed_out=True)
        self.retries -= 1

    def sent(self, status: int) -> None:
        """Count a reply that says nothing about this arm: given in place of the other, or counted before."""
        self.replies[status] = self.replies.get(status, 0) + 1

    def batch(self, rows: int) -> None:
        """Count one run of the model over some rows, 1 or more."""
        self.batches[min(rows, BATCH_BINS) - 1] += 1
        self.batch_rows += rows

    def named(self) -> dict[str, int]:
        """How often each class was answered, those that were not left out."""
        return {
            name: self.classes[place] for name, place in self._step.position.items() if self.classes[place]
        }

    def has_evidence(self) -> bool:
        """Whether anything that a test reads was counted since `clear`."""
        return bool(self.evidence.requests or self.evidence.keyed_requests)

    def _weigh(self, key: int | None, first: First) -> None:
        """Count the evidence of one request."""
        evidence = self.evidence
        if key is not None:
            evidence.keyed_requests += 1
            if key >= self._step.settled and self._step.met.add(key):
                evidence.firsts[key] = first
            return
        latency, answer, confidence, escalated, _ = first
        evidence.requests += 1
        evidence.subjects += 1
        if latency >= 0:
            evidence.latency[latency] += 1
        if answer >= 0:
            evidence.rows += 1
            evidence.classes[answer] += 1
            evidence.escalated += escalated
        if confidence >= 0:
            evidence.confidence[confidence] += 1

    def _place(self, label: Label) -> int:
        """Of an answer its class; of several tags the first; the last place for all else."""
        if type(label) is tuple:
            label = label[0] if label else None
        return self._step.position.get(label, len(self._step.position))  # type: ignore[arg-type]

    def _confidence_of(self, decisions: Decisions) -> list[int]:
        """Bins of each row, counted; -1 for NaN."""
        if decisions.confidence is None:
            return []
        bins = []
        for confidence in decisions.confidence.tolist():
            if 0.0 <= confidence <= 1.0:
                place = min(int(confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)
                self.confidence[place] += 1
                self.confidence_sum += confidence
                bins.append(place)
            else:
                bins.append(NONE)
        return bins
