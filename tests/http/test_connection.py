"""One connection on sockets that behave oddly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from _pytest.raises import RaisesExc

from sinch_provisioning import ConfigurationError
from sinch_provisioning._http.connecting import open_connection
from sinch_provisioning._http.connection import Connection
from sinch_provisioning._http.outcome import ExchangeError, Received
from sinch_provisioning._http.request import HeaderBlock

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def talking_to(script: Script) -> AsyncIterator[Connection]:
    """Connect to a server that does what `script` says with each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    origin = ("http", "127.0.0.1", server.sockets[0].getsockname()[1])
    connection = await open_connection(origin, tls=None, proxy=None, seconds=5.0)
    try:
        yield connection
    finally:
        connection.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()


async def exchange(
    connection: Connection,
    body: bytes = b"",
    *,
    read: float | None = 5.0,
    write: float | None = 5.0,
    limit: int = 2**20,
    head_only: bool = False,
) -> Received:
    """Send a request to whoever is at the other end."""
    data = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    return await connection.exchange(data, head_only=head_only, limit=limit, read=read, write=write)


async def asked(reader: asyncio.StreamReader) -> None:
    """Read one request without a body."""
    await reader.readuntil(b"\r\n\r\n")


def replying(*replies: bytes) -> Script:
    """Answer one request after the other, then wait for the end."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await asked(reader)
            writer.write(reply)
        await reader.read()

    return script


async def exchanged(connection: Connection, *, read: float = 5.0) -> bytes:
    """Send a request and return its reply's body."""
    return (await exchange(connection, read=read)).content


def fails(cause: str) -> RaisesExc[ExchangeError]:
    """Expect the failure that httpx has this name for."""
    return pytest.raises(ExchangeError, check=lambda error: error.cause == cause)


async def test_interim_replies_are_passed_over() -> None:
    """A 103 before the answer is not the answer."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with talking_to(replying(hints + OK, hints + hints + OK)) as connection:
        assert await exchanged(connection) == b"ok"
        assert await exchanged(connection) == b"ok"
        assert connection.reusable


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
        OK + b"x",
        OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["a second reply", "a stray byte", "its last", "HTTP/1.0"],
)
async def test_nothing_follows_a_last_reply(reply: bytes) -> None:
    """A connection that says more than it was asked, or that it ends here, is not used again."""
    async with talking_to(replying(reply)) as connection:
        assert await exchanged(connection) == b"ok"
        assert not connection.is_usable()


async def test_idle_connection_that_is_spoken_to_is_closed() -> None:
    """What comes between two requests is never taken for the answer to the second."""
    speak = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(OK)
        await speak.wait()
        writer.write(OK)
        assert await reader.read() == b""

    async with talking_to(script) as connection:
        await exchanged(connection)
        assert connection.is_usable()
        speak.set()
        async with asyncio.timeout(1):
            while connection.is_usable():  # noqa: ASYNC110 - it is in the selector's hands
                await asyncio.sleep(0)


async def test_end_is_seen_by_a_loop_that_was_busy() -> None:
    """A connection that ended while nothing ran here is known to have ended before it is used."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(OK)
        await writer.drain()
        # The other end hears of it when its loop turns; until then only the socket knows.
        asyncio.get_running_loop().call_soon(writer.get_extra_info("socket").shutdown, 2)
        await reader.read()

    async with talking_to(script) as connection:
        await exchanged(connection)
        while connection.is_usable():  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert connection._lost is None


async def test_body_that_ends_with_the_connection() -> None:
    """Without a length the end is the end of the body, a reset is not."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall ")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"of it")

    async with talking_to(script) as connection:
        assert await exchanged(connection) == b"all of it"
        assert not connection.is_usable()


async def test_lost_connection_is_no_end_of_a_body() -> None:
    """A reset in the middle of a body without a length is an error, whatever has come by then."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.01)
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(1, 13, linger)
        writer.transport.abort()

    async with talking_to(script) as connection:
        with fails("ReadError"):
            await exchanged(connection)


