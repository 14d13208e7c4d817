"""The one who decides: counts and events in, decisions out, each written before anybody acts on it.

A supervisor calls `ship` and the `report_...` methods as things happen and `tick` four times a second; there
are no sockets, processes or clocks in here.
Leaves to others: the rules (`serve.rollout`), the file (`serve.state`), telling routers (`serve.supervisor`).
Always: what is told was written; a shipment counts once, across kills too; while nothing can be written, all
stays as it was and an alarm is raised; where the state was lost, the stable release answers alone.
Not covered: what routers counted and had not shipped when they were killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.metrics.shipment import Shipment
from smallcraft.serve.rollout.assignment import Assignment, assign
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.phases import check_order, decide, weigh_state
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import Order, RolloutState
from smallcraft.serve.rollout.starting import Declared, begin_rollout, check_start
from smallcraft.serve.rollout.status import RolloutStatus, ServerStatus, tell_status
from smallcraft.serve.rollout.traffic import TrafficRate
from smallcraft.serve.state.counting import check_shipment
from smallcraft.serve.state.deciding import Moment, Turn, start_rollout, take_turn
from smallcraft.serve.state.opening import Opened, open_state
from smallcraft.serve.state.store import Outcome, StateStore, Writing

_RETRY_S = 1.0
_LONGEST_REASON = 2000
OnDone = Callable[[RolloutState], None]


class Controller:
    """Decides on the rollouts of one server.

    Attributes:
        is_deposed: Whether another controller took over; this one decides nothing any more.
    """

    def __init__(
        self, folder: Path, *, stable: NamedRelease, now: float, on_done: OnDone | None = None
    ) -> None:
        """Open the state and go on where it stood.

        Args:
            folder: Of the state.
            stable: The release that this server was started with.
            now: Monotonic seconds; a step that was under way dwells anew from here.
            on_done: Told of a rollout that is DONE, at least once, until it returns; raises
                `SmallcraftError` or `OSError` to be told again.
        """
        self.is_deposed = False
        self._folder = folder
        self._stable = stable
        self._on_done = on_done
        self._turn: Turn | None = None
        self._last_cause = ""
        self._refused: dict[str, str] = {}
        self._pending: dict[str, Shipment] = {}
        self._acknowledged: dict[str, int] = {}
        # An abort that could not be written yet.
        self._abort: Order | None = None
        self._is_changed = False
        self._alarms: dict[str, str] = {}
        self._traffic = TrafficRate(now)
        self._retry_at = now
        self._told: Assignment | None = None
        self._adopt(open_state(folder), now)

    # --- what comes in ---------------------------------------------------------------

    def ship(self, shipment: Shipment) -> None:
        """Take what a router counted; it is counted at the next tick, and acknowledged then.

        Raises:
            InvalidInputError: It is of another stable release.
        """
        ours = {self._stable.label} if self.state is None else {self._stable.label, self.state.canary.label}
        seen = [sum(part.replies.values()) for part in shipment.traffic if part.release in ours]
        self._traffic.add(sum(seen))
        if self.state is None or self.state.is_ended:
            self._acknowledged[shipment.router] = shipment.sequence
            return
        check_shipment(shipment, self.state)
        # A router ships the next one only when this one was acknowledged.
        self._pending.setdefault(shipment.router, shipment)

    def report_loaded(self, digest: str) -> None:
        """A worker of a bundle is ready: it was verified, loaded and passed its self-check."""
        self._report(digest, is_loaded=True)

    def report_unloaded(self, digest: str) -> None:
        """No worker of a bundle is ready; until one is, it gets no traffic and nothing is counted."""
        self._report(digest, is_loaded=False)

    def report_load_failure(self, digest: str, reason: str) -> None:
        """A bundle cannot be loaded, or fails its self-check."""
        self._report(digest, is_loaded=False, load_failure=_clean(reason) or "no reason was given")

    def report_crash(self, digest: str) -> None:
        """A worker of a bundle died."""
        if self.state is not None:
            self._report(digest, crashes=self.state.health.crashes + 1)

    def report_memory(self, digest: str, *, size_bytes: int, limit_bytes: int) -> None:
        """A worker of a bundle grew past its limit."""
        self._report(digest, memory_bytes=size_bytes, memory_limit_bytes=limit_bytes)

    def start(
        self,
        canary: NamedRelease,
        plan: RolloutPlan,
        declared: Declared,
        *,
        salt: str,
        at: Moment,
        unsafe_repeat: bool = False,
    ) -> None:
        """Begin a rollout; the next tick tells of it.

        Args:
            canary: The new release.
            plan: The declared settings.
            declared: What both releases say of themselves.
            salt: A random text; see `begin_rollout`.
            at: Now.
            unsafe_repeat: Whether to try a bundle that was rolled back once more.

        Raises:
            InvalidInputError: It cannot begin now; says what to do first.
            SmallcraftError: The state cannot be written.
        """
        store = self._require_store()
        if "lost" in self._alarms:
            raise InvalidInputError(
                f"{self._alarms['lost']}; look at it, then say 'smallcraft rollout abort' to go on"
            )
        check_start(canary, state=self.state, refused=self._refused, unsafe_repeat=unsafe_repeat)
        state = begin_rollout(self._stable, canary, plan, declared, salt=salt)
        state = replace(state, epoch=store.epoch)
        if not self._write(lambda writing: start_rollout(state, writing, at)):
            raise SmallcraftError(f"{self._alarms.get('disk', '')}; nothing was begun")
        self._refused.pop(canary.digest, None)

    def order(self, order: Order, *, at: Moment) -> str:
        """Do what a person wants: abort, promote, freeze or resume.

        Args:
            order: What, and why.
            at: Now.

        Returns:
            What came of it, in words.

        Raises:
            InvalidInputError: It does not fit; says what would.
            SmallcraftError: The state cannot be written.
        """
        order = replace(order, reason=_clean(order.reason))
        if order.kind == "abort" and "lost" in self._alarms:
            return self._forget_loss()
        state = self.state
        if state is None:
            raise InvalidInputError(f"'{order.kind}' needs a rollout under way; there was none yet")
        check_order(state, order)
        if order.kind in ("promote", "resume") and self._is_other_stable(state):
            raise InvalidInputError(
                f"rollout {state.id} began beside {state.stable.label}, and {self._stable.label} answers now;"
                " abort it, and start another one"
            )
        if self._advance(at, order):
            return self._last_cause
        if order.kind == "abort" and not self.is_deposed:
            # What takes traffic away needs no proof on disk; should all be killed now, it comes back.
            self._abort = order
            return f"{state.canary.label} gets no traffic from now on; {self._alarms['disk']}"
        raise SmallcraftError(f"{self._alarms.get('disk', 'nothing can be decided')}; nothing was changed")

    def tick(self, at: Moment) -> Assignment | None:
        """Let time pass: count what came, decide, write.

        Args:
            at: Now; called four times a second.

        Returns:
            What routers must be told; None when they know it.
        """
        self._traffic.tick(at.now)
        if self._store is None and not self.is_deposed and at.now >= self._retry_at:
            self._retry_at = at.now + _RETRY_S
            # Of a state that was not read no epoch is known.
            kept_epoch = None if "lost" in self._alarms else self._kept_epoch
            self._adopt(open_state(self._folder, kept_epoch=kept_epoch), at.now)
        order = self._own_order()
        if order is not None or self._pending or self._is_changed or self._is_due(at.now):
            self._advance(at, order)
        self._hand_over(at)
        assignment = self.assignment()
        if assignment == self._told:
            return None
        self._told = assignment
        return assignment

    # --- what goes out ---------------------------------------------------------------

    @property
    def state(self) -> RolloutState | None:
        """Where the last rollout stands; None before the first, and where the state was lost."""
        return None if self._turn is None else self._turn.state

    def take_acknowledgements(self) -> Mapping[str, int]:
        """By router the shipment that was counted since the last call; it may ship the next one."""
        taken, self._acknowledged = self._acknowledged, {}
        return taken

    def assignment(self) -> Assignment:
        """What routers are to do now."""
        epoch = self._kept_epoch if self._store is None else self._store.epoch
        return assign(self.state, stable=self._stable, epoch=epoch, is_held=self._abort is not None)

    def status(self, *, now: float) -> ServerStatus:
        """What is told to people and programs who ask."""
        assignment = self.assignment()
        rollout = self._rollout_status(now, assignment.weight)
        phase = None if rollout is None else rollout.phase
        return ServerStatus(
            epoch=assignment.epoch,
            stable=assignment.stable,
            phase="frozen" if "lost" in self._alarms else phase,
            weight=assignment.weight,
            rollout=rollout,
            alarms=tuple(self._alarms.values()),
        )

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()

    # --- how -------------------------------------------------------------------------

    def _adopt(self, opened: Opened, now: float) -> None:
        """Go on from what was read."""
        stored, before = opened.stored, self.state
        self._store: StateStore | None = opened.store
        self._kept_epoch = stored.epoch
        self.is_deposed = opened.is_deposed
        self._alarms = {"lost": stored.lost} if stored.lost else {}
        if opened.alarm and opened.alarm != stored.lost:
            self._alarms["disk"] = opened.alarm
        if opened.is_deposed:
            return
        self._refused, self._last_cause = dict(stored.refused), stored.last_cause
        state = stored.state
        if state is None:
            self._turn = None
            return
        if before is not None and before.id == state.id:
            # Opened again: what was seen meanwhile is in memory alone.
            state = replace(state, health=before.health, since_s=before.since_s)
        else:
            state = replace(state.with_health(is_loaded=False), since_s=now)
        if state.phase == "done" and not state.is_handed_over:
            self._stable = state.canary
        if opened.store is not None:
            state = replace(state, epoch=opened.store.epoch)
        self._turn = Turn(state, weigh_state(state))

    def _report(self, digest: str, **health: object) -> None:
        if self._turn is None or self._turn.state.is_ended or digest != self._turn.state.canary.digest:
            return
        self._turn = replace(self._turn, state=self._turn.state.with_health(**health))
        self._is_changed = True

    def _is_due(self, now: float) -> bool:
        """Whether time alone has changed what the rules say."""
        return self._turn is not None and decide(self._turn.state, self._turn.evidence, now=now) is not None

    def _own_order(self) -> Order | None:
        """An abort that waits for the disk, or what the server itself must do."""
        state = self.state
        if self._abort is not None or state is None or state.is_ended:
            return self._abort
        if self._is_other_stable(state) and state.phase != "frozen":
            started = f"it was started with {self._stable.label}"
            reason = f"{started}, and this rollout began beside {state.stable.label}"
            return Order("freeze", reason, by="server")
        return None

    def _is_other_stable(self, state: RolloutState) -> bool:
        return not state.is_ended and state.stable.digest != self._stable.digest

    def _advance(self, at: Moment, order: Order | None = None) -> bool:
        """Take a turn; whether it was written."""
        turn = self._turn
        if turn is None:
            return False
        shipments = tuple(self._pending.values())
        if not self._write(lambda writing: take_turn(turn, shipments, writing, at, order=order)):
            return False
        self._acknowledged |= {shipment.router: shipment.sequence for shipment in shipments}
        self._pending.clear()
        self._is_changed = False
        return True

    def _write(self, work: Callable[[Writing], Turn]) -> bool:
        """Write, and go on from what was written; whether it was."""
        if self._store is None:
            return False
        written = self._store.write(work)
        if written.outcome is Outcome.WRITTEN:
            assert written.value is not None
            self._alarms.pop("disk", None)
            self._go_on(written.value)
            return True
        self._alarms["disk"] = written.reason
        if written.outcome is Outcome.DEPOSED:
            self.is_deposed = True
            self._store.close()
            self._store = None
        return False

    def _go_on(self, turn: Turn) -> None:
        self._turn = turn
        if turn.receipt is not None:
            self._last_cause = turn.receipt.cause
        if turn.state.phase == "rolled_back":
            self._refused[turn.state.canary.digest] = turn.state.id
        if turn.state.phase == "done":
            self._stable = turn.state.canary
        if turn.state.is_ended:
            self._abort = None

    def _hand_over(self, at: Moment) -> None:
        """Tell the world outside of DONE, until it was told."""
        state = self.state
        if state is None or state.phase != "done" or state.is_handed_over or self._store is None:
            return
        if at.now < self._retry_at:
            return
        self._retry_at = at.now + _RETRY_S
        try:
            if self._on_done is not None:
                self._on_done(state)
        except (SmallcraftError, OSError) as error:
            self._alarms["done"] = f"{state.canary.label} answers all requests, but: {error}"
            return
        self._alarms.pop("done", None)
        told = replace(self._turn, state=replace(state, is_handed_over=True)) if self._turn else None
        assert told is not None
        self._write(lambda writing: _marked(told, writing))

    def _forget_loss(self) -> str:
        """A person knows that the state was lost."""
        store = self._require_store()
        written = store.write(lambda writing: writing.set_lost(""))
        if written.outcome is not Outcome.WRITTEN:
            raise SmallcraftError(f"{written.reason}; nothing was changed")
        del self._alarms["lost"]
        return "the state that was lost is forgotten; rollouts may begin again"

    def _require_store(self) -> StateStore:
        if self._store is None:
            raise SmallcraftError(f"{'; '.join(self._alarms.values())}; nothing can be begun")
        return self._store

    def _rollout_status(self, now: float, served_weight: float) -> RolloutStatus | None:
        if self._turn is None:
            return None
        return tell_status(
            self._turn.state,
            self._turn.evidence,
            now=now,
            served_weight=served_weight,
            requests_per_s=self._traffic.per_second(now),
            last_cause=self._last_cause,
        )


def _clean(text: str) -> str:
    """What a worker or a person wrote, as JSON can hold it."""
    return text[:_LONGEST_REASON].encode("utf-8", "replace").decode()


def _marked(turn: Turn, writing: Writing) -> Turn:
    writing.save_state(turn.state)
    return turn
