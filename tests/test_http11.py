"""The connection of our own, on its own: what httpx's would do, on sockets that behave oddly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from sinch_provisioning._http.http11 import DirectTransport

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def talking_to(script: Script) -> AsyncIterator[DirectTransport]:
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
    transport = DirectTransport("127.0.0.1", server.sockets[0].getsockname()[1], None)
    try:
        yield transport
    finally:
        await transport.aclose()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()


def request(body: bytes = b"", **timeouts: float) -> httpx.Request:
    """Make a request to whoever is at the other end."""
    headers = {"Host": "x", "Content-Length": str(len(body))}
    return httpx.Request("POST", "http://x/", headers=headers, content=body, extensions={"timeout": timeouts})


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


async def exchanged(transport: DirectTransport, *, read: float = 5.0) -> bytes:
    """Send a request and read its reply."""
    response = await transport.handle_async_request(request(read=read))
    return await response.aread()


async def test_interim_replies_are_passed_over() -> None:
    """A 103 before the answer is not the answer."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with talking_to(replying(hints + OK, hints + hints + OK)) as transport:
        assert await exchanged(transport) == b"ok"
        assert await exchanged(transport) == b"ok"
        assert transport.done


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
    async with talking_to(replying(reply)) as transport:
        assert await exchanged(transport) == b"ok"
        assert transport.ended()


async def test_idle_connection_that_is_spoken_to_is_closed() -> None:
    """What comes between two requests is never taken for the answer to the second."""
    speak = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(OK)
        await speak.wait()
        writer.write(OK)
        assert await reader.read() == b""

    async with talking_to(script) as transport:
        await exchanged(transport)
        assert not transport.ended()
        speak.set()
        async with asyncio.timeout(1):
            while not transport.ended():  # noqa: ASYNC110 - it is in the selector's hands
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

    async with talking_to(script) as transport:
        await exchanged(transport)
        while not transport.ended():  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert transport._connection._lost is None


async def test_body_that_ends_with_the_connection() -> None:
    """Without a length the end is the end of the body, a reset is not."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall ")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"of it")

    async with talking_to(script) as transport:
        assert await exchanged(transport) == b"all of it"
        assert transport.ended()


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

    async with talking_to(script) as transport:
        with pytest.raises(httpx.ReadError):
            await exchanged(transport)


async def test_slow_reader_holds_the_server_back() -> None:
    """A reply that nobody reads does not pile up in memory."""
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * 2**20))
        for _ in range(64):
            writer.write(bytes(2**20))
            await writer.drain()
            sent += 2**20

    async with talking_to(script) as transport:
        response = await transport.handle_async_request(request())
        for _ in range(500):
            await asyncio.sleep(0)
        held_back = sent
        assert held_back < 32 * 2**20
        assert transport._connection._unread < 2 * 2**20
        assert isinstance(response.stream, httpx.AsyncByteStream)
        assert sum([len(part) async for part in response.stream]) == 64 * 2**20
        assert transport.done


async def test_server_that_does_not_read_is_a_write_timeout() -> None:
    """A request that can't be got rid of ends with the time for writing."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with talking_to(script) as transport:
        with pytest.raises(httpx.WriteTimeout):
            await transport.handle_async_request(request(bytes(32 * 2**20), write=0.05))


async def test_large_request_arrives_whole() -> None:
    """A body that fills the socket's buffers waits until the server has read it."""
    size = 16 * 2**20

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        assert await reader.readexactly(size) == bytes(size)
        writer.write(OK)
        await reader.read()

    async with talking_to(script) as transport:
        response = await transport.handle_async_request(request(bytes(size), write=5.0, read=5.0))
        assert await response.aread() == b"ok"
        assert transport.done


async def test_answer_before_the_request_is_read_is_an_answer() -> None:
    """A server that refuses a large body early, and closes, is heard."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(refusal)
        await writer.drain()
        await reader.read()

    async with talking_to(script) as transport:
        response = await transport.handle_async_request(request(bytes(16 * 2**20)))
        assert response.status_code == 413
        assert await response.aread() == b"no"
        assert transport.ended()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000, httpx.RemoteProtocolError),
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP", "an endless head"],
)
async def test_broken_replies_are_httpx_errors(reply: bytes, kind: type[Exception]) -> None:
    """They are what httpx's own transport raises."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(reply)
        await writer.drain()

    async with talking_to(script) as transport:
        with pytest.raises(kind):
            await exchanged(transport)


async def test_silence_is_a_read_timeout() -> None:
    """Both before the head and in the middle of a body."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
        await asyncio.Event().wait()

    async with talking_to(script) as transport:
        with pytest.raises(httpx.ReadTimeout):
            await exchanged(transport, read=0.02)


async def test_request_that_is_no_http_is_never_sent() -> None:
    """A header that would break the request is refused before anything leaves."""
    seen = bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.read())

    async with talking_to(script) as transport:
        bad = httpx.Request("GET", "http://x/", headers=[(b"Host", b"x"), (b"X", b"a\r\nEvil: b")])
        with pytest.raises(httpx.LocalProtocolError):
            await transport.handle_async_request(bad)
    assert seen == b""


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "no.such.host.invalid"])
async def test_hosts_that_are_none_are_connect_errors(host: str) -> None:
    """Whoever can't be found was not spoken to."""
    with pytest.raises(httpx.ConnectError):
        await DirectTransport(host, 80, None).handle_async_request(request())
