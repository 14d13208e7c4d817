"""A router's side of its talk with the supervisor: assignments in, counts out, and questions between them.

    in:  assignment (a model's split, and where its releases are), counted (a shipment was kept),
         deaths (of processes, with what they were at), answer (to a question), drain (finish, and end)
    out: hello, following (an assignment is followed), counts, alarm, ask

Leaves to others: the connection (`processes.messages`), the split (`router.models`), what is counted.
Always: of several assignments that wait, the newest is followed; a supervisor that is gone changes nothing
in how requests are answered; what was counted meanwhile is told to the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from functools import partial

from smallcraft.errors import SmallcraftError
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.loading.source import read_source
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.shipment import to_message
from smallcraft.serve.processes.messages import Line, Message
from smallcraft.serve.protocol import messages as http
from smallcraft.serve.protocol.routes import Goal
from smallcraft.serve.questions import Refusal
from smallcraft.serve.rollout.assignment import assignment_from
from smallcraft.serve.router.arms import Local
from smallcraft.serve.router.models import ServedModel, read_reach
from smallcraft.serve.router.quarantine import Quarantine
from smallcraft.serve.router.stepping import Slot
from smallcraft.serve.worker.blackbox import BlackBox

_LOG = logging.getLogger("smallcraft.serve")
# A question to the supervisor, and what waits for answers at most.
_ASK_S = 5.0
_MOST_ASKED = 64
_LAST_S = 0.5
# With nothing to tell, one turn of so many is told of.
_QUIET_TURNS = 8


class Follower:
    """Follows one supervisor after the other.

    Args:
        router: Name of this life of this router.
        models: By name.
        counters: What it counts.
        quarantine: What it knows of deaths.
        box: Its own black box.
        on_drain: Told to finish and end.
        keeps_embeddings: Whether releases that it loads tell what their encoders said.
    """

    def __init__(
        self,
        router: str,
        models: Mapping[str, ServedModel],
        counters: Counters,
        quarantine: Quarantine,
        *,
        box: BlackBox,
        on_drain: Callable[[], None],
        keeps_embeddings: bool = False,
    ) -> None:
        self._router = router
        self._models = models
        self._counters = counters
        self._quarantine = quarantine
        self._box = box
        self._on_drain = on_drain
        self._keeps_embeddings = keeps_embeddings
        self._channel: Line | None = None
        self._newest: dict[str, Message] = {}
        self._news = asyncio.Event()
        self._counted = asyncio.Event()
        self._asked: dict[int, Slot[Message | None]] = {}
        self._number = self._quiet = 0
        self._alarm = ""

    @property
    def is_led(self) -> bool:
        """Whether there is a supervisor."""
        return self._channel is not None and self._channel.is_open

    def meet(self, channel: Line, *, is_orphan: bool) -> None:
        """A supervisor is there."""
        self._channel = channel
        self._alarm = ""
        channel.send({"kind": "hello", "router": self._router, "orphan": is_orphan})

    def lose(self, channel: Line) -> None:
        """A supervisor is gone; all goes on as it said last."""
        if channel is self._channel:
            self._channel = None
        asked, self._asked = self._asked, {}
        for waiting in asked.values():
            waiting.set(None)

    @property
    def is_ready(self) -> bool:
        """Whether every model has a split to follow."""
        return all(model.split is not None for model in self._models.values())

    def take(self, message: Message, channel: Line) -> None:
        """The supervisor says something."""
        kind = message.get("kind")
        if kind == "assignment":
            self._newest[message["model"]] = message
            self._news.set()
        elif kind == "counted":
            self._counters.acknowledge(message["sequence"])
            self._counted.set()
        elif kind == "deaths":
            for name, fingerprints in message["deaths"]:
                self._counters.quarantined += len(self._quarantine.blame(fingerprints, name))
        elif kind == "answer":
            waiting = self._asked.pop(message["number"], None)
            if waiting is not None:
                waiting.set(message)
        elif kind == "drain":
            self._on_drain()
        else:
            _LOG.error("a supervisor of another version said %r", kind)
            channel.close()

    def ship(self) -> None:
        """Tell what was counted; what was told and not yet kept is told again.

        Where there is nothing to tell that is told now and then, as a sign of life: the supervisor writes
        down each shipment.
        """
        if self._channel is None or not self._channel.is_open:
            return
        self._quiet = 0 if self._counters.has_news else self._quiet + 1
        if self._quiet % _QUIET_TURNS:
            return
        for model in self._models.values():
            model.note_open()
        self._channel.send({"kind": "counts", "shipment": to_message(self._counters.take())})

    def raise_alarm(self, why: str) -> None:
        """Tell what a person should look at, when it is another thing than before; empty for nothing."""
        if self._channel is not None and why != self._alarm:
            self._alarm = why
            self._channel.send({"kind": "alarm", "why": why})

    async def ship_last(self) -> None:
        """Tell what is left to be told, as far as somebody keeps it."""
        # What was under way, and what came after it.
        for _ in range(2):
            if not self._counters.has_news:
                return
            self._counted.clear()
            self.ship()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._counted.wait(), _LAST_S)

    async def ask(self, goal: Goal, rollout: str, accept: str) -> http.Message:
        """Ask the supervisor for what only it knows.

        Args:
            goal: For what.
            rollout: About which rollout; may be empty.
            accept: The client's header of that name.
        """
        if self._channel is None or len(self._asked) >= _MOST_ASKED:
            return http.write_refusal(_ABSENT)
        self._number += 1
        number, waiting = self._number, Slot[Message | None]()
        self._asked[number] = waiting
        told = {"number": number, "goal": goal, "rollout": rollout, "accept": accept}
        self._channel.send({"kind": "ask", **told})
        timer = asyncio.get_running_loop().call_later(_ASK_S, waiting.set, None)
        answer = await waiting
        timer.cancel()
        self._asked.pop(number, None)
        if answer is None:
            return http.write_refusal(_ABSENT)
        body = str(answer["body"]).encode()
        headers = [(b"content-type", str(answer["type"]).encode()), (b"content-length", b"%d" % len(body))]
        return http.Message(int(answer["status"]), headers, body)

    async def follow(self) -> None:
        """Follow assignments as they come, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            newest, self._newest = self._newest, {}
            for name, message in newest.items():
                try:
                    await self._follow(self._models[name], message)
                except (SmallcraftError, KeyError) as error:
                    _LOG.error("an assignment of %s is not followed: %s", name, error)
                    if not self.is_ready:
                        # Nothing to serve; the supervisor starts another one, or gives up.
                        self._on_drain()

    async def _follow(self, model: ServedModel, message: Message) -> None:
        assignment = assignment_from(message["assignment"])
        for digest, told in message["reach"].items():
            await model.reach(digest, read_reach(told))
            if told.get("source") is not None and not model.has_local(digest):
                await self._load(model, digest, told["source"])
        model.follow(assignment)
        if self._channel is not None:
            local = [digest for digest in message["reach"] if model.has_local(digest)]
            self._channel.send({"kind": "following", "model": model.name, "local": local})

    async def _load(self, model: ServedModel, digest: str, told: Message) -> None:
        """Load a release into this process, beside the requests; it was tried in another one before."""
        loop = asyncio.get_running_loop()
        loaded = await loop.run_in_executor(None, partial(open_model, read_source(told)))
        if self._keeps_embeddings:
            loaded.answerer.keep_embeddings()
        model.use_local(digest, Local(loaded.answerer, self._box))


_ABSENT = Refusal(
    503,
    "the supervisor does not answer, and it alone knows; requests are served on; try again",
    {"retry-after": "5"},
)
