"""Clients on the misbehaving server, and a clock that does not wait."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import httpx
from attrs import define, field

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient, RetryPolicy

from .server import PROJECT, Server

KEY_ID = "key-id"
KEY_SECRET = "key-secret-canary"


@define
class FakeClock:
    """Time that passes when somebody sleeps, or when a test says so."""

    now: float = 1_000.0
    sleeps: list[float] = field(factory=list[float])

    def monotonic(self) -> float:
        """Seconds from anywhere."""
        return self.now

    def time(self) -> float:
        """Seconds since the epoch."""
        return 1_700_000_000.0 + self.now

    async def sleep(self, seconds: float, /) -> None:
        """Let `seconds` pass, at once."""
        self.sleeps.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


# Our own connections, and httpx's transport as a caller may pass it.
TRANSPORTS = ("own", "httpx's")


def transport_named(name: object, proxy: str | None = None) -> object:
    """Return the client's `transport` option for a name of `TRANSPORTS`, anything else as it is.

    httpx's does not look for a proxy in the environment: that is its client's part.
    """
    if name == "own":
        return "httpx"
    if name == "httpx's":
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30)
        verify = _authorities(os.environ.get("SSL_CERT_FILE"))
        return httpx.AsyncHTTPTransport(verify=verify, limits=limits, proxy=proxy)
    return name


@cache
def _authorities(file: str | None) -> ssl.SSLContext:
    # Reading them takes longer than most of the tests.
    return ssl.create_default_context(cafile=file or certifi.where())


def client_on(server: Server, **options: Any) -> ProvisioningClient:
    """Open a client on `server`, its pauses not waited for unless `options` name another clock."""
    if "transport" in options:
        options["transport"] = transport_named(options["transport"])
    settings: dict[str, Any] = {
        "project_id": PROJECT,
        "credentials": credentials_on(server),
        "base_url": server.url,
        "clock": FakeClock(),
    }
    return ProvisioningClient(**(settings | options))


def credentials_on(
    server: Server, key_id: str = KEY_ID, key_secret: str = KEY_SECRET
) -> OAuth2ClientCredentials:
    """Name a key and the server's token endpoint."""
    return OAuth2ClientCredentials(key_id, key_secret, f"{server.url}/oauth2/token")


def policy(**changes: float) -> RetryPolicy:
    """Make a retry policy with a deadline that a test can wait for."""
    settings: dict[str, Any] = {"deadline": 10.0}
    return RetryPolicy(**(settings | changes))


async def settle(until: Callable[[], bool], seconds: float = 2.0) -> None:
    """Wait for what happens on the other side of a socket."""
    async with asyncio.timeout(seconds):
        while not until():  # noqa: ASYNC110 - what is awaited has no event: it is in a server's or a selector's hands
            await asyncio.sleep(0.002)


def own_tasks(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Return the tasks that have come since `before`, the servers' apart."""
    here = Path(__file__).parent
    servers = {str(here / "server.py"), str(here / "faults.py"), asyncio.selector_events.__file__}
    tasks = {task for task in asyncio.all_tasks() - before if not task.done()}
    return {task for task in tasks if task.get_stack(limit=1)[0].f_code.co_filename not in servers}
