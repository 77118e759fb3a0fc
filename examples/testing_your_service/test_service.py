"""The service's tests: no account, no network, no waiting, no mocks."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest

from sinch_provisioning import ProvisioningClient
from sinch_provisioning_emulator import Emulator

from .service import create_app

BRAND = {
    "name": "Acme",
    "description": "Acme sends parcels",
    "website": "https://acme.example",
    "logo": "https://acme.example/logo.png",
    "picture": "https://acme.example/hero.png",
    "privacy": "https://acme.example/privacy",
    "terms": "https://acme.example/terms",
}


@pytest.fixture
async def service(sinch: ProvisioningClient) -> AsyncGenerator[httpx.AsyncClient]:
    """The service as its callers see it, started and stopped around each test, on the plugin's client."""
    app = create_app(lambda: sinch)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service.test") as client,
    ):
        yield client


async def test_a_brand_is_live_after_its_review(service: httpx.AsyncClient, sinch_emulator: Emulator) -> None:
    """Three days pass in no time; sending the brand twice launches it once."""
    accepted = await service.post("/brands", json=BRAND)
    assert (accepted.status_code, accepted.json()["progress"]) == (202, "under review")
    assert (await service.post("/brands", json=BRAND)).json()["id"] == accepted.json()["id"]
    sinch_emulator.clock.advance(days=3)
    assert (await service.get(f"/brands/{accepted.json()['id']}")).json()["progress"] == "live"
    assert sinch_emulator.requests.count("createRcsSender") == 1
    assert sinch_emulator.requests.count("launchRcsSender") == 1


async def test_a_rejection_is_told(service: httpx.AsyncClient, sinch_emulator: Emulator) -> None:
    """The carriers' no reaches the customer."""
    sinch_emulator.reject("Acme")
    sender_id = (await service.post("/brands", json=BRAND)).json()["id"]
    sinch_emulator.clock.advance(days=3)
    assert (await service.get(f"/brands/{sender_id}")).json()["progress"] == "refused by the carriers"


async def test_what_carriers_would_miss_is_told(service: httpx.AsyncClient, sinch_emulator: Emulator) -> None:
    """An empty field comes back by name, and nothing was launched."""
    refused = await service.post("/brands", json={**BRAND, "description": ""})
    assert (refused.status_code, refused.json()["detail"]) == (422, {"missing": ["description"]})
    assert [sender.status for sender in sinch_emulator.senders] == ["DRAFT"]


async def test_a_short_storm_of_429_goes_unnoticed(
    service: httpx.AsyncClient, sinch_emulator: Emulator
) -> None:
    """Two refusals a request are waited out, on the emulator's clock."""
    sinch_emulator.inject("createRcsSender", retry_after=5, times=2)
    sinch_emulator.inject("launchRcsSender", retry_after=5, times=2)
    assert (await service.post("/brands", json=BRAND)).status_code == 202
    assert sinch_emulator.requests.count(status=429) == 4


async def test_a_long_storm_of_429_is_a_503(service: httpx.AsyncClient, sinch_emulator: Emulator) -> None:
    """Who is asked to wait for ten minutes, asks in turn."""
    sinch_emulator.inject("*", retry_after=600, times=None)
    refused = await service.post("/brands", json=BRAND)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "600")
    sinch_emulator.faults.clear()
    assert (await service.post("/brands", json=BRAND)).status_code == 202


async def test_tokens_expire_and_nobody_notices(service: httpx.AsyncClient, sinch_emulator: Emulator) -> None:
    """Neither the end of a token's hour nor its early death is an error of the service."""
    sender_id = (await service.post("/brands", json=BRAND)).json()["id"]
    sinch_emulator.clock.advance(hours=2)
    assert (await service.get(f"/brands/{sender_id}")).status_code == 200
    sinch_emulator.expire_tokens()
    assert (await service.get(f"/brands/{sender_id}")).status_code == 200
    assert sinch_emulator.requests.count("token") == 3


async def test_an_unknown_brand_is_a_404(service: httpx.AsyncClient) -> None:
    """An id that Sinch doesn't know is nothing that the service knows."""
    assert (await service.get("/brands/01NOSUCH")).status_code == 404
