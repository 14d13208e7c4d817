"""What happens to one request for a model: which arm it meets, whether it may enter, who answers it at last.

    admit -> draw an arm -> ask it; did the new release fail, ask the stable one instead, once

Leaves to others: bytes and headers (`serve.app`), reaching a release (`router.arms`), what counts mean.
Always: a client never learns that the new release failed, while the stable one answers; every request that
was drawn is counted once, about the arm that chance chose; what a client asked for by version is no evidence,
nor is anything while one of the releases cannot be asked; who waits for a release that is served no more is
answered by the one in its place.
Not covered: the stable release failing; a worker of it that dies is asked again when it is back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.questions import Refusal
from smallcraft.serve.router.accounts import Account
from smallcraft.serve.router.asking import Given, Request, try_arm
from smallcraft.serve.router.links import Refused, Unanswered, Why
from smallcraft.serve.router.models import ServedModel, Split
from smallcraft.serve.router.quarantine import Quarantine, refusal
from smallcraft.serve.router.shadowing import Shadow
from smallcraft.serve.windows.buffer import RowBuffer

# How often the stable release is asked: a worker that dies is no reason to fail a request.
_TRIES = 3
# A client that leaves earlier says nothing about the release; later, it did not get its answer in time.
_SHORT_S = 1.0
_LATE = (Why.TIMED_OUT, Why.EXPIRED, Why.GONE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited.

    Attributes:
        answer_s: For an answer, before a client is told that there is none.
        canary_s: For the new release, before the stable one is asked instead.
    """

    answer_s: float = 10.0
    canary_s: float = 5.0


