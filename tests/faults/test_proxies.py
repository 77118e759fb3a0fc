"""Proxies of the environment: honoured, bypassed, and a failed CONNECT is no request that was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sinch_provisioning import APIConnectionError, DeadlineExceededError, OutcomeUnknownError

from . import faults
from .clients import client_on, policy
from .proxy import Proxy
from .server import Server
from .test_cancellation import tls_server

__all__ = ["tls_server"]


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Run a proxy and name it in HTTPS_PROXY."""
    async with Proxy() as running:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        yield running


async def test_https_proxy_is_honoured(tls_server: Server, proxy: Proxy, transport: str) -> None:
    """Calls travel through the tunnel, and the tunnel is kept."""
    async with client_on(tls_server, transport=transport) as sinch:
        await sinch.rcs.create(display_name="New")
        await sinch.rcs.list()
    assert proxy.tunnels == [f"127.0.0.1:{tls_server.port}"]


async def test_no_proxy_is_honoured(
    tls_server: Server, proxy: Proxy, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What NO_PROXY names is reached directly."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with client_on(tls_server, transport=transport) as sinch:
        await sinch.rcs.list()
    assert proxy.tunnels == []


@pytest.mark.parametrize("answer", [403, 407, 502, None])
async def test_refused_tunnel_is_retried_also_for_a_create(
    tls_server: Server, proxy: Proxy, answer: int | None
) -> None:
    """A CONNECT that fails has carried nothing of the request, so even a create is tried again."""
    async with client_on(tls_server) as sinch:
        # The token comes first, through a tunnel of its own that the server then closes.
        tls_server.arm("token", faults.close_after)
        await sinch.authenticate()
        proxy.answer = answer
        with pytest.raises(APIConnectionError) as caught:
            await sinch.rcs.create(display_name="New")
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert len(caught.value.attempts) == 4
    assert len(proxy.tunnels) == 5
    assert tls_server.count("POST rcs") == 0


async def test_deadline_in_a_silent_proxy_is_no_unknown_outcome(tls_server: Server, proxy: Proxy) -> None:
    """While the tunnel is not there, a create has not left."""
    async with client_on(tls_server, retry=policy(deadline=0.3)) as sinch:
        tls_server.arm("token", faults.close_after)
        await sinch.with_options(retry=policy()).authenticate()
        proxy.answer = 0
        with pytest.raises(DeadlineExceededError):
            await sinch.rcs.create(display_name="New")


@pytest.mark.parametrize("setting", ["ftp://127.0.0.1:1", "socks5://127.0.0.1:1", "http://[::1"])
async def test_unusable_proxy_setting_is_no_unknown_outcome(
    tls_server: Server, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """A proxy that can't be is an error of ours, and nothing was sent, of a create either."""
    async with client_on(tls_server) as sinch:
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
    _tls._tls_context.cache_clear()
    async with client_on(tls_server, transport=transport, retry=policy(max_attempts=1)) as sinch:
        with pytest.raises(APIConnectionError, match=r"(?i)certificate"):
            await sinch.rcs.create(display_name="New")
    assert tls_server.seen == []
