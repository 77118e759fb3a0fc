"""The default transport: a free list of single-connection transports, last used first.

httpx's own pool scans all its connections and waiters on every change and loses places when callers are
cancelled (encode/httpx#3215, encode/httpcore#1093). Here a request takes the connection used last, or opens one;
a connection on which anything went wrong is closed and forgotten, so the list never holds a doubtful one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx
from attrs import define

from .http11 import DirectTransport
from .proxy import Origin, ProxiedTransport, proxy_for
from .tls import tls_context

# Idle connections are closed after this many seconds; most load balancers keep theirs for 60 or longer.
KEEP_ALIVE: Final = 30.0

_PORTS: Final = {"http": 80, "https": 443}


@define(eq=False)
class _Slot:
    """A transport that holds at most one connection, where it leads, and when it was last given back."""

    transport: DirectTransport | ProxiedTransport
    origin: Origin
    idle_since: float = 0.0


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
        self._idle: dict[Origin, deque[_Slot]] = {}
        self._open = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; the connection comes back to the list once the reply is read, or its stream closed."""
        url = request.url
        slot = await self._take((url.scheme, url.host, url.port))
        try:
            response = await slot.transport.handle_async_request(request)
        except BaseException:
            await self.drop(slot)
            raise
        stream = response.stream
        if slot.transport.done:
            await self.give_back(slot)
        elif isinstance(stream, httpx.AsyncByteStream):
            response.stream = _Body(self, slot, stream)
        return response

    async def aclose(self) -> None:
        """Close every idle connection; one in use is closed when its reply is."""
        self._keep_alive = 0.0
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        idle = [slot for group in self._idle.values() for slot in group]
        self._idle.clear()
        for slot in idle:
            await self.drop(slot)
        if self._closing:
            await asyncio.gather(*self._closing)

    async def _take(self, origin: Origin) -> _Slot:
        idle = self._idle.get(origin)
        while idle:
            slot = idle.pop()
            if self._monotonic() - slot.idle_since < self._keep_alive and not slot.transport.ended():
                return slot
            await self.drop(slot)
        self._open += 1
        try:
            if self._open > self._limit:
                await self._make_room()
            return _Slot(await self._new_transport(origin), origin)
        except BaseException:
            self._open -= 1
            raise

    async def _new_transport(self, origin: Origin) -> DirectTransport | ProxiedTransport:
        scheme, host, port = origin
        try:
            tls = await tls_context(scheme)
            proxy = proxy_for(origin)
            if proxy is not None:
                return ProxiedTransport(proxy, tls)
            return DirectTransport(host, port or _PORTS[scheme], tls if scheme == "https" else None)
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

    async def give_back(self, slot: _Slot) -> None:
        """Take a connection whose reply was read to its end."""
        if self._keep_alive <= 0:
            await self.drop(slot)
            return
        slot.idle_since = self._monotonic()
        self._idle.setdefault(slot.origin, deque()).append(slot)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._keep_alive, self._start_sweep)

    async def drop(self, slot: _Slot) -> None:
        """Close a connection that can't serve again."""
        self._open -= 1
        await slot.transport.aclose()

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

    def __init__(self, connections: Connections, slot: _Slot, stream: httpx.AsyncByteStream) -> None:
        self._connections = connections
        self._slot: _Slot | None = slot
        self._stream = stream
        self._complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part
        self._complete = True

    async def aclose(self) -> None:
        slot, self._slot = self._slot, None
        if slot is None:
            return
        try:
            await self._stream.aclose()
        except BaseException:
            await self._connections.drop(slot)
            raise
        if self._complete and not slot.transport.ended():
            await self._connections.give_back(slot)
        else:
            await self._connections.drop(slot)
