"""Outages: the retry quota keeps a client from multiplying them, and gives way when they end."""

from __future__ import annotations

import asyncio

import pytest

from sinch_provisioning import APIConnectionError, ServerError

from . import faults
from .conftest import Open
from .server import Server

# The quota knows nothing of transports, and httpx's takes ten times as long for a thousand calls that wait.
OWN = pytest.mark.parametrize("transport", ["own"])


async def test_total_outage_costs_at_most_a_fifth_more_requests(server: Server, open_client: Open) -> None:
    """1,000 calls against a failing server: at most 1,200 requests, none of them blocked."""
    server.always("GET rcs", faults.status(500))
    sinch = open_client()

    async def work(calls: int) -> None:
        for _ in range(calls):
            with pytest.raises(ServerError):
                await sinch.rcs.list()

    await asyncio.gather(*(work(20) for _ in range(50)))
    assert 1000 < server.count("GET rcs") <= 1200


@OWN
async def test_outage_of_creates_costs_no_more(server: Server, open_client: Open) -> None:
    """503 with Retry-After, the one status that a create is repeated after, is under the quota too."""
    server.always("POST rcs", faults.status(503, None, Retry_After="1"))
    sinch = open_client()
    outcomes = await asyncio.gather(
        *(sinch.rcs.create(display_name=f"s{number}") for number in range(1000)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {ServerError}
    assert server.count("POST rcs") <= 1200


@OWN
async def test_lost_connections_cost_no_more(server: Server, open_client: Open) -> None:
    """Dropped connections count as failures of the same outage."""
    sinch = open_client()
    await sinch.rcs.list()
    server.always("GET rcs/{id}", faults.drop)
    outcomes = await asyncio.gather(*(sinch.rcs.get("s1") for _ in range(1000)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {APIConnectionError}
    assert server.count("GET rcs/{id}") <= 1200


async def test_quota_refills_with_success(server: Server, open_client: Open) -> None:
    """After the outage, successes earn retries again."""
    server.always("GET rcs", faults.status(500))
    sinch = open_client()
    await asyncio.gather(*(sinch.rcs.list() for _ in range(200)), return_exceptions=True)
    before = server.count("GET rcs")
    with pytest.raises(ServerError):
        await sinch.rcs.list()
    assert server.count("GET rcs") == before + 1
    server.always("GET rcs", None)
    for _ in range(10):
        await sinch.rcs.list()
    server.arm("GET rcs", faults.status(500), faults.status(500))
    assert await sinch.rcs.list() == []


async def test_retries_that_succeed_cost_nothing(server: Server, open_client: Open) -> None:
    """A flaky server, every second request failing, is retried for ever: each success pays for its retry."""
    sinch = open_client()
    for _ in range(300):
        server.arm("GET rcs", faults.status(503))
        await sinch.rcs.list()
    assert server.count("GET rcs") == 600


@OWN
async def test_views_share_the_quota(server: Server, open_client: Open) -> None:
    """Many projects on one client are one client to the server."""
    server.always("GET rcs", faults.status(500))
    sinch = open_client()
    await asyncio.gather(
        *(sinch.for_project(f"p{number}").rcs.list() for number in range(1000)), return_exceptions=True
    )
    assert server.count("GET rcs") <= 1200
