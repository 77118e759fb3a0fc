"""Fixtures of the fault cases: a server, and the same client on each of our transports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sinch_provisioning import ProvisioningClient

from .clients import TRANSPORTS, client_on
from .server import Server

Open = Callable[..., ProvisioningClient]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Serve on loopback until the test's end."""
    async with Server() as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Name our own connections and httpx's transport: what is promised holds on both."""
    name: str = request.param
    return name


@pytest.fixture
async def open_client(server: Server, transport: str) -> AsyncIterator[Open]:
    """Open clients on the server, closed at the test's end."""
    async with AsyncExitStack() as stack:

        def open_one(**options: Any) -> ProvisioningClient:
            client = client_on(server, **({"transport": transport} | options))
            stack.push_async_callback(client.aclose)
            return client

        yield open_one
