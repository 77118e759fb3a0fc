"""The connections of one event loop: a free list for each server, last used first.

A request takes the connection used last, or opens one; a connection on which anything went wrong is closed and
forgotten, so the list never holds a doubtful one. (httpx's pool scans all its connections and waiters on every change
and loses slots when callers are cancelled: encode/httpx#3215, encode/httpcore#1093.)
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from .connecting import open_connection
from .connection import Connection
from .outcome import ExchangeError, Received
from .proxy_settings import proxy_for
from .request import HeaderBlock, HttpRequest, Origin
from .send_progress import SendProgress
from .tls import tls_context

# Idle connections are closed after this many seconds; most load balancers keep theirs for 60 or longer.
KEEP_ALIVE: Final = 30.0


class ConnectionPool:
    """Sends each request on the connection used last; opens at most `limit` at once.

    It does not queue: its user keeps the number of requests in flight within `limit`, and idle connections to other
    servers make room.
    """

    def __init__(
        self,
        limit: int,
        *,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        keep_alive: float = KEEP_ALIVE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._tls = tls
        self._proxy = proxy
        self._keep_alive = keep_alive
        self._monotonic = monotonic
        self._idle: dict[Origin, deque[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self.open = 0
        self.closed = False

    async def exchange(
        self,
        request: HttpRequest,
        headers: HeaderBlock,
        *,
        limit: int,
        phases: dict[str, float | None],
        progress: SendProgress,
    ) -> Received:
        """Send `request` with these common headers and return its reply, its body as it came."""
        origin = request.server.origin
        connection = self._take_idle(origin)
        if connection is None:
            connection = await self._connect(origin, phases.get("connect"))
        try:
            # Where the process was stopped meanwhile, the call's timeout ends it within two turns of the loop. Whoever
            # takes over its work counts on nothing being sent after the deadline.
            while asyncio.get_running_loop().time() >= progress.latest:  # noqa: ASYNC110
                await asyncio.sleep(0)
            progress.sent = True
            received = await connection.exchange(
                request.wire(headers, connection.proxy_prefix, connection.proxy_headers),
                head_only=request.method == "HEAD",
                limit=limit,
                read=phases.get("read"),
                write=phases.get("write"),
            )
        except BaseException:
            self._discard(connection)
            raise
        if not connection.reusable or self.closed:
            self._discard(connection)
            return received
        keep = self._keep_alive
        if connection.keep_seconds is not None:
            keep = min(keep, connection.keep_seconds)
        connection.idle_until = self._monotonic() + keep
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(keep, self._close_expired)
        return received

    async def aclose(self) -> None:
        """Close every idle connection; one in use is closed when its reply is there."""
        self.closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for group in self._idle.values():
            while group:
                self._discard(group.popleft())
        # The sockets are closed in the loop's next turn.
        await asyncio.sleep(0)

    def _take_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if self._monotonic() < connection.idle_until and connection.is_usable():
                return connection
            self._discard(connection)
        return None

    async def _connect(self, origin: Origin, seconds: float | None) -> Connection:
        self.open += 1
        try:
            if self.open > self._limit:
                self._make_room()
            return await open_connection(
                origin, tls=await self._tls_for(origin), proxy=proxy_for(origin, self._proxy), seconds=seconds
            )
        except BaseException:
            self.open -= 1
            raise

    async def _tls_for(self, origin: Origin) -> ssl.SSLContext | None:
        if origin[0] != "https" or self._tls is not None:
            return self._tls
        try:
            return await tls_context()
        # A certificate file that is not there, or holds no certificates.
        except (OSError, ValueError, ImportError) as error:
            unusable = type(error).__name__
        raise ExchangeError(
            "ConnectError", f"the certificate settings can't be used ({unusable})", final=True
        )

    def _make_room(self) -> None:
        """Close the connection that has been idle longest, whatever its server."""
        groups = [group for group in self._idle.values() if group]
        if groups:
            self._discard(min(groups, key=lambda group: group[0].idle_until).popleft())

    def _discard(self, connection: Connection) -> None:
        self.open -= 1
        connection.abort()

    def _close_expired(self) -> None:
        """Close what has been idle too long, and look again when the next one is due."""
        self._sweep = None
        now = self._monotonic()
        for group in self._idle.values():
            expired = [connection for connection in group if connection.idle_until <= now]
            for connection in expired:
                group.remove(connection)
                self._discard(connection)
        next_due = min((each.idle_until for group in self._idle.values() for each in group), default=None)
        if next_due is not None:
            self._sweep = asyncio.get_running_loop().call_later(max(0.0, next_due - now), self._close_expired)
