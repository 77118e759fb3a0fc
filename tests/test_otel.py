"""Spans and metrics, checked with OpenTelemetry's own in-memory exporters and its semantic conventions."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from types import FrameType
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.semconv.metrics import http_metrics
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from sinch_provisioning import (
    BasicCredentials,
    BearerToken,
    LineCredentials,
    OAuth2ClientCredentials,
    ProvisioningClient,
    RateLimitError,
    RetryPolicy,
    v1_2,
)
from sinch_provisioning.otel import OpenTelemetry
from sinch_provisioning_emulator import Emulator

from .conftest import BRAND, client_on

STABLE = {
    value
    for module in (http_attributes, server_attributes, url_attributes, error_attributes)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
}


class Sight:
    """An OpenTelemetry that keeps all it is told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.telemetry = OpenTelemetry(
            tracer_provider=self.tracers, meter_provider=MeterProvider(metric_readers=[self.reader])
        )

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """Return the ended spans of that name, in the order of their beginning."""
        found = [span for span in self.exporter.get_finished_spans() if name in (None, span.name)]
        return sorted(found, key=lambda span: span.start_time or 0)

    def metrics(self) -> dict[str, list[Any]]:
        """Return the data points of each metric."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data is not None else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def text(self) -> str:
        """Return everything that was exported."""
        data = self.reader.get_metrics_data()
        return "".join(span.to_json() for span in self.spans()) + ("" if data is None else data.to_json())


async def test_calls_of_sinchs_own_api_bear_their_names_too() -> None:
    """The call is named after its operation, and its request after the document's path."""
    sight, emulator = Sight(), Emulator(api="1.2")
    async with v1_2.ProvisioningClient(
        project_id=emulator.project_id,
        credentials=BasicCredentials(emulator.key_id, emulator.key_secret),
        base_url=emulator.base_url,
        transport=emulator.transport(),
        telemetry=sight.telemetry,
    ) as sinch:
        await sinch.webhooks.list()
        await sinch.request("GET", "/v1/projects/{project_id}/webhooks")
    assert [span.name for span in sight.spans() if span.kind is SpanKind.INTERNAL] == [
        "WebhookWebhookController_listWebhooks_v1",
        "request",
    ]
    assert sight.spans("GET /v1/projects/{projectId}/webhooks") != []


