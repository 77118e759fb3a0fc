"""The default transport: last used first, a hard limit, idle connections swept, doubtful ones dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sinch_provisioning import APIConnectionError
from sinch_provisioning._http.connection_pool import ConnectionPool
from sinch_provisioning._http.outcome import Received
from sinch_provisioning._http.proxy_settings import proxy_for
from sinch_provisioning._http.request import NO_HEADERS, HeaderBlock, HttpRequest, Origin
from sinch_provisioning._http.request import Server as HttpServer
from sinch_provisioning._http.send_progress import SendProgress

from ..faults import faults
from ..faults.clients import client_on, credentials_on, policy, settle
from ..faults.server import Server

HOST = HeaderBlock([(b"Host", b"x")])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Serve until the test's end."""
    async with Server() as running:
        yield running


async def test_connection_is_used_again(server: Server) -> None:
    """Calls one after the other need one connection."""
    async with client_on(server) as sinch:
        for _ in range(10):
            await sinch.rcs.list()
    assert server.connections == 1


async def test_connection_used_last_is_used_first(server: Server) -> None:
    """After a burst a quiet client keeps to one connection, so that the others may go."""
    async with client_on(server) as sinch:
        await sinch.rcs.list()
        server.always("GET rcs", faults.delay(0.02))
        await asyncio.gather(*(sinch.rcs.list() for _ in range(5)))
        assert server.connections == 5
        for _ in range(10):
            await sinch.rcs.list()
    assert server.connections == 5


async def test_limit_holds_over_two_origins() -> None:
    """An idle connection to the token endpoint makes room for one to the API, and back."""
    async with (
        Server() as api,
        Server() as tokens,
        client_on(api, credentials=credentials_on(tokens), max_connections=1) as sinch,
    ):
        api.valid = tokens.valid
        tokens.expires_in = 0
        for _ in range(5):
            await sinch.rcs.list()
            await settle(lambda: api.open_connections + tokens.open_connections <= 1)
        assert (api.peak, tokens.peak) == (1, 1)


async def test_limit_holds_under_load(server: Server) -> None:
    """However many calls there are at once, the server sees no more connections than allowed."""
    async with client_on(server, max_connections=3) as sinch:
        await asyncio.gather(*(sinch.rcs.list() for _ in range(60)))
    assert server.connections == 3


async def test_first_come_is_first_served(server: Server) -> None:
    """Calls get their places in the order in which they asked."""
    async with client_on(server, max_connections=1) as sinch:
        await sinch.rcs.list()
        done: list[int] = []

        async def call(number: int) -> None:
            await sinch.rcs.list()
            done.append(number)

        await asyncio.gather(*(call(number) for number in range(20)))
    assert done == list(range(20))


async def test_connection_that_the_server_closed_while_idle_is_replaced(server: Server) -> None:
    """A kept connection that has ended meanwhile costs no attempt, not even of a create."""
    async with client_on(server, retry=policy(max_attempts=1)) as sinch:
        for number in range(5):
            server.arm("POST rcs", faults.close_after)
            await sinch.rcs.create(display_name=f"s{number}")
            await settle(lambda: server.open_connections == 0)
    assert server.connections == 5


async def test_connection_that_failed_is_not_used_again(server: Server) -> None:
    """After a cut reply the next attempt goes over a new connection."""
    async with client_on(server) as sinch:
        server.arm("GET rcs", faults.cut_chunked)
        await sinch.rcs.list()
    assert server.connections == 2


REQUEST: dict[str, Any] = {"limit": 2**20, "phases": {}}


def get(server: Server) -> HttpRequest:
    """Make a request for the senders."""
    return HttpRequest(
        "GET", HttpServer(httpx.URL(server.url)), "/v1/projects/p1/rcs/senders", NO_HEADERS, None
    )


async def send(pool: ConnectionPool, server: Server) -> Received:
    """Ask for the senders; the server answers 401, there is no token."""
    return await pool.exchange(get(server), HOST, **REQUEST, progress=SendProgress())


async def test_idle_connections_are_closed_after_a_while(server: Server) -> None:
    """What nobody used for the keep-alive time is closed without a call's help."""
    pool = ConnectionPool(10, keep_alive=0.05)
    server.always("GET rcs", faults.delay(0.01))
    await asyncio.gather(*(send(pool, server) for _ in range(4)))
    assert server.connections == 4
    await settle(lambda: server.open_connections == 0)
    assert pool.open == 0
    await send(pool, server)
    assert server.connections == 5
    await pool.aclose()


