"""Proxies of the environment: honoured, bypassed, and a failed CONNECT is no request that was sent.

Where a setting is looked for, on our own connections only: a transport of httpx's knows one proxy, which it is given.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sinch_provisioning import (
    APIConnectionError,
    DeadlineExceededError,
    OAuth2ClientCredentials,
    OutcomeUnknownError,
)
from sinch_provisioning._http.connection_pool import ConnectionPool
from sinch_provisioning._http.request import NO_HEADERS, HeaderBlock, HttpRequest
from sinch_provisioning._http.request import Server as HttpServer
from sinch_provisioning._http.send_progress import SendProgress

from . import faults
from .clients import KEY_ID, KEY_SECRET, client_on, policy, transport_named
from .proxy import Proxy
from .server import Server
from .test_cancellation import tls_server

__all__ = ["tls_server"]


# Loopback is never proxied, so the server is asked for by a name that only the proxy can resolve.
def named(server: Server) -> dict[str, Any]:
    """Name the server as the outside world does."""
    url = f"https://api.example:{server.port}"
    return {
        "base_url": url,
        "credentials": OAuth2ClientCredentials(KEY_ID, KEY_SECRET, f"{url}/oauth2/token"),
    }


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Run a proxy and name it in HTTPS_PROXY."""
    async with Proxy() as running:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        yield running


async def test_https_proxy_is_honoured(tls_server: Server, proxy: Proxy, transport: str) -> None:
    """Calls travel through the tunnel, and the tunnel is kept."""
    through = transport_named(transport, proxy.url)
    async with client_on(tls_server, transport=through, **named(tls_server)) as sinch:
        await sinch.rcs.create(display_name="New")
        await sinch.rcs.list()
    assert proxy.tunnels == [f"api.example:{tls_server.port}"]


async def test_no_proxy_is_honoured(
    tls_server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What NO_PROXY names is looked for directly, where it can't be found here."""
    monkeypatch.setenv("NO_PROXY", "api.example")
    async with client_on(tls_server, **named(tls_server), retry=policy(max_attempts=1)) as sinch:
        with pytest.raises(APIConnectionError, match="ConnectError"):
            await sinch.rcs.list()
    assert proxy.tunnels == []


async def test_loopback_is_never_proxied(
    tls_server: Server, server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key for this machine itself is shown to no proxy, encrypted or not."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    for local in (tls_server, server):
        async with client_on(local) as sinch:
            await sinch.rcs.list()
    assert proxy.tunnels == []


async def test_proxy_option_comes_before_the_environment(
    tls_server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`proxy=` names the proxy, its user and password included."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    option = proxy.url.replace("http://", "http://me:p%40ss@")
    async with client_on(tls_server, **named(tls_server), proxy=option) as sinch:
        await sinch.rcs.list()
    assert proxy.tunnels == [f"api.example:{tls_server.port}"]
    assert proxy.authorizations == ["Basic " + base64.b64encode(b"me:p@ss").decode()]


async def test_plain_http_host_goes_through_the_proxy_as_it_is(server: Server) -> None:
    """A request to http is handed to the proxy whole, its target absolute, its credentials beside it."""
    pool = ConnectionPool(1, proxy=server.url.replace("http://", "http://me:pw@"))
    request = HttpRequest("GET", HttpServer(httpx.URL("http://emulator:8080/v1")), "/x", NO_HEADERS, None)
    host = HeaderBlock([(b"Host", b"emulator:8080")])
    await pool.exchange(request, host, limit=1000, phases={}, progress=SendProgress())
    await pool.aclose()
    assert server.seen[0].target == "http://emulator:8080/v1/x"
    assert server.seen[0].headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:pw").decode()


@pytest.mark.parametrize("answer", [403, 407, 502, None])
async def test_refused_tunnel_is_retried_also_for_a_create(
    tls_server: Server, proxy: Proxy, transport: str, answer: int | None
) -> None:
    """A CONNECT that fails has carried nothing of the request, so even a create is tried again."""
    through = transport_named(transport, proxy.url)
    async with client_on(tls_server, transport=through, **named(tls_server)) as sinch:
        # The token comes first, through a tunnel of its own that the server then closes.
        tls_server.arm("token", faults.close_after)
        await sinch.authenticate()
        proxy.answer = answer
        with pytest.raises(APIConnectionError) as caught:
            await sinch.rcs.create(display_name="New")
    assert not isinstance(caught.value, OutcomeUnknownError)
    # A proxy that wants another password will want it again.
    attempts = 1 if answer == 407 else 4
    assert len(caught.value.attempts) == attempts
    assert len(proxy.tunnels) == 1 + attempts
    assert tls_server.count("POST rcs") == 0


async def test_deadline_in_a_silent_proxy_is_no_unknown_outcome(
    tls_server: Server, proxy: Proxy, transport: str
) -> None:
    """While the tunnel is not there, a create has not left."""
    options = {**named(tls_server), "transport": transport_named(transport, proxy.url)}
    async with client_on(tls_server, **options, retry=policy(deadline=0.3)) as sinch:
        tls_server.arm("token", faults.close_after)
        await sinch.with_options(retry=policy()).authenticate()
        proxy.answer = 0
        with pytest.raises(DeadlineExceededError):
            await sinch.rcs.create(display_name="New")


@pytest.mark.parametrize("setting", ["ftp://127.0.0.1:1", "socks5://127.0.0.1:1", "http://[::1"])
async def test_unusable_proxy_setting_is_no_unknown_outcome(
    tls_server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """A proxy that can't be is an error of ours, and nothing was sent, of a create either."""
    async with client_on(tls_server, **named(tls_server)) as sinch:
        tls_server.arm("token", faults.close_after)
        await sinch.authenticate()
        monkeypatch.setenv("HTTPS_PROXY", setting)
        with pytest.raises(APIConnectionError) as caught:
            await sinch.rcs.create(display_name="New")
    assert not isinstance(caught.value, OutcomeUnknownError)


async def test_untrusted_certificate_is_refused(
    tls_server: Server, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of an unknown authority ends the call before anything is sent."""
    from sinch_provisioning._http import tls as _tls  # noqa: PLC0415 - the context is the process's

    monkeypatch.delenv("SSL_CERT_FILE")
    _tls._default_context.cache_clear()
    async with client_on(tls_server, transport=transport, retry=policy(max_attempts=1)) as sinch:
        with pytest.raises(APIConnectionError, match=r"(?i)certificate"):
            await sinch.rcs.create(display_name="New")
    assert tls_server.seen == []