async def test_a_call_is_an_internal_span_and_its_request_a_client_span_below_it() -> None:
    """A tracing view shows one node for the call, and one for what went over the wire."""
    sight, emulator = Sight(), Emulator()
    async with client_on(emulator, telemetry=sight.telemetry) as sinch:
        sender = await sinch.rcs.create(**BRAND)
        sight.exporter.clear()
        await sinch.rcs.get(sender.id)
    [call] = sight.spans("getRcsSender")
    [request] = sight.spans("GET /v1/projects/{project_id}/rcs/senders/{sender_id}")
    assert (call.kind, request.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert request.parent is not None
    assert call.context is not None
    assert request.parent.span_id == call.context.span_id
    assert dict(request.attributes or {}) == {
        "http.request.method": "GET",
        "sinch_provisioning.operation": "getRcsSender",
        "server.address": "127.0.0.1",
        "server.port": 1,
        "url.full": f"{emulator.base_url}/v1/projects/{emulator.project_id}/rcs/senders/{sender.id}",
        "http.response.status_code": 200,
    }
    assert (call.attributes or {})["http.response.status_code"] == 200
    assert call.status.status_code is StatusCode.UNSET


async def test_retries_are_counted_as_the_conventions_count_them() -> None:
    """The first request has no resend count, the third has 2, and the call bears the last one's."""
    sight, emulator = Sight(), Emulator()
    emulator.inject("listRcsSenders", status=503, times=1)
    emulator.inject("listRcsSenders", drop=True, skip=0, times=1)
    async with client_on(emulator, telemetry=sight.telemetry) as sinch:
        await sinch.rcs.list()
    requests = sight.spans("GET /v1/projects/{project_id}/rcs/senders")
    assert [(span.attributes or {}).get("http.request.resend_count") for span in requests] == [None, 1, 2]
    assert {(span.attributes or {}).get("error.type") for span in requests[:2]} >= {"503"}
    assert all(span.status.status_code is StatusCode.ERROR for span in requests[:2])
    [call] = sight.spans("listRcsSenders")
    assert (call.attributes or {})["http.request.resend_count"] == 2
    assert "error.type" not in (call.attributes or {})
    assert sum(point.value for point in sight.metrics()["sinch_provisioning.retries"]) == 2


async def test_an_error_shows_its_kind_and_never_its_text() -> None:
    """A span says RateLimitError and 429; what the server wrote stays out of it."""
    sight, emulator = Sight(), Emulator()
    emulator.inject("listRcsSenders", status=429, body={"message": "canary-in-a-body"}, times=None)
    policy = RetryPolicy(max_attempts=1)
    async with client_on(emulator, telemetry=sight.telemetry, retry=policy) as sinch:
        with pytest.raises(RateLimitError, match="canary-in-a-body"):
            await sinch.rcs.list()
    [call] = sight.spans("listRcsSenders")
    assert (call.attributes or {})["error.type"] == "RateLimitError"
    assert (call.attributes or {})["http.response.status_code"] == 429
    assert call.status.description is None
    assert not call.events
    assert "canary-in-a-body" not in sight.text()


async def test_names_are_those_of_the_stable_conventions() -> None:
    """Every attribute and metric without our own prefix is one that the conventions' package calls stable."""
    sight, emulator = Sight(), Emulator()
    emulator.inject("createRcsSender", status=500, times=1)
    async with client_on(emulator, telemetry=sight.telemetry) as sinch:
        await sinch.launch_rcs_sender(**BRAND, wait=True)
        await sinch.request("GET", "/v1/projects/{project_id}/line/senders", params={"pageSize": 5})
    names = {name for span in sight.spans() for name in (span.attributes or {})}
    measured = sight.metrics()
    names |= {name for points in measured.values() for point in points for name in point.attributes}
    foreign = {name for name in names if not name.startswith("sinch_provisioning.")}
    assert foreign <= STABLE
    assert {"http.request.method", "server.address", "server.port", "url.full"} <= foreign
    assert http_metrics.HTTP_CLIENT_REQUEST_DURATION in measured
    assert {name for name in measured if not name.startswith("sinch_provisioning.")} == {
        http_metrics.HTTP_CLIENT_REQUEST_DURATION
    }


async def test_the_request_carries_its_own_span_on_with_each_attempt() -> None:
    """`traceparent` names the span of the request it goes with; baggage stays at home."""
    sight, seen = Sight(), list[httpx.Headers]()

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(503 if len(seen) == 1 else 200, json={"senders": []})

    async with ProvisioningClient(
        project_id="p",
        credentials=BearerToken("t0ken"),
        transport=httpx.MockTransport(answer),
        retry=RetryPolicy(initial_delay=0),
        telemetry=sight.telemetry,
    ) as sinch:
        with sight.tracers.get_tracer("app").start_as_current_span("incoming") as incoming:
            await sinch.rcs.list()
    spans = sight.spans("GET /v1/projects/{project_id}/rcs/senders")
    assert len(spans) == len(seen) == 2
    for headers, span in zip(seen, spans, strict=True):
        assert span.context is not None
        assert headers["traceparent"].split("-")[1:3] == [
            f"{span.context.trace_id:032x}",
            f"{span.context.span_id:016x}",
        ]
        assert span.context.trace_id == incoming.get_span_context().trace_id
        assert "baggage" not in headers
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_tokens_and_slots_are_measured() -> None:
    """A request in flight takes a slot, a fetched token is counted, and a client that is gone is not reported."""
    sight, reached, released = Sight(), asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t0ken", "expires_in": 3600})
        reached.set()
        await released.wait()
        return httpx.Response(200, json={"senders": []})

    async with ProvisioningClient(
        project_id="p",
        credentials=OAuth2ClientCredentials("key-id", "key-secret"),
        transport=httpx.MockTransport(answer),
        max_connections=7,
        telemetry=sight.telemetry,
    ) as sinch:
        call = asyncio.create_task(sinch.rcs.list())
        await reached.wait()
        busy = sight.metrics()
        released.set()
        await call
        [idle] = sight.metrics()["sinch_provisioning.slots.used"]
    assert [point.value for point in busy["sinch_provisioning.slots.used"]] == [1]
    assert [point.value for point in busy["sinch_provisioning.slots.limit"]] == [7]
    assert idle.value == 0
    [tokens] = busy["sinch_provisioning.tokens"]
    assert tokens.value == 1
    assert dict(tokens.attributes) == {
        "sinch_provisioning.token.ok": True,
        "sinch_provisioning.token.early": False,
        "sinch_provisioning.token.shared": False,
    }
    del sinch, call
    gc.collect()
    assert [point.value for point in sight.metrics()["sinch_provisioning.slots.limit"]] == [0]


async def test_a_cancelled_call_ends_its_spans() -> None:
    """Nothing stays open when the caller gives up in mid-request."""
    sight, reached = Sight(), asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        reached.set()
        await asyncio.Event().wait()
        return httpx.Response(200)

    async with ProvisioningClient(
        project_id="p",
        credentials=BearerToken("t0ken"),
        transport=httpx.MockTransport(hang),
        telemetry=sight.telemetry,
    ) as sinch:
        call = asyncio.create_task(sinch.rcs.list())
        await reached.wait()
        call.cancel()
        await asyncio.wait([call])
    assert call.cancelled()
    assert [(span.attributes or {})["error.type"] for span in sight.spans()] == ["CancelledError"] * 2


async def test_without_an_sdk_nothing_is_opened_but_a_trace_is_carried_on() -> None:
    """OpenTelemetry's API alone drops all it is told, so nothing is told; an incoming trace still goes on."""
    telemetry, seen = OpenTelemetry(), list[httpx.Headers]()
    assert telemetry.call("listRcsSenders", "GET") is None

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, json={"senders": []})

    incoming = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    async with ProvisioningClient(
        project_id="p",
        credentials=BearerToken("t0ken"),
        transport=httpx.MockTransport(answer),
        telemetry=telemetry,
    ) as sinch:
        await sinch.rcs.list()
        with trace.use_span(NonRecordingSpan(incoming)):
            await sinch.rcs.list()
    assert "traceparent" not in seen[0]
    assert seen[1]["traceparent"] == f"00-{0xABC:032x}-{0xDEF:016x}-01"


