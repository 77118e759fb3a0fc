"""One HTTP/1.1 connection of our own: h11 says what the bytes mean, an asyncio transport carries them.

It takes the place of httpcore's connection, and speaks its terms: requests, responses and exceptions are httpcore's.
There, locks and cancel scopes guard against callers that share a connection; here one request at a time has it, its
head and body leave in one write, and a reply that came in one piece needs no stream.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, cast

import h11
import httpcore
import httpx

from .happy_eyeballs import connected_socket

# What httpcore allows a reply's head.
_LARGEST_HEAD: Final = 100 * 2**10

# Bytes that may wait for a reader before the socket is left alone.
_HIGH_WATER: Final = 2**20

_Trace = Callable[[str, dict[str, object]], Awaitable[None]]
_Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class DirectTransport(httpx.AsyncHTTPTransport):
    """httpx's transport on one connection of ours, opened by its first request, in place of httpcore's pool.

    What httpx does in front of the pool stays, so whatever stands in for httpx's transport in tests (pytest-httpx)
    stands in for this one, too.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        # Not httpx's own: it would make a pool, and a TLS context.
        self._connection = Http11Connection(host, port, tls)
        self._pool = cast("httpcore.AsyncConnectionPool", self._connection)

    @property
    def done(self) -> bool:
        """Whether the last reply was read whole, so that the next request may follow."""
        return self._connection.done

    def ended(self) -> bool:
        """Whether it can't serve again."""
        return self._connection.ended()


class Http11Connection(asyncio.Protocol):
    """Opened by its first request; serves one at a time, in the event loop that opened it.

    `done`: the last reply was read whole, and another request may be sent. What goes wrong on the way is one of
    httpcore's exceptions, after which, as after a cancellation, only `aclose` may be called.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._address = (host, port)
        self._tls = tls
        self._http = h11.Connection(h11.CLIENT, _LARGEST_HEAD)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._unread = 0
        self._paused = False
        self._full = False
        self._lost: str | None = None
        self.done = False

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send `request` and read its reply's head; the body with it, where that has come already."""
        # httpcore leaves open what its values are.
        extensions = cast("Mapping[str, object]", request.extensions)  # pyright: ignore[reportUnknownMemberType]
        seconds = cast("Mapping[str, float | None]", extensions.get("timeout", {}))
        transport = self._transport
        if transport is None:
            transport = await self._open(seconds.get("connect"))
        outgoing = await self._outgoing(request)
        trace = extensions.get("trace")
        if trace is not None:
            await cast("_Trace", trace)("http11.send_request_headers.started", {"request": request})
        self.done = False
        transport.write(outgoing)
        while self._full and self._lost is None:
            await self._wait(seconds.get("write"), httpcore.WriteTimeout)
        while not isinstance(head := await self._event(seconds.get("read")), h11.Response):
            pass
        parts: list[bytes] = []
        while isinstance(event := self._next_event(), h11.Data):
            parts.append(event.data)
        content: bytes | AsyncIterator[bytes]
        if event is h11.NEED_DATA:
            content = self._body(parts, seconds.get("read"))
        else:
            content = b"".join(parts)
            self._finish()
        return httpcore.Response(head.status_code, headers=head.headers.raw_items(), content=content)

    def ended(self) -> bool:
        """Whether it can't serve again: the server has closed it, or said something that nobody asked for."""
        return not self.done or self._lost is not None or self._readable()

    async def aclose(self) -> None:
        """Close it; the socket is gone with the event loop's next turn."""
        if self._transport is not None:
            self._transport.abort()
            await asyncio.sleep(0)

    async def _open(self, seconds: float | None) -> asyncio.Transport:
        host, port = self._address
        try:
            async with asyncio.timeout(seconds):
                connected = await connected_socket(host, port)
                # asyncio closes the socket where this does not succeed.
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: self,
                    sock=connected,
                    ssl=self._tls,
                    server_hostname=None if self._tls is None else host,
                )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        # A host name that is no name at all fails before anybody is asked for it.
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        return transport

    async def _outgoing(self, request: httpcore.Request) -> bytes:
        """Spell out the request, head and body."""
        target = request.url.target
        body = b"".join([part async for part in cast("AsyncIterator[bytes]", request.stream)])
        try:
            head = self._http.send(h11.Request(method=request.method, target=target, headers=request.headers))
            data = self._http.send(h11.Data(data=body)) if body else b""
            end = self._http.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise httpcore.LocalProtocolError(str(error)) from error
        return b"".join([head or b"", data or b"", end or b""])

    async def _body(self, parts: list[bytes], seconds: float | None) -> AsyncIterator[bytes]:
        """Give what has come of a body, then the rest as it comes."""
        for part in parts:
            yield bytes(part)
        while isinstance(event := await self._event(seconds), h11.Data):
            yield bytes(event.data)
        self._finish()

    async def _event(self, seconds: float | None) -> _Event:
        while (event := self._next_event()) is h11.NEED_DATA:
            if self._lost is not None:
                raise httpcore.ReadError(self._lost)
            if self._paused and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()
            await self._wait(seconds, httpcore.ReadTimeout)
        return event

    def _next_event(self) -> _Event:
        self._unread = 0
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise httpcore.RemoteProtocolError(str(error)) from error

    def _finish(self) -> None:
        """Make ready for the next request, unless either side said that this was the last one, or too much."""
        http = self._http
        # Anything behind the reply, the end of the connection too.
        behind = http.trailing_data != (b"", False)
        if http.our_state is h11.DONE and http.their_state is h11.DONE and not behind:
            http.start_next_cycle()
            self.done = True

    async def _wait(self, seconds: float | None, late: type[httpcore.TimeoutException]) -> None:
        """Wait until something happens to the socket."""
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        try:
            if seconds is None:
                await waiting
            else:
                async with asyncio.timeout(seconds):
                    await waiting
        except TimeoutError:
            raise late from None
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _readable(self) -> bool:
        """Ask the socket itself: the event loop may have been too busy to notice."""
        assert self._transport is not None
        descriptor: int = self._transport.get_extra_info("socket").fileno()
        if not hasattr(select, "poll"):
            return bool(select.select([descriptor], [], [], 0)[0])
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the open transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came; an idle connection to which somebody speaks is closed."""
        assert self._transport is not None
        if self.done:
            self._transport.abort()
            self._lost = "the server spoke without being asked"
            return
        self._http.receive_data(data)
        self._unread += len(data)
        if self._unread > _HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Take note that the server says no more; the transport closes itself."""
        if self.done:
            self._lost = "the server closed the connection"
        else:
            self._http.receive_data(b"")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end."""
        if self._lost is None:
            self._lost = "the connection was lost" if exc is None else str(exc)
        self._full = False
        self._wake()

    def pause_writing(self) -> None:
        """Take note that the server reads more slowly than we write."""
        self._full = True

    def resume_writing(self) -> None:
        """Take note that it has caught up."""
        self._full = False
        self._wake()
