"""What the server can do instead of answering: each fault is a coroutine over one exchange."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

from attrs import define

from .wire import Seen, reply_bytes, reset


@define
class Exchange:
    """One request under way: what was asked, where the answer goes, and how the server would answer."""

    seen: Seen
    writer: asyncio.StreamWriter
    answer: Callable[[], bytes]

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()


# True: the connection can serve on; false: it is to be closed.
Fault = Callable[[Exchange], Awaitable[bool]]


async def _until_gone(exchange: Exchange) -> None:
    while not exchange.writer.transport.is_closing():  # noqa: ASYNC110 - a closing transport tells nobody
        await asyncio.sleep(0.005)


def status(code: int, body: object = None, **headers: str) -> Fault:
    """Answer with a status, a body and headers (`Retry_After` is sent as Retry-After)."""

    async def act(exchange: Exchange) -> bool:
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        await exchange.write(reply_bytes(code, body, pairs))
        return True

    return act


def raw(data: bytes) -> Fault:
    """Answer with these bytes and close."""

    async def act(exchange: Exchange) -> bool:
        await exchange.write(data)
        return False

    return act


async def hang(exchange: Exchange) -> bool:
    """Read the request and never answer."""
    await _until_gone(exchange)
    return False


async def drop(exchange: Exchange) -> bool:
    """Read the request, do nothing, close."""
    return False


async def commit_then_drop(exchange: Exchange) -> bool:
    """Do what was asked, then close without a reply."""
    exchange.answer()
    return False


async def commit_then_hang(exchange: Exchange) -> bool:
    """Do what was asked, and never answer."""
    exchange.answer()
    return await hang(exchange)


async def commit_then_reset(exchange: Exchange) -> bool:
    """Do what was asked, then reset the connection."""
    exchange.answer()
    reset(exchange.writer)
    return False


def commit_then(code: int, body: object = None, **headers: str) -> Fault:
    """Do what was asked, then answer as a gateway that knows nothing of it."""
    otherwise = status(code, body, **headers)

    async def act(exchange: Exchange) -> bool:
        exchange.answer()
        return await otherwise(exchange)

    return act


async def truncate(exchange: Exchange) -> bool:
    """Do what was asked, and close in the middle of the answer's body."""
    await exchange.write(exchange.answer()[:-5])
    return False


async def head_only(exchange: Exchange) -> bool:
    """Do what was asked, send the answer's head and nothing more."""
    await exchange.write(exchange.answer().partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    return await hang(exchange)


async def half_head(exchange: Exchange) -> bool:
    """Send half a status line and hang."""
    await exchange.write(b"HTTP/1.1 20")
    return await hang(exchange)


async def cut_chunked(exchange: Exchange) -> bool:
    """Send a chunked body without its last chunk."""
    await exchange.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n')
    return False


def drip(pause: float) -> Fault:
    """Do what was asked, and send the answer byte for byte, with pauses that no read timeout notices."""

    async def act(exchange: Exchange) -> bool:
        for byte in exchange.answer():
            await exchange.write(bytes([byte]))
            await asyncio.sleep(pause)
        return True

    return act


def delay(seconds: float) -> Fault:
    """Answer as always, later."""

    async def act(exchange: Exchange) -> bool:
        await asyncio.sleep(seconds)
        await exchange.write(exchange.answer())
        return True

    return act


def bomb(megabytes: int) -> Fault:
    """Answer with a small gzip body that grows to `megabytes`."""
    packed = gzip.compress(b'{"id": "' + b" " * (megabytes << 20) + b'"}')
    return status(200, packed, Content_Encoding="gzip")


async def close_after(exchange: Exchange) -> bool:
    """Answer as always, then close the connection without having said so."""
    await exchange.write(exchange.answer())
    return False
