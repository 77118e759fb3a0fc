"""One HTTP/1.1 connection: an asyncio protocol on llhttp, Node's parser in C, which `httptools` wraps.

Theory of operation
-------------------
A connection serves one request at a time. `exchange` writes the whole request at once and waits on a single future;
the event loop calls `data_received`, which feeds the parser, which calls `on_header`, `on_body` and their like. When
the message is complete the future is resolved, and `exchange` returns the reply. Nothing else is scheduled for a call:
no task, no stream, no queue. The reply's body is collected whole, since every caller wants it whole, up to a bound
that counts everything behind the head, the framing of chunks included.

States: *opening* (no transport), *idle* (`_waiter` is None), *busy* (a `_waiter`), *finished* (`reusable` is False).
A connection is reusable only if the reply ended where its framing said, both sides want to keep the connection, and
not one byte followed. After an error or a cancellation, only `abort` may be called; the pool makes sure of that, so a
doubtful connection is never used again. Bytes that arrive on an idle connection close it: they are nobody's reply.
Since the event loop may have been too busy to notice, `is_usable` asks the socket itself before each reuse.

Whether a request may have been processed is known exactly: the pool notes it right before `exchange`, which begins
with the write. All that can fail earlier (name resolution, connecting, a proxy's tunnel, TLS) happens while the
connection is opened.

Where llhttp is more lenient than RFC 9112 allows a client to be, the reply is refused: a transfer coding other than
one plain "chunked", a NUL in the reason phrase, a switch of protocols nobody asked for; heads over 100 KiB, more than
100 interim replies, and framing of chunks that outweighs the body, since none of them comes to an end by itself.
Where a body has no length it ends with the connection; over TLS also without a close_notify alert, which is how
httpx and most other clients behave, and the same under asyncio and uvloop.

Silence is bounded by one timer for the life of the connection, not one for each request: it compares against the time
of the last bytes when it fires and is set anew only if it has to be.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Callable
from typing import Final, cast

import httptools

from .outcome import ExchangeError, Received

_LARGEST_HEAD: Final = 100 * 2**10
_MOST_HEADERS: Final = 10_000
# What the framing of chunks may add to a body of the largest allowed size: an eighth, and this.
_LEAST_FRAMING: Final = 64 * 2**10
# How many bytes of framing a byte of the body may have beside those of a head: chunks of one byte have 5.
_MOST_FRAMING: Final = 8
_MOST_INTERIM: Final = 100
_BODILESS: Final = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """Serves one request at a time, in the event loop that opened it.

    `reusable`: the last reply was read whole, and another request may follow. `keep_seconds`: how long the server
    keeps an idle connection, where it says so. `proxy_prefix` and `proxy_headers`: what requests bear where a proxy is
    asked for each of them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._poll: Callable[[int], object] = _nothing_to_read
        self._waiter: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._write_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._allowed_silence: float | None = None
        self._read_silence: float | None = None
        self._last_heard = 0.0
        self.reusable = False
        self.keep_seconds: float | None = None
        self.idle_until = 0.0
        self.proxy_prefix = b""
        self.proxy_headers = b""
        # The reply under way, set anew by each exchange.
        self._limit = 0
        self._head_only = False
        self._received = 0
        self._interim = 0
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._headers_complete = False
        self._encoding: str | None = None
        self._chunked = False
        self._until_close = False
        self._keep_alive = False
        self._body: bytes | bytearray = b""
        self._complete = False
        self._too_large = False
        self._error: ExchangeError | None = None

    # What the pool calls.

    async def exchange(
        self, data: bytes, *, head_only: bool, limit: int, read: float | None, write: float | None
    ) -> Received:
        """Send a request and return its reply, whose body is as it came and bounded by `limit` bytes.

        `head_only`: the reply has no body (HEAD, CONNECT). `read` and `write` bound silence in seconds. Raises
        `ExchangeError`; after any exception only `abort` may be called.
        """
        if self._transport is None or self._lost is not None:
            raise ExchangeError("ReadError", self._lost or "the connection is not open")
        self.reusable = self._headers_complete = self._complete = self._too_large = False
        self._chunked = self._until_close = False
        self._limit, self._head_only, self._received, self._interim = limit, head_only, 0, 0
        self._headers, self._body, self._encoding, self._error = [], b"", None, None
        waiter = self._waiter = self._loop.create_future()
        self._read_silence = read
        self._transport.write(data)
        self._watch_silence(write if self._write_paused else read)
        try:
            await waiter
        finally:
            self._waiter = None
        if self._error is not None:
            raise self._error
        body = self._body
        return Received(
            self._status,
            self._headers,
            bytes(body[:limit]) if self._too_large else bytes(body),
            f"the reply is larger than {limit} bytes" if self._too_large else None,
            self._encoding,
        )

    def is_usable(self) -> bool:
        """Whether another request may follow: the server has neither closed the connection nor said anything."""
        return self.reusable and self._lost is None and not self._poll(0)

    def abort(self) -> None:
        """Close it; the socket is gone with the event loop's next turn."""
        self.reusable = False
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypt what follows: behind a proxy's tunnel."""
        assert self._transport is not None
        transport = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise ExchangeError("ConnectError", "the connection was lost in the TLS handshake")
        self._transport = transport

    # What ends an exchange.

    def _finish(self, error: ExchangeError | None = None) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            self._error = error
            waiter.set_result(None)

    def _watch_silence(self, seconds: float | None) -> None:
        self._allowed_silence = seconds
        if seconds is None:
            return
        self._last_heard = self._loop.time()
        due = self._last_heard + seconds
        if self._timer is None or self._timer.when() > due:
            self._stop_timer()
            self._timer = self._loop.call_at(due, self._check_silence)

    def _check_silence(self) -> None:
        self._timer = None
        if self._waiter is None or self._allowed_silence is None:
            return
        due = self._last_heard + self._allowed_silence
        # The loop runs timers up to its clock's resolution early.
        if due - self._loop.time() > 0.001:
            self._timer = self._loop.call_at(due, self._check_silence)
        else:
            cause = "WriteTimeout" if self._write_paused else "ReadTimeout"
            self._finish(ExchangeError(cause, timed_out=True))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the open transport."""
        self._transport = cast("asyncio.Transport", transport)
        descriptor: int = transport.get_extra_info("socket").fileno()
        if hasattr(select, "poll"):
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            self._poll = poller.poll
        else:
            self._poll = lambda seconds: select.select([descriptor], [], [], seconds)[0]

    def data_received(self, data: bytes) -> None:
        """Parse what came; an idle connection on which the server speaks is closed."""
        waiter, parser = self._waiter, self._parser
        if waiter is None or waiter.done() or parser is None:
            self._lost = "the server sent something it was not asked for"
            self.abort()
            return
        self._received += len(data)
        self._last_heard = self._loop.time()
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # Behind a complete message, even rubbish does not undo it.
            if self._complete:
                self._keep_alive = False
            else:
                reason = str(error.__context__ or error)
                self._finish(ExchangeError("RemoteProtocolError", f"the reply is not valid HTTP: {reason}"))
                return
        if self._chunked and not self._bound_framing():
            return
        if self._complete or self._too_large:
            self.reusable = self._complete and self._keep_alive and self._lost is None
            if self._head_only:
                self._parser = httptools.HttpResponseParser(self)
            waiter.set_result(None)
        elif not self._headers_complete and self._received > _LARGEST_HEAD:
            self._finish(ExchangeError("RemoteProtocolError", "the reply's head is too large"))

    def _bound_framing(self) -> bool:
        """Count chunk sizes, their extensions and trailers towards the body's bound; False if they outweigh it."""
        size = len(self._body)
        if self._received > self._limit + self._limit // 8 + _LEAST_FRAMING:
            self._too_large = True
        elif self._received - size > _LARGEST_HEAD + _MOST_FRAMING * size:
            self._finish(ExchangeError("RemoteProtocolError", "the reply has more framing than content"))
            return False
        return True

    def eof_received(self) -> None:
        """End the reply; the transport closes itself."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the reply: whole, if the end of the connection is its end."""
        self._stop_timer()
        if exc is None or isinstance(exc, ssl.SSLError):
            # A TLS connection that ends without a close_notify alert.
            self._end()
        else:
            self._lost = self._lost or str(exc) or type(exc).__name__
            self._finish(ExchangeError("ReadError", self._lost))
        # The parser holds this object's methods.
        self._parser = None

    def _end(self) -> None:
        self._lost = self._lost or "the server closed the connection"
        if self._headers_complete and self._until_close and not self._complete:
            self._complete = True
            self._finish()
        self._finish(
            ExchangeError(
                "RemoteProtocolError", "the server closed the connection before its reply was complete"
            )
        )

    def pause_writing(self) -> None:
        """Record that the server reads more slowly than we write."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """Record that it has caught up, and wait for its reply."""
        self._write_paused = False
        if self._waiter is not None:
            self._watch_silence(self._read_silence)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Give the connection up if another message follows the reply."""
        if self._complete:
            self._keep_alive = False

    def on_status(self, reason: bytes) -> None:
        """Refuse what could be read in two ways."""
        if b"\0" in reason:
            raise ValueError("NUL in the reason phrase")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one behind the body (a trailer) is passed over."""
        if not self._headers_complete:
            self._headers.append((name, value))
            if len(self._headers) > _MOST_HEADERS:
                raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        """Find out how the body is framed."""
        if self._complete:
            return
        parser = cast("httptools.HttpResponseParser", self._parser)
        self._status = status = parser.get_status_code()
        if status < 200:
            if status == 101 or status < 100:
                raise ValueError(f"status {status} was not asked for")
            return
        self._headers_complete = True
        self._keep_alive = parser.should_keep_alive()
        length = self._read_framing()
        if self._head_only:
            self._complete = True
        elif self._chunked:
            self._keep_alive = self._keep_alive and length is None
        elif length is None:
            self._until_close = status not in _BODILESS
        else:
            self._too_large = length > self._limit and status not in _BODILESS

    def _read_framing(self) -> int | None:
        """Look through the headers, and return the Content-Length; what follows counts towards the body's bound."""
        size = 0
        length: int | None = None
        for name, value in self._headers:
            size += len(name) + len(value) + len(b": \r\n")
            field = name.lower()
            if field == b"content-length":
                length = int(value) if value.isdigit() else None
            elif field == b"transfer-encoding":
                if self._chunked or value.lower() != b"chunked":
                    raise ValueError("a transfer coding other than chunked")
                self._chunked = True
            elif field == b"content-encoding":
                coding = value.decode("latin-1")
                self._encoding = coding if self._encoding is None else f"{self._encoding}, {coding}"
            elif field == b"keep-alive":
                self.keep_seconds = _keep_seconds(value)
        if size > _LARGEST_HEAD:
            raise ValueError("the head is too large")
        self._received -= size
        return length

    def on_body(self, data: bytes) -> None:
        """Collect the body."""
        body = self._body
        if self._complete:
            self._keep_alive = False
        elif not body:
            self._body = data
        elif isinstance(body, bytearray):
            body += data
        else:
            self._body = bytearray(body)
            self._body += data
        if len(self._body) > self._limit:
            self._too_large = True

    def on_message_complete(self) -> None:
        """Complete the reply, or pass over an interim one (1xx), which another follows."""
        if self._headers_complete:
            self._complete = True
            return
        self._headers = []
        self._interim += 1
        if self._interim > _MOST_INTERIM:
            raise ValueError("too many interim replies")


def _nothing_to_read(_seconds: int) -> bool:
    return False


def _keep_seconds(value: bytes) -> float | None:
    """Read `timeout` of a Keep-Alive header, with a margin: the server must not close while a request is sent."""
    for part in value.lower().split(b","):
        name, _, seconds = part.partition(b"=")
        if name.strip() == b"timeout" and seconds.strip().isdigit():
            return max(int(seconds) - 1.0, int(seconds) / 2)
    return None
