"""The transport of the extra `aiohttp`: aiohttp's connections behind httpx's interface."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

import aiohttp
import httpx
from attrs import frozen
from httpx_aiohttp import AiohttpTransport

from ._connections import KEEP_ALIVE
from ._proxied import Origin, proxy_for
from ._tls import tls_context

_Trace = Callable[[str, dict[str, object]], Awaitable[None]]

# aiohttp's own signals carry nothing of the request they are about, but they run in its task.
_trace: Final[ContextVar[_Trace | None]] = ContextVar("sinch_provisioning_aiohttp_trace", default=None)


@frozen
class _Way:
    """The same connections with and without reports of a request's progress, which cost a tenth of a call."""

    plain: AiohttpTransport
    traced: AiohttpTransport


class AiohttpConnections(httpx.AsyncBaseTransport):
    """aiohttp with at most `limit` connections; tells whether a request was written as httpx's own transports do."""

    tells_phases = True

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ways: dict[Origin, _Way] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; failures come as httpx's exceptions, named for what happened."""
        # With the body read, aiohttp gets bytes and their length instead of a stream that it would send in chunks.
        if isinstance(request.stream, httpx.ByteStream):
            request.read()
        else:
            await request.aread()
        # Ours are; else httpx tries encodings on all headers, each time they are read.
        request.headers.encoding = "utf-8"
        url = request.url
        origin = (url.scheme, url.host, url.port)
        way = self._ways.get(origin) or await self._open(origin)
        trace: _Trace | None = request.extensions.get("trace")
        try:
            if trace is None:
                return await way.plain.handle_async_request(request)
            token = _trace.set(trace)
            try:
                return await way.traced.handle_async_request(request)
            finally:
                _trace.reset(token)
        except httpx.TransportError as error:
            renamed = _renamed(error)
        raise renamed

    async def aclose(self) -> None:
        """Close all connections."""
        ways = list(self._ways.values())
        self._ways.clear()
        for way in ways:
            await way.traced.aclose()
            await way.plain.aclose()

    async def _open(self, origin: Origin) -> _Way:
        """Find the way to `origin`, its proxy and its TLS once; a client seldom has more than two origins."""
        context = await tls_context(origin[0])
        way = self._ways.get(origin)
        if way is None:
            address = proxy_for(origin)
            proxy = None if address is None else httpx.Proxy(address)
            connector = aiohttp.TCPConnector(limit=self._limit, keepalive_timeout=KEEP_ALIVE, ssl=context)
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_create_end.append(_connected)
            tracing.on_connection_reuseconn.append(_connected)
            plain = _session(connector, owner=True)
            traced = _session(connector, owner=False, tracing=[tracing])
            way = self._ways[origin] = _Way(
                AiohttpTransport(verify=context, client=plain, proxy=proxy),
                AiohttpTransport(verify=context, client=traced, proxy=proxy),
            )
        return way


def _session(
    connector: aiohttp.TCPConnector, *, owner: bool, tracing: list[aiohttp.TraceConfig] | None = None
) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=connector,
        connector_owner=owner,
        trace_configs=tracing,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    # It would send a GET, PUT or DELETE again by itself, uncounted, and turn a delete that was done into a 404.
    session._retry_connection = False  # pyright: ignore[reportPrivateUsage] - there is no public switch
    return session


async def _connected(_session: object, _context: object, _parameters: object) -> None:
    """Count the request as written from here on: a connection is at hand, and writing is the next thing done."""
    trace = _trace.get()
    if trace is not None:
        await trace("aiohttp.send_request_headers.started", {})


def _renamed(error: httpx.TransportError) -> httpx.TransportError:
    """Name a failure for what it is: httpx-aiohttp calls every lost connection a ConnectTimeout."""
    origin = error.__cause__
    if isinstance(error, httpx.ConnectTimeout) and not isinstance(origin, aiohttp.ServerTimeoutError):
        kind = httpx.ConnectError if isinstance(origin, aiohttp.ClientConnectorError) else httpx.ReadError
        return kind(str(error))
    return error
