"""Whoever replaces or wraps httpx's or httpcore's methods gets the requests of the default transport."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import respx
import vcr  # type: ignore[import-untyped]
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from sinch_provisioning import BearerToken, OutcomeUnknownError, ProvisioningClient
from sinch_provisioning.otel import OpenTelemetry

from ..faults.clients import client_on, policy
from ..faults.server import Server

API = "https://provisioning.api.sinch.com"
SENDERS = f"{API}/v1/projects/p1/rcs/senders"


def client() -> ProvisioningClient:
    """Open a client of the real API, which no test may reach."""
    return ProvisioningClient(
        project_id="p1", credentials=BearerToken("t"), retry=policy(max_attempts=1, deadline=2.0)
    )


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
async def test_respx_gets_every_request(using: str) -> None:
    """In its default mode, which patches httpcore, and in the one that patches httpx."""
    async with client() as sinch:
        with respx.mock(using=using) as router:
            route = router.post(SENDERS).mock(return_value=httpx.Response(200, json={"id": "s1"}))
            assert (await sinch.rcs.create(display_name="Acme")).id == "s1"
        assert route.call_count == 1
        assert route.calls[0].request.headers["authorization"] == "Bearer t"


async def test_mocked_loss_of_a_create_is_an_unknown_outcome() -> None:
    """What the mock says of a create is judged as a network's word would be."""
    async with client() as sinch:
        with respx.mock() as router:
            router.post(SENDERS).mock(side_effect=httpx.ReadTimeout)
            with pytest.raises(OutcomeUnknownError):
                await sinch.rcs.create(display_name="Acme")


async def test_vcr_records_and_replays(tmp_path: Path) -> None:
    """A cassette is recorded from a real server, and played back without it."""
    cassette = str(tmp_path / "list.yaml")
    recorder = vcr.VCR(filter_headers=["authorization"])
    async with Server() as server:
        server.add("Acme")
        async with client_on(server) as sinch:
            await sinch.authenticate()
            with recorder.use_cassette(cassette):
                assert [sender.display_name for sender in await sinch.rcs.list()] == ["Acme"]
            asked = server.count("GET rcs")
            with recorder.use_cassette(cassette, record_mode="none"):
                assert [sender.display_name for sender in await sinch.rcs.list()] == ["Acme"]
        assert server.count("GET rcs") == asked == 1
    assert "Bearer" not in (await asyncio.to_thread(Path(cassette).read_text))


async def test_instrumentation_sees_each_request() -> None:
    """OpenTelemetry's instrumentor of httpx, switched on after the client was made, has one span for each request."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor: Any = HTTPXClientInstrumentor()
    async with Server() as server, client_on(server) as sinch:
        await sinch.rcs.list()
        instrumentor.instrument(tracer_provider=provider)
        try:
            await sinch.rcs.list()
            await sinch.rcs.list()
        finally:
            instrumentor.uninstrument()
        await sinch.rcs.list()
        assert server.count("GET rcs") == 4
    assert len(exporter.get_finished_spans()) == 2


@pytest.mark.parametrize("own_client", [False, True])
async def test_both_instrumentations_give_one_client_span_a_request(own_client: bool) -> None:
    """OpenTelemetry's instrumentor of httpx adds none to those of `sinch_provisioning.otel`, which carry the trace."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor: Any = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(Server())
            http = await stack.enter_async_context(httpx.AsyncClient()) if own_client else None
            telemetry = OpenTelemetry(tracer_provider=provider)
            sinch = await stack.enter_async_context(client_on(server, telemetry=telemetry, http_client=http))
            await sinch.rcs.list()
            await sinch.rcs.list()
            assert server.count("GET rcs") == 2
    finally:
        instrumentor.uninstrument()
    clients = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CLIENT]
    assert [span.name for span in clients].count("GET /v1/projects/{project_id}/rcs/senders") == 2
    assert len(clients) == 3  # the token's request too


@pytest.mark.parametrize("kind", [httpx.AsyncHTTPTransport, httpcore.AsyncConnectionPool])
async def test_blocker_stops_requests_and_goes_again(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """A test suite's network blocker is obeyed while it is there, and named with its place in the error."""

    class NetworkBlockedError(RuntimeError):
        pass

    async def blocked(self: object, request: object) -> object:
        raise NetworkBlockedError("secret-canary")

    async with Server() as server, client_on(server, retry=policy(max_attempts=1)) as sinch:
        await sinch.rcs.list()
        with monkeypatch.context() as patched:
            patched.setattr(kind, "handle_async_request", blocked)
            with pytest.raises(Exception, match=r"NetworkBlockedError: at .*test_stand_ins\.py:") as caught:
                await sinch.rcs.list()
        assert "canary" not in str(caught.value)
        await sinch.rcs.list()
        assert server.count("GET rcs") == 2


async def test_mistake_in_a_mock_is_raised_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An assertion that fails in a mock is no failure of the network: neither retried nor called unknown."""
    calls = 0

    async def wrong(self: object, request: object) -> object:
        nonlocal calls
        calls += 1
        raise AssertionError("not the request that was expected")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", wrong)
    async with client() as sinch:
        with pytest.raises(AssertionError, match="not the request"):
            await sinch.rcs.create(display_name="Acme")
    assert calls == 1
