"""Traces of a few requests through router and worker, sent to a collector by OpenTelemetry.

Off unless settings name a collector: then there is no `Tracing`, and a request pays for a look at None. On,
a request that is not sampled pays for one random number, and no span is made of it.
Leaves to others: where a request begins and ends (`serve.router`, `serve.worker`).
Always: a caller's trace goes on in ours, and its choice of sampling holds, where its callers are followed;
a collector that is slow or gone loses spans, never requests.
Not covered: `tracestate`; the worker behind a router is ours and needs none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Literal

from smallcraft.errors import InvalidInputError, MissingPartError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanContext, Tracer

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1
# What waits for the collector at most; beyond it spans are dropped.
_MOST_WAITING = 2048
_EXPORT_TIMEOUT_S = 1.0
Value = str | bool | int | float


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Which requests are traced, and where to.

    Attributes:
        endpoint: Of the collector, OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`.
        ratio: Share of requests that are traced, in [0, 1], of those whose caller did not choose.
        follow_callers: Whether a caller's `traceparent` chooses; switch it off where callers are strangers.
    """

    endpoint: str
    ratio: float = 0.01
    follow_callers: bool = True


class Span:
    """What one process does for one traced request; `end` it once."""

    __slots__ = ("_span",)

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """To hand on, so that what another process does for the request becomes part of this."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, attributes: Mapping[str, Value], *, failure: str = "") -> None:
        """It is done.

        Args:
            attributes: What is to be known of it, by OpenTelemetry's names where it has some.
            failure: Why it failed; empty when it did not.
        """
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attributes(dict(attributes))
        if failure:
            self._span.set_status(Status(StatusCode.ERROR, failure))
        self._span.end()


class Tracing:
    """Makes spans, and sends them from a thread of its own."""

    def __init__(self, provider: TracerProvider, settings: TraceSettings, rng: Random) -> None:
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("smallcraft")
        self._settings = settings
        self._draw = rng.random

    def begin(self, name: str, traceparent: str | None) -> Span | None:
        """A span for a request that came in, if it is one of those to be traced.

        Args:
            name: What is asked for, such as `infer`; one of a few.
            traceparent: The caller's header; None without one. One that cannot be read counts as none.
        """
        caller = None
        if traceparent is not None and self._settings.follow_callers:
            caller = _read(traceparent)
        is_sampled = (
            self._draw() < self._settings.ratio if caller is None else caller.trace_flags & _SAMPLED != 0
        )
        return self._start(name, caller, "server") if is_sampled else None

    def go_on(self, name: str, traceparent: str) -> Span | None:
        """A span below one of another process of ours; None for what is no `traceparent`."""
        caller = _read(traceparent)
        return None if caller is None else self._start(name, caller, "internal")

    def close(self) -> None:
        """Send what waits; a second or two when the collector is gone."""
        self._provider.shutdown()

    def _start(self, name: str, caller: SpanContext | None, kind: Literal["server", "internal"]) -> Span:
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context

        around = Context()
        if caller is not None:
            around = set_span_in_context(NonRecordingSpan(caller), around)
        span = self._tracer.start_span(name, context=around, kind=SpanKind[kind.upper()])
        return Span(span)


def open_tracing(
    settings: TraceSettings | None, *, service: str, rng: Random, exporter: SpanExporter | None = None
) -> Tracing | None:
    """Tracing for this process, to be opened after it has forked.

    Args:
        settings: None for no tracing.
        service: Which part of the server this process is: `smallcraft-router`, `smallcraft-worker`.
        rng: Draws which requests are traced.
        exporter: Where spans go instead of the settings' collector.

    Returns:
        None without settings.

    Raises:
        InvalidInputError: `ratio` is no share.
        MissingPartError: OpenTelemetry is not installed.
    """
    if settings is None:
        return None
    if not 0.0 <= settings.ratio <= 1.0:
        raise InvalidInputError(
            f"the ratio of traced requests must be in [0, 1], got {settings.ratio}; write 0.01 for 1%"
        )
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ImportError as error:
        raise MissingPartError(_MISSING) from error
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource.create({"service.name": service}), shutdown_on_exit=False
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter or _collector(settings.endpoint),
            max_queue_size=_MOST_WAITING,
            # All at once: each turn may wait for its time-out when the server ends.
            max_export_batch_size=_MOST_WAITING,
            export_timeout_millis=1000.0 * _EXPORT_TIMEOUT_S,
        )
    )
    return Tracing(provider, settings, rng)


_MISSING = "traces need OpenTelemetry, which is not installed; pip install 'smallcraft[traces]'"


def _collector(endpoint: str) -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise MissingPartError(_MISSING) from error
    return OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_TIMEOUT_S)


def _read(traceparent: str) -> SpanContext | None:
    """The caller's span; None for what W3C Trace Context does not allow."""
    from opentelemetry.trace import SpanContext, TraceFlags

    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    is_known = version == "00" and rest is None
    # Later versions may append fields, and ff is none.
    if not is_known and version in {"00", "ff"}:
        return None
    context = SpanContext(
        trace_id=int(trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
    )
    return context if context.is_valid else None
