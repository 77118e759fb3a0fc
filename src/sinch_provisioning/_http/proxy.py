"""The way through the proxy that the environment names: httpx's own, with one connection."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Final, cast
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

Origin = tuple[str, str, int | None]

_ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)


def proxy_for(origin: Origin) -> str | None:
    """Return the proxy that the environment names for `origin` (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)."""
    scheme, host, port = origin
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host if port is None else f"{host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class ProxiedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport to one origin through `proxy`, which holds on to its socket."""

    # It never knows: the reply's stream tells.
    done = False

    def __init__(self, proxy: str, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, limits=_ONE, proxy=proxy)
        self._socket: httpcore.AsyncNetworkStream | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`."""
        if self._socket is None:
            self._watch(request)
        return await super().handle_async_request(request)

    def _watch(self, request: httpx.Request) -> None:
        """Hold on to the socket while `request` opens it: httpcore forgets it when a TLS handshake is cancelled.

        It takes httpcore's trace events first, then hands them to whoever else asked for them.
        """
        told: Callable[[str, dict[str, object]], Awaitable[None]] | None = request.extensions.get("trace")

        async def trace(event: str, info: dict[str, object]) -> None:
            if event == "connection.connect_tcp.complete":
                self._socket = cast("httpcore.AsyncNetworkStream | None", info.get("return_value"))
            if told is not None:
                await told(event, info)

        request.extensions["trace"] = trace

    def ended(self) -> bool:
        """Whether the server has closed it, or said something that nobody asked for."""
        return self._socket is not None and bool(self._socket.get_extra_info("is_readable"))

    async def aclose(self) -> None:
        """Close it, half-open or whole."""
        try:
            await super().aclose()
        finally:
            if self._socket is not None:
                await self._socket.aclose()