class Desk:
    """Answers requests for the models of one router.

    Args:
        counters: What it counts.
        patience: How long it waits.
        windows: Told of what clients are given; None for nobody.
    """

    def __init__(self, counters: Counters, patience: Patience, windows: RowBuffer | None = None) -> None:
        self.quarantine = Quarantine()
        self._counters = counters
        self._patience = patience
        self._shadow = Shadow()
        self._windows = windows

    async def answer(self, model: ServedModel, request: Request) -> Given | Refusal:
        """The answer to a request, or why there is none.

        Args:
            model: Which model.
            request: What is asked.
        """
        split = model.split
        if split is None:
            return self._refuse("not_ready", _retry("the model is not loaded yet"))
        if self.quarantine.has_suspects:
            if self.quarantine.is_refused(request.fingerprint):
                return self._refuse("quarantined", refusal())
            request.is_alone = self.quarantine.is_suspect(request.fingerprint)
        gate = model.gate
        if not gate.enter():
            return self._refuse("overload", gate.refusal())
        try:
            if request.version:
                return await self._answer_version(model, split, request)
            account = self._draw(split, request)
            if account.tally.arm == "canary":
                return await self._ask_canary(model, split, request, account)
            return await self._ask_stable(model, split, request, account)
        finally:
            gate.leave(time.monotonic() - request.arrived)

    def _draw(self, split: Split, request: Request) -> Account:
        """Where a request counts, and so which arm it meets: by its key, or by chance."""
        stable, canary = split.tallies.arms
        if not split.assignment.rollout:
            return Account(stable)
        splitter, key = split.splitter, request.opened.key
        bucket = splitter.draw() if key is None else splitter.bucket_of(key)
        told = None if key is None else bucket
        is_drawn, new = split.is_counted, split.canary
        if new is not None and new.is_ready and splitter.is_canary(bucket):
            return Account(canary, told, is_drawn=is_drawn)
        return Account(stable, told, is_drawn=is_drawn)

    async def _ask_canary(
        self, model: ServedModel, split: Split, request: Request, account: Account
    ) -> Given | Refusal:
        """Ask the new release, and the stable one in its place when it fails."""
        assert split.canary is not None, "drawn for a release that is there"
        by = request.arrived + self._patience.canary_s
        said = await try_arm(split.canary, request, name="canary", deadline=by)
        if isinstance(said, Given):
            return self._give(said, request, account)
        if isinstance(said, Unanswered) and said.why is Why.GONE:
            return self._fail(said, request, account)
        stable = split.tallies.arms[0]
        given = await self._ask_stable(model, split, request, Account(stable, is_settled=True))
        # Rows that no release takes are their sender's to mend.
        if isinstance(said, Unanswered):
            account.failed(None, timed_out=said.why in _LATE, is_repeat=said.is_repeat)
        elif not said.is_clients or isinstance(given, Given):
            account.failed(None)
        else:
            return given
        self._note_failure(account)
        return given

    async def _answer_version(self, model: ServedModel, split: Split, request: Request) -> Given | Refusal:
        stable, canary = split.tallies.arms
        if request.version == split.stable.version:
            return await self._ask_stable(model, split, request, Account(stable))
        if split.canary is None or request.version != split.canary.version:
            known = " and ".join(arm.version for arm in (split.stable, split.canary) if arm is not None)
            unknown = Refusal(404, f"version {request.version[:40]!r} is not served; there is {known}", {})
            return self._refuse("unknown", unknown)
        account, by = Account(canary), request.arrived + self._patience.answer_s
        said = await try_arm(split.canary, request, name="canary", deadline=by)
        if isinstance(said, Given):
            return self._give(said, request, account)
        return self._fail(said, request, account)

    async def _ask_stable(
        self, model: ServedModel, split: Split, request: Request, account: Account
    ) -> Given | Refusal:
        failure: Refused | Unanswered = Unanswered(Why.LOST, is_repeat=True)
        arm, by = split.stable, request.arrived + self._patience.answer_s
        for _ in range(_TRIES):
            if not arm.is_ready and not await arm.until_linked(by):
                if arm.is_retired:
                    return await self._ask_successor(model, request, account)
                break
            if request.is_gone:
                failure = Unanswered(Why.GONE)
                break
            request.is_alone = self.quarantine.is_suspect(request.fingerprint)
            said = await try_arm(arm, request, name="stable", deadline=by)
            if isinstance(said, Given):
                if split.canary is not None and split.assignment.is_shadow and account.is_evidence:
                    decisions = said.answered.reply.decisions
                    self._shadow.copy(
                        decisions, request, split.canary, tallies=split.tallies, key=account.key
                    )
                return self._give(said, request, account)
            failure = said
            if isinstance(said, Refused) or said.why is not Why.LOST:
                break
            account.failed(None, is_repeat=said.is_repeat)
            if self.quarantine.is_refused(request.fingerprint):
                failure = Unanswered(Why.POISON)
                break
        return self._fail(failure, request, account)

    async def _ask_successor(self, model: ServedModel, request: Request, account: Account) -> Given | Refusal:
        """Ask who is stable now, since the release that was met is served no more."""
        split = model.split
        assert split is not None, "an arm is retired for a split that names others"
        if request.version:
            return await self._answer_version(model, split, request)
        return await self._ask_stable(model, split, request, account.moved_to(split.tallies.arms[0]))

    def _give(self, given: Given, request: Request, account: Account) -> Given:
        answered = given.answered
        if request.is_alone:
            self.quarantine.clear(request.fingerprint)
        if answered.batch_rows:
            account.tally.batch(answered.batch_rows)
        seconds = time.monotonic() - request.arrived
        account.answered(answered, seconds=seconds)
        if self._windows is not None and not request.is_gone:
            self._windows.answered(given, request.opened, seconds)
        return given

    def _fail(self, said: Refused | Unanswered, request: Request, account: Account) -> Refusal:
        if isinstance(said, Refused):
            if said.is_clients:
                return self._refuse("invalid", Refusal(400, said.message, {}))
            account.failed(_BROKEN.status)
            self._note_failure(account)
            return _BROKEN
        if said.why is Why.POISON:
            return self._refuse("quarantined", refusal())
        told = _FAILURES[said.why]
        if said.why is Why.GONE:
            self._counters.clients_gone += 1
            if time.monotonic() - request.arrived < _SHORT_S:
                return told
        account.failed(told.status, timed_out=said.why in _LATE, is_repeat=said.is_repeat)
        self._note_failure(account)
        return told

    def _note_failure(self, account: Account) -> None:
        if self._windows is not None:
            self._windows.failed(account.tally.served.release)

    def _refuse(self, reason: str, told: Refusal) -> Refusal:
        self._counters.refuse(reason)
        return told


def _retry(what: str, status: int = 503) -> Refusal:
    return Refusal(status, f"{what}; try again in a moment", {"retry-after": "1"})


_BROKEN = Refusal(500, "the model failed to answer this request; tell who runs the server", {})
_FAILURES = {
    Why.LOST: _retry("the model's process ended and is not back yet"),
    Why.TIMED_OUT: _retry("the model did not answer in time", 504),
    Why.EXPIRED: _retry("there was too much to do, and the request's time was over before its turn"),
    Why.FULL: _retry("there is too much to do"),
    Why.GONE: Refusal(499, "the client has gone", {}),
}
