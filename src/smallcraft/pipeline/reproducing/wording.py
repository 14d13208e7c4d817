"""What `smallcraft reproduce` prints: the verdict first, then what differs, then what is the same.

Always: plain lines without marks of a terminal; a digest is shown by its first digits, JSON has the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smallcraft.pipeline.reproducing.record import Compared, CostBeside, Reproduction

_SHOWN_COSTS = ("p50_ms", "p95_ms", "cpu_s_per_1000", "peak_rss_mb", "train_cpu_s")
_DIGITS = 19


def describe_reproduction(found: Reproduction) -> tuple[str, ...]:
    """The lines to print, in order."""
    return (
        found.sentence,
        "",
        *_compared("inputs", found.inputs),
        *_compared("outputs", found.outputs),
        *_costs(found.costs),
        *(f"not promised: {sentence}" for sentence in found.not_promised),
        *(f"note: {note}" for note in found.notes),
        f"rebuilt {found.release} in {found.seconds:.0f} s"
        + (f"; kept in {found.kept}" if found.kept else ""),
    )


def _compared(title: str, items: Sequence[Compared]) -> Iterator[str]:
    same = [item.what for item in items if item.same]
    yield f"{title}: {len(same)} of {len(items)} as recorded" + (f" ({', '.join(same)})" if same else "")
    for item in items:
        if item.differs:
            yield f"  differs     {item.what}: {_short(item.recorded)}, now {_short(item.now)}{_more(item)}"
        elif item.same is None:
            yield f"  not known   {item.what}{_more(item)}"


def _more(item: Compared) -> str:
    return f"; {item.detail}" if item.detail else ""


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return f"{value[:_DIGITS]}..." if value.startswith("sha256:") else value


def _costs(costs: Sequence[CostBeside]) -> Iterator[str]:
    told = [
        f"{cost.name} {_number(cost.recorded)}, now {_number(cost.now)}"
        for cost in costs
        if cost.name in _SHOWN_COSTS
    ]
    if told:
        yield f"timings, not judged: {'; '.join(told)}"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"
