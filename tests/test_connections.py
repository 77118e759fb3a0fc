"""The default transport: last used first, a hard limit, idle connections swept, doubtful ones dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from sinch_provisioning import APIConnectionError
from sinch_provisioning._http.connection_pool import Connections
from sinch_provisioning._http.proxy import proxy_for

from .faults import faults
from .faults.clients import client_on, credentials_on, policy, settle
from .faults.server import Server


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


async def test_idle_connections_are_closed_after_a_while(server: Server) -> None:
    """What nobody used for the keep-alive time is closed without a call's help."""
    connections = Connections(10, keep_alive=0.05)
    async with client_on(server, transport=connections) as sinch:
        server.always("GET rcs", faults.delay(0.01))
        await asyncio.gather(*(sinch.rcs.list() for _ in range(4)))
        assert server.connections == 4
        await settle(lambda: server.open_connections == 0)
        assert connections._open == 0
        await sinch.rcs.list()
    assert server.connections == 5


async def test_closing_drops_idle_and_later_connections(server: Server) -> None:
    """After closing nothing is kept, also of what was in use at that moment."""
    connections = Connections(10)
    request = httpx.Request("GET", f"{server.url}/v1/projects/p1/rcs/senders")
    response = await connections.handle_async_request(request)
    await connections.aclose()
    await response.aread()
    await response.aclose()
    await settle(lambda: server.open_connections == 0)
    assert connections._open == 0


async def test_response_closed_twice_gives_its_connection_back_once(server: Server) -> None:
    """A second closing changes nothing."""
    connections = Connections(10)
    request = httpx.Request("GET", f"{server.url}/v1/projects/p1/rcs/senders")
    response = await connections.handle_async_request(request)
    await response.aread()
    await response.stream.aclose()  # type: ignore[union-attr]
    await response.stream.aclose()  # type: ignore[union-attr]
    assert sum(len(group) for group in connections._idle.values()) == 1
    await connections.aclose()


async def test_certificate_file_that_is_not_there_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE naming nothing is said before anything is sent, and never turns verification off."""
    from sinch_provisioning._http import tls as _tls  # noqa: PLC0415 - the context is the process's

    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    _tls._tls_context.cache_clear()
    async with Server() as server:
        url = server.url.replace("http:", "https:")
        async with client_on(server, base_url=url, retry=policy(max_attempts=1)) as sinch:
            with pytest.raises(APIConnectionError):
                await sinch.rcs.list()
    _tls._tls_context.cache_clear()


@pytest.mark.parametrize(
    ("environment", "origin", "proxy"),
    [
        ({}, ("https", "api.example", None), None),
        ({"HTTPS_PROXY": "http://p:1"}, ("https", "api.example", None), "http://p:1"),
        ({"https_proxy": "p:1"}, ("https", "api.example", None), "http://p:1"),
        ({"ALL_PROXY": "http://p:2"}, ("https", "api.example", None), "http://p:2"),
        ({"HTTP_PROXY": "http://p:3"}, ("https", "api.example", None), None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.example"}, ("https", "api.example", None), None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, ("https", "api.example", 443), None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, ("https", "api.example", None), None),
        ({"HTTPS_PROXY": ""}, ("https", "api.example", None), None),
    ],
)
def test_proxy_variables_are_read_as_everywhere(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    origin: tuple[str, str, int | None],
    proxy: str | None,
) -> None:
    """HTTPS_PROXY, ALL_PROXY and NO_PROXY mean what they mean to other programs."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(origin) == proxy
