import http.server
import threading
from random import Random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from smallcraft.errors import InvalidInputError
from smallcraft.serve.tracing import TraceSettings, open_tracing

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOWHERE = "http://127.0.0.1:9/v1/traces"


@pytest.fixture
def traced():
    """Makes tracing of a ratio, and what it sent after it was closed."""
    opened = []

    def make(ratio=1.0, **settings):
        exporter = InMemorySpanExporter()
        tracing = open_tracing(
            TraceSettings(NOWHERE, ratio, **settings),
            service="smallcraft-router",
            rng=Random(3),
            exporter=exporter,
        )
        opened.append(tracing)

        def sent():
            tracing.close()
            return exporter.get_finished_spans()

        return tracing, sent

    yield make
    for tracing in opened:
        tracing.close()


def test_without_settings_there_is_no_tracing():
    assert open_tracing(None, service="smallcraft-router", rng=Random(1)) is None


@pytest.mark.parametrize("ratio", [-0.1, 1.5, float("nan")])
def test_a_ratio_that_is_no_share_is_refused_with_the_remedy(ratio):
    with pytest.raises(InvalidInputError, match=r"write 0\.01 for 1%"):
        open_tracing(TraceSettings(NOWHERE, ratio), service="s", rng=Random(1))


def test_the_declared_share_of_requests_is_traced(traced):
    tracing, _ = traced(ratio=0.2)
    begun = [tracing.begin("infer", None) for _ in range(2_000)]
    # 400 expected, standard deviation 18.
    assert 320 < sum(span is not None for span in begun) < 480


def test_what_the_worker_does_is_below_what_the_router_does_below_the_caller(traced):
    tracing, sent = traced(ratio=0.0)
    router = tracing.begin("infer", CALLER)
    worker = tracing.go_on("answer", router.traceparent)
    worker.end({"smallcraft.rows": 3})
    router.end({"smallcraft.arm": "canary", "http.response.status_code": 200})
    below, above = sent()
    assert (below.name, above.name) == ("answer", "infer")
    assert f"{above.context.trace_id:032x}" == f"{below.context.trace_id:032x}" == CALLER.split("-")[1]
    assert f"{above.parent.span_id:016x}" == CALLER.split("-")[2]
    assert below.parent.span_id == above.context.span_id
    assert above.attributes["http.response.status_code"] == 200
    assert above.resource.attributes["service.name"] == "smallcraft-router"
    assert (above.kind.name, below.kind.name) == ("SERVER", "INTERNAL")


def test_a_callers_choice_not_to_be_traced_holds(traced):
    tracing, _ = traced(ratio=1.0)
    assert tracing.begin("infer", CALLER[:-1] + "0") is None


def test_strangers_do_not_choose_where_callers_are_not_followed(traced):
    tracing, _ = traced(ratio=0.0, follow_callers=False)
    assert tracing.begin("infer", CALLER) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        CALLER + "-more",
        "ff" + CALLER[2:],
        CALLER.upper(),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
    ],
)
def test_a_header_that_is_none_begins_a_trace_of_its_own(traced, header):
    tracing, sent = traced(ratio=1.0)
    tracing.begin("infer", header).end({})
    (span,) = sent()
    assert span.parent is None
    assert tracing.go_on("answer", header) is None


def test_a_header_of_a_later_version_is_followed(traced):
    tracing, sent = traced(ratio=0.0)
    tracing.begin("infer", "01" + CALLER[2:] + "-what-comes-later").end({})
    (span,) = sent()
    assert f"{span.parent.span_id:016x}" == CALLER.split("-")[2]


def test_a_failure_is_marked_with_its_reason(traced):
    tracing, sent = traced()
    tracing.begin("infer", None).end({}, failure="the worker died")
    (span,) = sent()
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "the worker died")


class _Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what OTLP clients post."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    server.received = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_spans_reach_a_real_collector_on_loopback(collector):
    endpoint = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    tracing = open_tracing(TraceSettings(endpoint, 1.0), service="smallcraft-worker", rng=Random(1))
    tracing.begin("infer", CALLER).end({"smallcraft.release": "helpdesk@4"})
    tracing.close()
    ((path, request),) = collector.received
    (resource,) = request.resource_spans
    (scope,) = resource.scope_spans
    (span,) = scope.spans
    assert (path, span.name, span.trace_id.hex()) == ("/v1/traces", "infer", CALLER.split("-")[1])
    assert {part.key: part.value.string_value for part in span.attributes} == {
        "smallcraft.release": "helpdesk@4"
    }


def test_a_collector_that_is_gone_costs_spans_and_no_request():
    tracing = open_tracing(TraceSettings(NOWHERE, 1.0), service="smallcraft-router", rng=Random(1))
    # More than may wait.
    for _ in range(3_000):
        tracing.begin("infer", None).end({})
    tracing.close()
