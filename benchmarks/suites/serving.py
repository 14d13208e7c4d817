"""What serving costs: our server beside nine others on the same two models, and a loop without any."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peers import ASGI
from benchmarks.process import in_turn, run_child
from benchmarks.records import Listing, Row, Sample, median_of
from benchmarks.serving import ours
from benchmarks.serving.contestants import BINARY_PEERS, LINEAR_PEERS, TEXT_PEERS, Peer
from benchmarks.serving.measure import Loads, Taken, measure_peer
from benchmarks.serving.server_process import ServerError
from benchmarks.serving.work import Work, make_linear_work, make_text_work
from benchmarks.suites.suite import Found, Surroundings
from benchmarks.write import in_words, number

LOOP = "loop without HTTP"
_RAW = {"json": "raw uvicorn", "binary": "raw uvicorn, bare bytes"}
_CONNECTIONS = (1, 16)
# CPU-microseconds a request on one connection, by form and way.
_BARS = {
    ("json", "in process"): 100.0,
    ("json", "isolated"): 140.0,
    ("binary", "in process"): 70.0,
    ("binary", "isolated"): 110.0,
}
_ENCODER_BAR = 1.2
_NO_BINARY = (
    "Binary tensors over HTTP: MLServer answers them with 500, the others but Triton speak another protocol; "
    "raw uvicorn beside them reads and writes bare bytes."
)

# A contestant's run: connections to what that load took; or, for a loop, what its child printed; or None
# when it could not be measured.
Runs = Mapping[str, Sequence[Any]]


def measure(around: Surroundings) -> Found:
    """Each server in fresh processes, by turns, alone on the machine beside the load generator."""
    linear = make_linear_work(around.work / "linear")
    json_runs = _run_all(around, linear, LINEAR_PEERS, "json")
    binary_runs = _run_all(around, linear, BINARY_PEERS, "binary")
    around.look("between the two models")
    text = make_text_work(around.work / "text")
    text_runs = _run_all(around, text, TEXT_PEERS, "json")
    return Found(
        about=(
            "384 numbers to 77 classes by one matrix product, then MiniLM in INT8 on banking77's texts. "
            "Every server has one worker, one thread for the model, and is asked over the loopback by a load "
            "generator on the same two cores, which checks each reply. CPU time is that of all processes of "
            "a server. Ours counts, and runs a rollout with a canary, while it is measured."
        ),
        rows=(
            *_cost_rows(json_runs, "json"),
            *_cost_rows(binary_runs, "binary"),
            *_ratio_rows(json_runs),
            _encoder_row(text_runs),
        ),
        listings=(
            *(_listing(f"JSON, {_connected(n)}", json_runs, n) for n in _CONNECTIONS),
            *(
                _listing(f"Open Inference Protocol in binary, {_connected(n)}", binary_runs, n)
                for n in (1, 16)
            ),
            _listing("Encoder, 16 connections", text_runs, 16),
        ),
        notes=(*_client_notes(json_runs), _NO_BINARY, *dict.fromkeys(around.absent)),
    )


def _run_all(around: Surroundings, work: Work, peers: Sequence[Peer], form: str) -> Runs:
    loads = Loads(
        connections=_CONNECTIONS if work.kind == "linear" else (16,),
        seconds=0.5 if around.is_quick else 4.0,
        warm_up_s=0.2 if around.is_quick else 1.0,
    )
    contestants: dict[str, Callable[[], Any]] = {}
    loop_python = around.python_of(ASGI)
    if loop_python is not None:
        contestants[LOOP] = partial(_run_loop, loop_python, work, form, loads.seconds)
    for way in ours.WAYS:
        contestants[ours.name_of(way)] = _kept(
            around, ours.name_of(way), partial(ours.measure_ours, way, form, work, loads)
        )
    for peer in peers:
        python = around.python_of(peer.environment)
        if python is not None:
            contestants[peer.name] = _kept(
                around, peer.name, partial(measure_peer, peer, python, work, loads)
            )
    return in_turn(contestants, rounds=around.rounds)


def _kept(
    around: Surroundings, name: str, run: Callable[[], dict[int, Taken]]
) -> Callable[[], dict[int, Taken] | None]:
    """A server that fails is told, and is not tried again."""
    has_failed = False

    def attempt() -> dict[int, Taken] | None:
        nonlocal has_failed
        if has_failed:
            return None
        sys.stderr.write(f"  {name}\n")
        try:
            return run()
        except ServerError as error:
            has_failed = True
            sys.stderr.write(f"{error}\n")
            around.absent.append(f"{name} was not measured: {str(error).splitlines()[0]}")
            return None

    return attempt


def _run_loop(python: Path, work: Work, form: str, seconds: float) -> dict[str, Any]:
    values = work.folder / "values.json"
    values.write_text(json.dumps(work.values), encoding="utf-8")
    job = {"kind": work.kind, "folder": str(work.folder), "values": str(values)}
    return run_child(python, "serving_floor", {**job, "form": form, "seconds": seconds})


def _taken(runs: Runs, name: str, connections: int) -> list[Taken]:
    """Of a contestant's whole runs; none where one of them failed."""
    found = runs.get(name, ())
    return [] if not all(found) else [run[connections] for run in found]


