"""What a release costs beside another one, and what differs in the machine and the code that made it.

Leaves to others: measuring (`evaluate.costs`).
Always: a size is compared as it is; a timing only against its noise: where the intervals overlap, or the
machine was another one, both values stand there and no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.canonical import canonical_json
from smallcraft.registry.memory.evidence import Facts, Figure, find_figure, map_of, text_of

# Counted, not timed: equal bundles have equal ones.
_EXACT = ("size_mb", "parameters")
_TIMED = (
    "p50_ms",
    "p95_ms",
    "mean_ms",
    "cpu_s_per_1000",
    "peak_rss_mb",
    "train_cpu_s",
    "energy_j_per_1000",
    "money_per_1000",
    "money_per_1000_correct",
)
_MACHINE = ("system", "processor", "cpu", "cpu_model", "cores")
_DECIMALS = 9


@dataclass(frozen=True)
class CostChange:
    """A cost before and after.

    Attributes:
        name: Of the measurement.
        unit: Its unit.
        before: Value of the earlier release; None where it was not measured.
        after: Value of the later one.
        difference: After minus before; None where noise hides it or it cannot be compared.
        before_low: Bounds of each value, None where it has none.
        before_high: As above.
        after_low: As above.
        after_high: As above.
        note: Why there is no difference, or how sure it is.
    """

    name: str
    unit: str
    before: float | None
    after: float | None
    difference: float | None
    before_low: float | None
    before_high: float | None
    after_low: float | None
    after_high: float | None
    note: str


@dataclass(frozen=True)
class ChangedValue:
    """Something named that is not what it was; None where it was not recorded."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class CodeChange:
    """The code behind two releases.

    Attributes:
        before: Commit of the project's repository; None where none was recorded.
        after: As above, of the later release.
        is_dirty: Whether the later build had changes that are in no commit; None where it is not known.
        are_sources_equal: Whether smallcraft's own training code is the same; None where it is not known.
    """

    before: str | None
    after: str | None
    is_dirty: bool | None
    are_sources_equal: bool | None


def compare_costs(before: Facts, after: Facts) -> tuple[CostChange, ...]:
    """Every cost that either release measured, of the bundle that shipped."""
    is_one_machine = _machine(before) == _machine(after)
    changes = (_change(before, after, name, is_one_machine=is_one_machine) for name in (*_EXACT, *_TIMED))
    return tuple(change for change in changes if change is not None)


def compare_environments(before: Facts, after: Facts) -> tuple[ChangedValue, ...]:
    """Packages, interpreter, processor and seed that are not the same."""
    then, now = (
        {name: value for name, value in map_of(facts, "environment").items() if name != "code"}
        for facts in (before, after)
    )
    return tuple(
        ChangedValue(name, _text(then.get(name)), _text(now.get(name)))
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    )


def compare_code(before: Facts, after: Facts) -> CodeChange:
    """Commits and sources."""
    then, now = map_of(before, "code"), map_of(after, "code")
    sources = [text_of(map_of(facts, "environment"), "code") for facts in (before, after)]
    dirty = now.get("dirty")
    return CodeChange(
        before=text_of(then, "commit") or None,
        after=text_of(now, "commit") or None,
        is_dirty=dirty if isinstance(dirty, bool) else None,
        are_sources_equal=sources[0] == sources[1] if all(sources) else None,
    )


def _change(before: Facts, after: Facts, name: str, *, is_one_machine: bool) -> CostChange | None:
    then, now = (find_figure(map_of(facts, "released"), name, split=None) for facts in (before, after))
    if then is None and now is None:
        return None
    is_clear, note = _judge(then, now, is_exact=name in _EXACT, is_one_machine=is_one_machine)
    difference = round(now.value - then.value, _DECIMALS) + 0.0 if then and now and is_clear else None
    return CostChange(
        name=name,
        unit=(now or then or _NOTHING).unit,
        before=then.value if then else None,
        after=now.value if now else None,
        difference=difference,
        before_low=then.low if then else None,
        before_high=then.high if then else None,
        after_low=now.low if now else None,
        after_high=now.high if now else None,
        note=note,
    )


def _judge(
    then: Figure | None, now: Figure | None, *, is_exact: bool, is_one_machine: bool
) -> tuple[bool, str]:
    """Whether the difference may be stated, and what is to be said of it."""
    if then is None or now is None:
        return False, f"not measured {'before' if then is None else 'now'}"
    if is_exact:
        return then.unit == now.unit, "counted" if then.unit == now.unit else "in another unit"
    if then.unit != now.unit or not is_one_machine:
        return False, "measured on another machine" if then.unit == now.unit else "in another unit"
    if then.low is None or then.high is None or now.low is None or now.high is None:
        return False, "measured once each: its noise is not known"
    if then.low <= now.high and now.low <= then.high:
        return False, "within noise: the intervals overlap"
    return True, "beyond the noise within one run: the intervals are apart"


def _machine(facts: Facts) -> tuple[object, ...]:
    environment = map_of(facts, "environment")
    return tuple(environment.get(name) for name in _MACHINE)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return canonical_json(value).decode("utf-8")


_NOTHING = Figure("", 0.0, "", None, None, None, None)
