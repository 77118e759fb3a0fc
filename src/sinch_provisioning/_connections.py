"""The default transport: a free list of single-connection transports, last used first.

httpx's own pool scans all its connections and waiters on every change and loses places when callers are
cancelled (encode/httpx#3215, encode/httpcore#1093). Here a request takes the connection used last, or opens one;
a connection on which anything went wrong is closed and forgotten, so the list never holds a doubtful one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, cast
from urllib.request import getproxies, proxy_bypass

import httpx
from attrs import define

from ._tls import tls_context

if TYPE_CHECKING:
    # httpx loads it with its first transport; nothing else here needs it.
    import httpcore

# Idle connections are closed after this many seconds; most load balancers keep theirs for 60 or longer.
KEEP_ALIVE = 30.0

Origin = tuple[str, str, int | None]


def proxy_for(origin: Origin) -> str | None:
    """Return the proxy that the environment names for `origin` (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)."""
    scheme, host, port = origin
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host if port is None else f"{host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@define(eq=False)
class _Connection:
    """One transport holding at most one connection, its socket, and when it was last given back."""

    transport: httpx.AsyncHTTPTransport
    origin: Origin
    idle_since: float = 0.0
    socket: httpcore.AsyncNetworkStream | None = None

    def watch(self, request: httpx.Request) -> None:
        """Hold on to the socket while `request` opens it: httpcore forgets it when a TLS handshake is cancelled.

        It takes httpcore's trace events first, then hands them to whoever else asked for them.
        """
        told: Callable[[str, dict[str, object]], Awaitable[None]] | None = request.extensions.get("trace")

        async def trace(event: str, info: dict[str, object]) -> None:
            if event == "connection.connect_tcp.complete":
                self.socket = cast("httpcore.AsyncNetworkStream | None", info.get("return_value"))
            if told is not None:
                await told(event, info)

        request.extensions["trace"] = trace

    def ended(self) -> bool:
        """Whether the server has closed it, or said something that nobody asked for."""
        return self.socket is not None and bool(self.socket.get_extra_info("is_readable"))

    async def aclose(self) -> None:
        """Close it, half-open or whole."""
        try:
            await self.transport.aclose()
        finally:
            if self.socket is not None:
                await self.socket.aclose()


class Connections(httpx.AsyncBaseTransport):
    """Sends each request on the connection used last; opens at most `limit` at once.

    It does not queue: whoever uses it keeps the number of requests in flight within `limit`, and idle connections
    to other origins make room. Belongs to the event loop it is first used in.
    """

    tells_phases = True

    def __init__(
        self, limit: int, *, keep_alive: float = KEEP_ALIVE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._keep_alive = keep_alive
        self._monotonic = monotonic
        self._idle: dict[Origin, deque[_Connection]] = {}
        self._open = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; the connection comes back to the list once the reply's stream is read and closed."""
        url = request.url
        connection = await self._take((url.scheme, url.host, url.port))
        if connection.socket is None:
            connection.watch(request)
        try:
            response = await connection.transport.handle_async_request(request)
        except BaseException:
            await self.drop(connection)
            raise
        stream = response.stream
        if isinstance(stream, httpx.AsyncByteStream):
            response.stream = _Body(self, connection, stream)
        return response

    async def aclose(self) -> None:
        """Close every idle connection; one in use is closed when its reply is."""
        self._keep_alive = 0.0
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        idle = [connection for group in self._idle.values() for connection in group]
        self._idle.clear()
        for connection in idle:
            await self.drop(connection)
        if self._closing:
            await asyncio.gather(*self._closing)

    async def _take(self, origin: Origin) -> _Connection:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            # Asked here and not left to httpcore, which would open another one by itself, unwatched.
            if self._monotonic() - connection.idle_since < self._keep_alive and not connection.ended():
                return connection
            await self.drop(connection)
        self._open += 1
        try:
            if self._open > self._limit:
                await self._make_room()
            return _Connection(await self._new_transport(origin), origin)
        except BaseException:
            self._open -= 1
            raise

    async def _new_transport(self, origin: Origin) -> httpx.AsyncHTTPTransport:
        try:
            return httpx.AsyncHTTPTransport(
                verify=await tls_context(origin[0]),
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None),
                proxy=proxy_for(origin),
            )
        # A certificate file that is not there, a proxy that is no URL: the environment's fault, and nothing was sent.
        except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:
            unusable = type(error).__name__
        raise httpx.ConnectError(
            f"the environment's proxy or certificate settings can't be used ({unusable})"
        )

    async def _make_room(self) -> None:
        """Close the connection that has been idle longest, whatever its origin."""
        groups = [group for group in self._idle.values() if group]
        if groups:
            await self.drop(min(groups, key=lambda group: group[0].idle_since).popleft())

    async def give_back(self, connection: _Connection) -> None:
        """Take a connection whose reply was read to its end."""
        if self._keep_alive <= 0:
            await self.drop(connection)
            return
        connection.idle_since = self._monotonic()
        self._idle.setdefault(connection.origin, deque()).append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._keep_alive, self._start_sweep)

    async def drop(self, connection: _Connection) -> None:
        """Close a connection that can't serve again."""
        self._open -= 1
        await connection.aclose()

    def _start_sweep(self) -> None:
        """Close what has been idle too long, and look again when the next one is due."""
        self._sweep = None
        now = self._monotonic()
        oldest = now
        for group in self._idle.values():
            while group and now - group[0].idle_since >= self._keep_alive:
                task = asyncio.get_running_loop().create_task(self.drop(group.popleft()))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            if group:
                oldest = min(oldest, group[0].idle_since)
        if any(self._idle.values()):
            self._sweep = asyncio.get_running_loop().call_later(
                max(0.0, oldest + self._keep_alive - now), self._start_sweep
            )


class _Body(httpx.AsyncByteStream):
    """A reply's bytes; closing it decides whether its connection can serve again."""

    def __init__(
        self, connections: Connections, connection: _Connection, stream: httpx.AsyncByteStream
    ) -> None:
        self._connections = connections
        self._connection: _Connection | None = connection
        self._stream = stream
        self._complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part
        self._complete = True

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await self._stream.aclose()
        except BaseException:
            await self._connections.drop(connection)
            raise
        if self._complete:
            await self._connections.give_back(connection)
        else:
            await self._connections.drop(connection)
