"""A reply's bytes as they come off the wire: bounded, then decoded, bounded again."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator
from typing import Final

import httpx

# What requests ask for; anything else in a reply is an answer nobody asked for.
ACCEPT_ENCODING: Final = "gzip, deflate"

# zlib's window bits plus 32: find out by the header whether it is gzip or zlib.
_AUTODETECT: Final = 15 + 32


# A gzip body may consist of several members, one behind the other (RFC 1952, section 2.2), and each costs a copy of
# what follows it: a reply of nothing but empty ones would keep the processor busy for hours.
_MOST_MEMBERS: Final = 64


class UnreadableBodyError(Exception):
    """A body that is too large or not decodable; `raw` is what had come by then."""

    def __init__(self, why: str, raw: bytes) -> None:
        super().__init__(why)
        self.why = why
        self.raw = raw


async def read(response: httpx.Response, limit: int) -> bytes:
    """Read the reply's stream to its end and decode it; neither form may exceed `limit` bytes."""
    stream = response.stream
    if isinstance(stream, httpx.ByteStream):
        # All there already, so nothing to wait for.
        raw = b"".join(stream)
        if len(raw) > limit:
            raise _too_large(raw, limit)
    else:
        raw = await _streamed(stream, limit)
    # The plain list: looking a name up in httpx's headers first guesses the encoding of all of them.
    for name, _ in response.headers.raw:
        if name.lower() == b"content-encoding":
            return _decoded(raw, response.headers["content-encoding"].strip().lower(), limit)
    return raw


async def _streamed(stream: object, limit: int) -> bytes:
    if not isinstance(stream, httpx.AsyncByteStream):
        raise UnreadableBodyError("the transport's reply can't be read asynchronously", b"")
    parts: list[bytes] = []
    size = 0
    iterator = stream.__aiter__()
    try:
        async for part in iterator:
            size += len(part)
            parts.append(part)
            if size > limit:
                raise _too_large(b"".join(parts), limit)
    finally:
        # A generator left half-way would be closed by a task of the event loop's some time later.
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(raw: bytes, limit: int) -> UnreadableBodyError:
    return UnreadableBodyError(f"the reply is larger than {limit} bytes", raw[:limit])


def _decoded(raw: bytes, encoding: str, limit: int) -> bytes:
    if encoding in ("", "identity") or not raw:
        return raw
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UnreadableBodyError("the reply has a content encoding that was not asked for", raw)
    decoded: list[bytes] = []
    left = limit + 1
    rest = raw
    try:
        while rest and left > 0:
            if len(decoded) == _MOST_MEMBERS:
                raise UnreadableBodyError("the compressed reply has too many parts", raw)
            member = zlib.decompressobj(_window_bits(rest, encoding))
            part = member.decompress(rest, left)
            left -= len(part)
            decoded.append(part)
            if left > 0 and not member.eof:
                raise UnreadableBodyError("the compressed reply is cut short", raw)
            rest = member.unused_data
    except zlib.error:
        raise UnreadableBodyError("the compressed reply can't be decoded", raw) from None
    if left <= 0:
        raise UnreadableBodyError(f"the reply, decoded, is larger than {limit} bytes", raw)
    return decoded[0] if len(decoded) == 1 else b"".join(decoded)


def _window_bits(data: bytes, encoding: str) -> int:
    # "deflate" means zlib's format, and some servers send the bare stream (RFC 9110, section 8.4.1.2).
    bare = encoding == "deflate" and (data[0] & 0x0F) != zlib.DEFLATED
    return -zlib.MAX_WBITS if bare else _AUTODETECT