async def test_endless_body_is_given_up_at_the_bound() -> None:
    """A reply that is larger than allowed ends the connection; what is kept is no larger than the bound."""
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(2**16))
            await writer.drain()
            sent += 2**16

    async with talking_to(script) as connection:
        received = await exchange(connection, limit=2**20)
        assert received.unreadable is not None
        assert len(received.content) == 2**20
        assert not connection.is_usable()
    assert sent < 16 * 2**20


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (CHUNKS, b"1\r\na\r\n"),
        (CHUNKS, b"1;" + b"e" * 5_000 + b"\r\na\r\n"),
        (CHUNKS + b"1;", b"e" * 100),
        (CHUNKS + b"1\r\na\r\n0\r\n", b"X:\r\n"),
        (b"", b"HTTP/1.1 103 X\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X:\r\n"),
    ],
    ids=["chunks of a byte", "extensions", "an extension", "trailers", "interim replies", "headers"],
)
async def test_endless_framing_is_given_up_in_no_time(start: bytes, part: bytes) -> None:
    """A flood of what is no content neither holds the event loop for 0.1 s nor outgrows the bound of the body."""
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await asked(reader)
        writer.write(start)
        while True:
            writer.write(part * (2**16 // len(part)))
            await writer.drain()
            sent += 2**16

    turns: list[float] = []

    async def turning() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            turns.append(time.thread_time() - began)

    async with talking_to(script) as connection:
        watching = asyncio.ensure_future(turning())
        try:
            received = await exchange(connection, limit=2**20)
            given_up = received.unreadable is not None and len(received.content) < 2**19
        except ExchangeError as error:
            given_up = error.cause == "RemoteProtocolError"
        watching.cancel()
    assert given_up
    assert max(turns) < 0.1
    # With what the buffers of both ends hold.
    assert sent < 8 * 2**20


async def test_server_that_does_not_read_is_a_write_timeout() -> None:
    """A request that can't be got rid of ends with the time for writing."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with talking_to(script) as connection:
        with fails("WriteTimeout"):
            await exchange(connection, bytes(32 * 2**20), write=0.05)


async def test_large_request_arrives_whole() -> None:
    """A body that fills the socket's buffers waits until the server has read it."""
    size = 16 * 2**20

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        assert await reader.readexactly(size) == bytes(size)
        writer.write(OK)
        await reader.read()

    async with talking_to(script) as connection:
        assert (await exchange(connection, bytes(size))).content == b"ok"
        assert connection.reusable


async def test_answer_before_the_request_is_read_is_an_answer() -> None:
    """A server that refuses a large body early, and closes, is heard."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(refusal)
        await writer.drain()
        await reader.read()

    async with talking_to(script) as connection:
        received = await exchange(connection, bytes(16 * 2**20))
        assert (received.status, received.content) == (413, b"no")
        assert not connection.is_usable()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000,
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP", "an endless head"],
)
async def test_broken_replies_are_protocol_errors(reply: bytes) -> None:
    """A reply that is cut off or no HTTP is never taken for a whole one."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(reply)
        await writer.drain()

    async with talking_to(script) as connection:
        with fails("RemoteProtocolError"):
            await exchanged(connection)


async def test_silence_is_a_read_timeout() -> None:
    """Both before the head and in the middle of a body."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
        await asyncio.Event().wait()

    async with talking_to(script) as connection:
        with fails("ReadTimeout"):
            await exchanged(connection, read=0.02)


@pytest.mark.parametrize(
    "pair", [(b"X", b"a\r\nEvil: b"), (b"X", b"a\0"), (b"X y", b"a"), (b"", b"a"), (b"X:", b"a")]
)
def test_header_that_would_break_a_request_is_refused(pair: tuple[bytes, bytes]) -> None:
    """What could end a header, or begin another, is refused before anything is sent, and is not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        HeaderBlock([pair])
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "no.such.host.invalid"])
async def test_hosts_that_are_none_are_connect_errors(host: str) -> None:
    """A host that can't be found was not spoken to."""
    with fails("ConnectError"):
        await open_connection(("http", host, 80), tls=None, proxy=None, seconds=5.0)


async def test_keep_alive_hint_is_read_with_a_margin() -> None:
    """A server that says how long it keeps a connection is believed, a little less."""
    kept = OK.replace(b"OK\r\n", b"OK\r\nKeep-Alive: max=5, timeout=5\r\n")
    async with talking_to(replying(kept)) as connection:
        await exchanged(connection)
        assert connection.keep_seconds == 4.0


async def test_reply_to_head_has_no_body() -> None:
    """The length that it names is that of a body which does not come."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n"
    async with talking_to(replying(head, OK)) as connection:
        assert (await exchange(connection, head_only=True)).content == b""
        assert await exchanged(connection) == b"ok"
