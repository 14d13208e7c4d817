"""Answers questions with a bundle, or with the tasks of a trunk: rows in, a reply out.

Leaves to others: where questions come from and which are answered together (`serve.worker`, `serve.router`),
how a bundle got here (`serve.loading`), several texts in one run (`serve.equal_lengths`).
Always: a reply is what the bundle says of those rows alone, bit for bit, whatever is answered beside it; its
numbers are finite.
Safe to use from several threads, as a bundle is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.value import Value
from smallcraft.bundle.inputs import Inputs, InputSpec, join_inputs
from smallcraft.bundle.runtime import TASK_OF_LINK, Bundle, answer_inputs
from smallcraft.bundle.trunk.task import TrunkTask
from smallcraft.bundle.trunk.trunk import Trunk
from smallcraft.errors import (
    BundleFormatError,
    InvalidInputError,
    NotFoundError,
    SmallcraftError,
    nearest_name,
)
from smallcraft.records import Decisions
from smallcraft.serve.equal_lengths import Together
from smallcraft.serve.questions import ModelFacts, Reply
from smallcraft.serve.windows.embeddings import answer_and_keep

OWN_HEAD = ""


class Answerer:
    """Answers by head; `bundle_answerer` and `trunk_answerer` make one.

    Args:
        heads: Facts by head; a model's own is the empty name.
        take: The bundle of a head.
    """

    def __init__(self, heads: Mapping[str, ModelFacts], take: Callable[[str], Bundle]) -> None:
        self.heads = heads
        self._take = take
        self._keeps_embeddings = False

    def keep_embeddings(self) -> None:
        """Give with each reply from now on what an encoder said on the way to it."""
        self._keeps_embeddings = True

    def answer(self, inputs: Inputs, head: str = OWN_HEAD) -> Reply:
        """The reply to one question.

        Args:
            inputs: Its rows, of the columns that the head reads.
            head: One of `heads`.

        Raises:
            NotFoundError: There is no such head.
            IntegrityError: A file of the head, read now, is not the one that was recorded.
            InvalidInputError: Values that it needs are missing.
            SmallcraftError: What was read now is no head, or what it says is no number.
        """
        if head not in self.heads:
            raise NotFoundError(
                f"head '{head}' is not served here; there is {', '.join(map(repr, self.heads))}"
                f"{nearest_name(head, self.heads)}"
            )
        try:
            bundle = self._take(head)
            if self._keeps_embeddings:
                found, embedding = answer_and_keep(bundle, inputs)
            else:
                found, embedding = answer_inputs(bundle.stages, bundle.decoder, inputs), None
        except BundleFormatError as error:
            # What is read on demand may turn out to be none; that is no fault of whoever asked.
            raise SmallcraftError(f"{self.heads[head].label} cannot answer: {error}") from error
        # A third of what `.all()` costs, a request.
        if 0 in np.isfinite(found.probs).tobytes():
            raise _no_number(self.heads[head], inputs)
        decided = bundle.decoder.decides.decide(found.probs, bundle.classes)
        return Reply(found.probs, decided, found.escalated, embedding)

    def answer_many(self, head: str, questions: Sequence[Inputs]) -> list[Reply]:
        """Replies to several questions, in their order, each as `answer` gives it.

        Args:
            head: One of `heads`.
            questions: Rows of each, of the columns that the head reads.

        Raises:
            Errors: Those of `answer`, when any of them has one.
        """
        if len(questions) < 2:
            return [self.answer(inputs, head) for inputs in questions]
        return split_reply(self.answer(join_inputs(questions), head), [inputs.n for inputs in questions])


def bundle_answerer(bundle: Bundle, facts: ModelFacts, *, threads: int = 1) -> Answerer:
    """Answers with one bundle.

    Args:
        bundle: Opened.
        facts: What is known of it (`facts_of`).
        threads: Of an encoder's runs, how many may go side by side; each run has one thread.
    """
    bound = Together(_pool(threads)).bind(bundle)
    return Answerer({OWN_HEAD: facts}, lambda _: bound)


def trunk_answerer(trunk: Trunk, heads: Mapping[str, ModelFacts], *, threads: int = 1) -> Answerer:
    """Answers with the tasks of a trunk, each read when it is first asked.

    Args:
        trunk: With its tasks.
        heads: Facts of the tasks that are served, by name (`facts_of_task`).
        threads: As in `bundle_answerer`.
    """
    pool = _pool(threads)
    together = {head: Together(pool) for head in heads}
    return Answerer(heads, lambda head: together[head].bind(trunk.bundle(head)))


def facts_of(bundle: Bundle, name: str, version: str) -> ModelFacts:
    """What a router must know of a bundle.

    Args:
        bundle: Opened.
        name: The model's.
        version: The release's number, as text.
    """
    return ModelFacts(
        name=name,
        version=version,
        digest=bundle.digest,
        task=bundle.task,
        spec=bundle.spec,
        classes=bundle.classes,
        has_stages=len(bundle.stages) > 1,
        has_sets=_has_sets(bundle.decoder),
        has_intervals=_has_intervals(bundle.decoder),
    )


def facts_of_task(task: TrunkTask, name: str, version: str) -> ModelFacts:
    """The same of a task that was not read yet, from its description.

    Raises:
        BundleFormatError: The description is incomplete.
    """
    described: Mapping[str, Any] = task.description
    try:
        spec, decoder = described["inputs"], Decoder.read(described["decoder"])
        return ModelFacts(
            name=name,
            version=version,
            digest=task.digest,
            task=TASK_OF_LINK[decoder.link],
            spec=InputSpec(spec["text"], tuple(spec["numbers"]), tuple(spec["categories"])),
            classes=tuple(described["classes"]),
            has_stages=len(described["stages"]) > 1,
            has_sets=_has_sets(decoder),
            has_intervals=_has_intervals(decoder),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise BundleFormatError(
            f"{task.root} describes its task incompletely ({type(error).__name__}: {error}); write it again"
        ) from error


def _has_sets(decoder: Decoder) -> bool:
    return isinstance(decoder.decides, Conformal)


def _has_intervals(decoder: Decoder) -> bool:
    return isinstance(decoder.decides, Value) and decoder.decides.half_width is not None


def split_reply(reply: Reply, rows: Sequence[int]) -> list[Reply]:
    """A reply to several questions asked together, as one reply a question.

    Args:
        reply: To all rows, one question after the other.
        rows: How many rows each has.
    """
    parts, start = [], 0
    for count in rows:
        span = slice(start, start + count)
        embedding = None if reply.embedding is None else reply.embedding[span]
        parts.append(Reply(reply.probs[span], _part(reply.decisions, span), reply.escalated[span], embedding))
        start += count
    return parts


def _part(decided: Decisions, span: slice) -> Decisions:
    return Decisions(
        labels=decided.labels[span],
        confidence=None if decided.confidence is None else decided.confidence[span],
        abstained=decided.abstained[span],
        sets=None if decided.sets is None else decided.sets[span],
        low=None if decided.low is None else decided.low[span],
        high=None if decided.high is None else decided.high[span],
    )


def _no_number(facts: ModelFacts, inputs: Inputs) -> SmallcraftError:
    """Whose fault it is: of rows with holes their sender's, of whole ones the model's."""
    if np.isnan(inputs.numbers).any():
        return InvalidInputError(
            f"{facts.label} needs every number of a row, got rows in which some are missing; send all of them"
        )
    return SmallcraftError(
        f"{facts.label} must answer with finite numbers, got others for sound rows; roll it back"
    )


def _pool(threads: int) -> Executor | None:
    return ThreadPoolExecutor(threads, thread_name_prefix="runs") if threads > 1 else None
