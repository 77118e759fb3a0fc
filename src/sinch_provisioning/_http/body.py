"""A reply's body: bounded as it came, then decoded, bounded again."""

from __future__ import annotations

import zlib
from typing import Final

# What requests ask for; a reply with another encoding can't be decoded.
ACCEPT_ENCODING: Final = "gzip, deflate"

# zlib's window bits plus 32: find out by the header whether it is gzip or zlib.
_AUTODETECT: Final = 15 + 32

_KNOWN: Final = frozenset({"gzip", "x-gzip", "deflate"})
_NOT_ASKED_FOR: Final = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})
_MOST_CODINGS: Final = 2

# A gzip body may consist of several members, one behind the other (RFC 1952, section 2.2), and each costs a copy of
# what follows it: a reply of nothing but empty ones would keep the processor busy for hours.
_MOST_MEMBERS: Final = 64


class UnreadableBodyError(Exception):
    """A body that is too large or not decodable; `raw` is what had come by then."""

    def __init__(self, why: str, raw: bytes) -> None:
        super().__init__(why)
        self.why = why
        self.raw = raw


def decode_body(raw: bytes, encoding: str | None, limit: int) -> bytes:
    """Undo the content encoding; neither form may exceed `limit` bytes, else `UnreadableBodyError`."""
    if len(raw) > limit:
        raise body_too_large(raw, limit)
    return raw if encoding is None else _decoded(raw, encoding, limit)


def body_too_large(raw: bytes, limit: int) -> UnreadableBodyError:
    """Return the error of a body that is larger than allowed."""
    return UnreadableBodyError(f"the reply is larger than {limit} bytes", raw[:limit])


def _decoded(raw: bytes, encoding: str, limit: int) -> bytes:
    codings = [part.strip() for part in encoding.lower().split(",")]
    if not raw or (_NOT_ASKED_FOR.isdisjoint(codings) and _KNOWN.isdisjoint(codings)):
        # Servers name media types and character sets here; what is not a coding has encoded nothing.
        return raw
    applied = [coding for coding in codings if coding in _KNOWN]
    if not _NOT_ASKED_FOR.isdisjoint(codings) or len(applied) > _MOST_CODINGS:
        raise UnreadableBodyError("the reply has a content encoding that was not asked for", raw)
    content = raw
    for coding in reversed(applied):
        content = _inflated(raw, content, coding, limit)
    return content


def _inflated(raw: bytes, encoded: bytes, coding: str, limit: int) -> bytes:
    decoded: list[bytes] = []
    left = limit + 1
    rest = encoded
    try:
        # Some servers pad a compressed body with zero bytes.
        while rest and left > 0 and (not decoded or rest.strip(b"\0")):
            if len(decoded) == _MOST_MEMBERS:
                raise UnreadableBodyError("the compressed reply has too many parts", raw)
            member = zlib.decompressobj(_window_bits(rest, coding))
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