async def test_nothing_is_sent_after_the_deadline(server: Server) -> None:
    """A process that was stopped while it connected does not begin to send when it goes on: its call ends."""
    pool = ConnectionPool(10)
    progress = SendProgress(asyncio.get_running_loop().time())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await pool.exchange(get(server), HOST, **REQUEST, progress=progress)
    assert (server.count("GET rcs"), progress.sent, pool.open) == (0, False, 0)
    await pool.aclose()


async def test_connection_is_kept_no_longer_than_the_server_says(server: Server) -> None:
    """Keep-Alive bounds the time in which a connection is used again, with a margin of a second."""
    now = 0.0
    pool = ConnectionPool(10, monotonic=lambda: now)
    server.always("GET rcs", faults.status(200, {}, Keep_Alive="timeout=5"))
    for then, connections in ((0.0, 1), (3.9, 1), (7.0, 1), (11.1, 2)):
        now = then
        await send(pool, server)
        assert server.connections == connections
    await pool.aclose()


async def test_closing_drops_idle_and_later_connections(server: Server) -> None:
    """After closing nothing is kept, also of what was in use at that moment."""
    pool = ConnectionPool(10)
    server.always("GET rcs", faults.delay(0.05))
    sent = asyncio.ensure_future(send(pool, server))
    await settle(lambda: server.count("GET rcs") == 1)
    await pool.aclose()
    await sent
    await settle(lambda: server.open_connections == 0)
    assert pool.open == 0


async def test_certificate_file_that_is_not_there_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE naming nothing is said before anything is sent, and never turns verification off."""
    from sinch_provisioning._http import tls as _tls  # noqa: PLC0415 - the context is the process's

    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    _tls._default_context.cache_clear()
    async with Server() as server:
        url = server.url.replace("http:", "https:")
        async with client_on(server, base_url=url, retry=policy(max_attempts=1)) as sinch:
            with pytest.raises(APIConnectionError):
                await sinch.rcs.list()
    _tls._default_context.cache_clear()


@pytest.mark.parametrize(
    ("environment", "origin", "proxy"),
    [
        ({}, ("https", "api.example", 443), None),
        ({"HTTPS_PROXY": "http://p:1"}, ("https", "api.example", 443), "http://p:1"),
        ({"https_proxy": "p:1"}, ("https", "api.example", 443), "http://p:1"),
        ({"ALL_PROXY": "http://p:2"}, ("https", "api.example", 443), "http://p:2"),
        ({"HTTP_PROXY": "http://p:3"}, ("https", "api.example", 443), None),
        ({"HTTP_PROXY": "http://p:3"}, ("http", "emulator", 80), "http://p:3"),
        ({"HTTPS_PROXY": ""}, ("https", "api.example", 443), None),
        ({"HTTP_PROXY": "http://p:3"}, ("http", "localhost", 8080), None),
        ({"HTTP_PROXY": "http://p:3"}, ("http", "x.localhost", 8080), None),
        ({"HTTPS_PROXY": "http://p:3"}, ("https", "127.0.0.1", 443), None),
        ({"HTTPS_PROXY": "http://p:3"}, ("https", "::1", 443), None),
    ],
)
def test_proxy_variables_are_read_as_everywhere(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    origin: Origin,
    proxy: str | None,
) -> None:
    """HTTPS_PROXY, HTTP_PROXY and ALL_PROXY mean what they mean to other programs; loopback is never proxied."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(origin)
    assert (None if found is None else str(found)) == proxy


@pytest.mark.parametrize(
    ("listed", "host", "exempt"),
    [
        ("api.example", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        ("*.example", "api.example", True),
        ("api.example.", "api.example", True),
        ("API.Example", "api.example", True),
        ("*", "api.example", True),
        ("api.example:443", "api.example", True),
        ("api.example:8443", "api.example", False),
        ("pi.example", "api.example", False),
        ("a, , api.example ,b", "api.example", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("fd00::/8", "fd00::1", True),
        ("[fd00::1]", "fd00::1", True),
        ("[fd00::1]:443", "fd00::1", True),
        ("[fd00::1]:80", "fd00::1", False),
        ("fd00::1", "fd00::1", True),
        ("", "api.example", False),
    ],
)
def test_no_proxy_is_read_as_everywhere(
    monkeypatch: pytest.MonkeyPatch, listed: str, host: str, exempt: bool
) -> None:
    """NO_PROXY takes names with their subdomains, addresses, networks, ports and a star."""
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", listed)
    assert (proxy_for(("https", host, 443)) is None) == exempt
