"""The readiness probe."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient, RetryPolicy
from sinch_provisioning.fastapi import add_readiness, install, lifespan
from sinch_provisioning_emulator import Emulator

from .apps import in_process, opener, small_app


async def test_readiness_is_cheap_and_honest() -> None:
    """Ready sends nothing once a token is there; no token, no client or a closed one is a 503 that says why."""
    emulator = Emulator()
    app = small_app(opener(emulator, retry=RetryPolicy(max_attempts=1)))
    async with in_process(app) as http:
        emulator.inject("token", status=500)
        early = await http.get("/readyz")
        for _ in range(20):
            assert (await http.get("/readyz")).json() == {"status": "ready", "inFlight": 0}
        await app.state.sinch_provisioning.aclose()
        closed = await http.get("/readyz")
        late = await http.get("/senders")
    assert (early.status_code, early.json()["title"]) == (503, "Service unavailable")
    assert closed.status_code == late.status_code == 503
    assert closed.headers["content-type"] == "application/problem+json"
    assert [request.operation_id for request in emulator.requests] == ["token", "token"]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
        assert (await http.get("/readyz")).status_code == 503


async def test_readiness_says_so_when_the_token_endpoint_hangs() -> None:
    """A probe answers in time; the fetch goes on, and the next probe finds its token."""
    asked, released, fetched = 0, asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        await released.wait()
        return httpx.Response(200, json={"access_token": "t0ken", "expires_in": 3600})

    def open_client() -> ProvisioningClient:
        return ProvisioningClient(
            project_id="p",
            credentials=OAuth2ClientCredentials("key-id", "key-secret"),
            transport=httpx.MockTransport(answer),
            on_token=lambda _: fetched.set(),
        )

    app = FastAPI(lifespan=lifespan(open_client))
    install(app, readiness=None)
    add_readiness(app, "/ready", timeout=0.01)
    async with in_process(app) as http:
        early = await http.get("/ready")
        released.set()
        await fetched.wait()
        assert (await http.get("/ready")).status_code == 200
    assert (early.status_code, early.json()["retryable"]) == (503, True)
    assert asked == 1
