"""The transport of the extra `aiohttp`: aiohttp's connections behind httpx's interface."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Final

import aiohttp
import httpx
import yarl
from attrs import frozen
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions

from .connection_pool import KEEP_ALIVE
from .proxy import Origin, proxy_for
from .tls import tls_context

# A reply of at most this many bytes is read before it is handed on; a stream would cost more than its content.
_SMALL: Final = 64 * 2**10

_Trace = Callable[[str, dict[str, object]], Awaitable[None]]

# aiohttp's own signals carry nothing of the request they are about, but they run in its task.
_trace: Final[ContextVar[_Trace | None]] = ContextVar("sinch_provisioning_aiohttp_trace", default=None)


# The same few are asked for again and again. As they are: yarl would spell some of their characters in another way.
_url = lru_cache(maxsize=4096)(partial(yarl.URL, encoded=True))


class _Bridge(AiohttpTransport):
    """httpx-aiohttp's transport, with the translation that it makes for requests of any kind made for ours only.

    Its own costs as much as all that aiohttp does with a request.
    """

    def __init__(
        self, session: aiohttp.ClientSession, context: ssl.SSLContext, proxy: httpx.Proxy | None
    ) -> None:
        super().__init__(verify=context, client=session, proxy=proxy)
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; failures come as httpx's exceptions, named for what happened."""
        # With the body read, aiohttp gets bytes and their length instead of a stream that it would send in chunks.
        if isinstance(request.stream, httpx.ByteStream):
            content = request.read()
        else:
            content = await request.aread()
        try:
            if self.proxy is not None:
                return await super().handle_async_request(request)
            phases = request.extensions.get("timeout", {})
            reply = await self._session.request(
                request.method,
                _url(str(request.url)),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=content or None,
                allow_redirects=False,
                timeout=_timeout(phases.get("connect"), phases.get("read")),
            )
            length = reply.content_length
            if length is not None and length <= _SMALL:
                small = httpx.ByteStream(await reply.read())
                return httpx.Response(reply.status, headers=reply.raw_headers, stream=small)
            return httpx.Response(
                reply.status, headers=reply.raw_headers, stream=AiohttpResponseStream(reply)
            )
        except Exception as error:
            failure = _translated(error)
        raise failure


@lru_cache
def _timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(sock_connect=connect, sock_read=read)


@frozen
class _Way:
    """The same connections with and without reports of a request's progress, which cost a tenth of a call."""

    plain: _Bridge
    traced: _Bridge


class AiohttpConnections(httpx.AsyncBaseTransport):
    """aiohttp with at most `limit` connections; tells whether a request was written as httpx's own transports do."""

    tells_phases = True

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ways: dict[Origin, _Way] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; failures come as httpx's exceptions, named for what happened."""
        url = request.url
        origin = (url.scheme, url.host, url.port)
        way = self._ways.get(origin) or await self._open(origin)
        trace: _Trace | None = request.extensions.get("trace")
        if trace is None:
            return await way.plain.handle_async_request(request)
        token = _trace.set(trace)
        try:
            return await way.traced.handle_async_request(request)
        finally:
            _trace.reset(token)

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
                _Bridge(plain, context, proxy),
                _Bridge(traced, context, proxy),
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
        auto_decompress=False,
    )
    # It would send a GET, PUT or DELETE again by itself, uncounted, and turn a delete that was done into a 404.
    session._retry_connection = False  # pyright: ignore[reportPrivateUsage] - there is no public switch
    return session


async def _connected(_session: object, _context: object, _parameters: object) -> None:
    """Count the request as written from here on: a connection is at hand, and writing is the next thing done."""
    trace = _trace.get()
    if trace is not None:
        await trace("aiohttp.send_request_headers.started", {})


def _translated(error: Exception) -> Exception:
    """Name a failure for what it is in httpx's words: httpx-aiohttp calls every lost connection a ConnectTimeout."""
    try:
        with map_aiohttp_exceptions():
            raise error
    # What it does not know it lets through.
    except Exception as mapped:
        failure = mapped
    origin = failure.__cause__
    if isinstance(failure, httpx.ConnectTimeout) and not isinstance(origin, aiohttp.ServerTimeoutError):
        kind = httpx.ConnectError if isinstance(origin, aiohttp.ClientConnectorError) else httpx.ReadError
        return kind(str(failure))
    return failure