async def test_no_secret_is_exported() -> None:
    """A canary in keys, tokens, channel credentials, bodies and query values is in no span and no metric."""
    canary = "canary-7f3a"
    for credentials in (
        OAuth2ClientCredentials(f"id-{canary[-4:]}", f"{canary}-secret"),
        BasicCredentials("id", f"{canary}-secret"),
        BearerToken(f"{canary}-token"),
    ):
        sight = Sight()

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/token"):
                return httpx.Response(200, json={"access_token": f"{canary}-token", "expires_in": 3600})
            return httpx.Response(
                400, json={"message": f"{canary} {request.content!r}"}, headers={"X-Request-Id": canary}
            )

        async with ProvisioningClient(
            project_id="p",
            credentials=credentials,
            transport=httpx.MockTransport(answer),
            telemetry=sight.telemetry,
        ) as sinch:
            for call in (
                sinch.line.create(
                    name="n", channel_credentials=LineCredentials(f"{canary}-a", f"{canary}-b")
                ),
                sinch.request("GET", "/v1/anything", params={"key": canary}),
            ):
                with pytest.raises(Exception, match="400"):
                    await call
        assert len(sight.spans()) >= 4
        assert canary not in sight.text()


async def steps(client: ProvisioningClient) -> int:
    """Count the bytecode instructions of a call: what a clock would measure, without a busy machine's noise."""
    counted = 0

    def step(frame: FrameType, event: str, _: object) -> Any:
        nonlocal counted
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        await client.rcs.list()
    finally:
        sys.settrace(before)
    return counted


async def test_off_costs_no_more_than_two_percent() -> None:
    """Given an OpenTelemetry with no SDK behind it, a call takes 2 % more steps at most than given none."""
    emulator = Emulator()
    emulator.inject("listRcsSenders", body={"senders": [{"id": str(n)} for n in range(50)]}, times=None)
    async with client_on(emulator) as bare, client_on(emulator, telemetry=OpenTelemetry()) as off:
        for client in (bare, off):
            await client.rcs.list()
        assert await steps(off) <= 1.02 * await steps(bare)


def test_importing_the_facade_imports_no_opentelemetry() -> None:
    """Who doesn't use it doesn't pay for it."""
    code = "import sys, sinch_provisioning; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