def _sample(taken: Iterable[Taken], quantity: str) -> Sample | None:
    values = [getattr(one, quantity) for one in taken]
    return median_of(values) if values else None


def _loop_sample(runs: Runs, quantity: str) -> Sample | None:
    return median_of([run[quantity] for run in runs[LOOP]]) if LOOP in runs else None


def _cost_rows(runs: Runs, form: str) -> tuple[Row, ...]:
    rows = []
    for way in ours.WAYS:
        raw = _sample(_taken(runs, _RAW[form], 1), "cpu_us")
        rows.append(
            Row(
                f"CPU a request, {form.upper() if form == 'json' else form}, one connection, {way}",
                "us",
                _sample(_taken(runs, ours.name_of(way), 1), "cpu_us"),
                {_RAW[form]: raw} if raw is not None else {},
                bar=_BARS[form, way],
                clock="cpu",
                floor=_loop_sample(runs, "cpu_us"),
                floor_is="a loop without HTTP",
            )
        )
    return tuple(rows)


def _ratio_rows(runs: Runs) -> tuple[Row, ...]:
    """What a build machine can hold to: times of the loop beside it, whatever the processor."""
    loop = _loop_sample(runs, "cpu_us")
    rows = []
    for way in ours.WAYS:
        taken = _sample(_taken(runs, ours.name_of(way), 1), "cpu_us")
        ratio = None if taken is None or loop is None else _divided(taken, loop)
        rows.append(Row(f"CPU a request, JSON, {way}, in loops without HTTP", "times", ratio, clock="cpu"))
    return tuple(rows)


def _encoder_row(runs: Runs) -> Row:
    loop = _loop_sample(runs, "per_second")
    ratios = {}
    for name in runs:
        taken = _sample(_taken(runs, name, 16), "per_second") if name != LOOP else None
        if taken is not None and loop is not None:
            ratios[name] = _divided(taken, loop)
    best = [ratios.pop(name) for name in map(ours.name_of, ours.WAYS) if name in ratios]
    return Row(
        "encoder, 16 connections: requests a second, in those of a sequential loop without HTTP",
        "times",
        max(best, key=lambda sample: sample.value) if best else None,
        ratios,
        bar=_ENCODER_BAR,
        sense="at_least",
        clock="wall",
    )


def _divided(sample: Sample, by: Sample) -> Sample:
    assert sample.low is not None
    assert sample.high is not None
    low, high = sample.low / by.value, sample.high / by.value
    return Sample(sample.value / by.value, sample.n, sample.of, low, high)


def _listing(title: str, runs: Runs, connections: int) -> Listing:
    """A line a server, the cheapest first, each beside our cheapest way."""
    lines = {}
    for name in runs:
        if name != LOOP and (taken := _taken(runs, name, connections)):
            lines[name] = taken
    costs = {name: statistics.median(one.cpu_us for one in taken) for name, taken in lines.items()}
    own = [costs[name] for name in map(ours.name_of, ours.WAYS) if name in costs]
    table = []
    for name in sorted(lines, key=costs.__getitem__):
        taken = lines[name]
        quantities = ("cpu_us", "per_second", "p50_ms", "p99_ms", "memory_mb")
        cells = [in_words(median_of([getattr(one, what) for one in taken])) for what in quantities]
        times = number(costs[name] / min(own)) if own else ""
        table.append((name, cells[0], times, *cells[1:]))
    if LOOP in runs:
        cpu, rate = _loop_sample(runs, "cpu_us"), _loop_sample(runs, "per_second")
        assert cpu is not None
        assert rate is not None
        table.append((LOOP, in_words(cpu), "", in_words(rate), "", "", ""))
    columns = ("server", "CPU, us", "times ours", "requests/s", "p50, ms", "p99, ms", "memory, MB")
    return Listing(title, columns, tuple(table))


def _client_notes(runs: Runs) -> tuple[str, ...]:
    taken = [one for name in runs if name != LOOP for one in _taken(runs, name, 1)]
    if not taken:
        return ()
    cost = statistics.median(one.client_cpu_us for one in taken)
    return (f"The load generator itself took {cost:.0f} CPU-us a request, on one connection; not counted.",)


def _connected(connections: int) -> str:
    return "one connection" if connections == 1 else f"{connections} connections"
