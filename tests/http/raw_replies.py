"""Replies as bytes, and what a client makes of each: read with this content, or refused.

Where httpx's transport decides otherwise, the row says why ours does not.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Final

from attrs import frozen

BODY: Final = b'{"a":1}'
REFUSED: Final = None
MAX_BYTES: Final = 2**20

_CHUNKED: Final = "Transfer-Encoding: chunked"
_IN_CHUNKS: Final = b"7\r\n" + BODY + b"\r\n0\r\n\r\n"
_LENGTH: Final = "Content-Length: 7"
_GZIPPED: Final = gzip.compress(BODY, mtime=0)
_FORGED: Final = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"forged":true}'

# Why a reply is refused that httpx reads.
_TWO_LENGTHS: Final = (
    "RFC 9110, section 8.6: a repeated length may be refused; it is a sign of a broken gateway"
)
_BOTH: Final = "RFC 9112, section 6.3: both framings at once ought to be handled as an error"
_GRAMMAR: Final = "not in the grammar of RFC 9112; two parsers on the way may read it differently"
_FOLDED: Final = "RFC 9112, section 5.2: folding is obsolete; two parsers may read it differently"
_FLOOD: Final = "a server that only promises an answer never gives one"
# Why a reply is read that httpx refuses.
_ZEROS: Final = "leading zeros change no size"


@frozen
class Reply:
    """`data` answers a `method`, `then` the connection is kept, closed or reset; `content` is what is read.

    `why`: on its own transport httpx decides the other way, and this is why ours does not. `left_behind`: bytes follow
    the reply, which httpx keeps on the connection and takes for the next call's.
    """

    data: bytes
    content: bytes | None = BODY
    then: str = "keep"
    method: str = "GET"
    why: str = ""
    left_behind: bool = False


def _reply(*headers: str, body: bytes = BODY, status: str = "200 OK", version: str = "1.1") -> bytes:
    head = [f"HTTP/{version} {status}", *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def _sized(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return _reply(f"Content-Length: {len(body)}", *headers, body=body, status=status)


def _chunked(body: bytes) -> bytes:
    return _reply(_CHUNKED, body=body)


def _encoded(body: bytes, coding: str) -> bytes:
    return _sized(body, f"Content-Encoding: {coding}")


def _lengths() -> dict[str, Reply]:
    refused = {
        value[:6]: Reply(_reply(f"Content-Length: {value}"), REFUSED, "close")
        for value in ("-5", "+7", "0x7", "0_7", "\xb2", "", "7, 8", "9" * 30, str(2**64 + 7), "1" * 5000)
    }
    return refused | {
        "7, 7": Reply(_reply("Content-Length: 7, 7"), REFUSED, why=_TWO_LENGTHS),
        "twice": Reply(_reply(_LENGTH, _LENGTH), REFUSED, why=_TWO_LENGTHS),
        "7 then 2": Reply(_reply(_LENGTH, "Content-Length: 2"), REFUSED),
        "2 then 7": Reply(_reply("Content-Length: 2", _LENGTH), REFUSED),
        "beyond the bound": Reply(
            _reply(f"Content-Length: {MAX_BYTES + 1}", body=bytes(2**20)), REFUSED, "close"
        ),
    }


def _codings() -> dict[str, Reply]:
    # The last one has a vertical tab, which some parsers strip as if it were a space.
    unknown = (
        "gzip, chunked",
        "chunked, chunked",
        '"chunked"',
        "chunked;q=1",
        "identity",
        "xchunked",
        "\vchunked",
    )
    refused = {
        coding: Reply(_reply(f"Transfer-Encoding: {coding}", body=_IN_CHUNKS), REFUSED) for coding in unknown
    }
    return refused | {
        "and then a length": Reply(_reply(_CHUNKED, _LENGTH, body=_IN_CHUNKS), REFUSED, why=_BOTH),
        "after a length": Reply(_reply(_LENGTH, _CHUNKED, body=_IN_CHUNKS), REFUSED, why=_BOTH),
        "unknown, and a length": Reply(_reply(_LENGTH, "Transfer-Encoding: x"), REFUSED),
        "identity, and a length": Reply(_reply(_LENGTH, "Transfer-Encoding: identity"), REFUSED),
        "in HTTP/1.0": Reply(_reply(_CHUNKED, body=_IN_CHUNKS, version="1.0"), then="close"),
        "in two headers": Reply(_reply(_CHUNKED, _CHUNKED, body=_IN_CHUNKS), REFUSED),
        "in capitals": Reply(_reply(_CHUNKED.upper(), body=_IN_CHUNKS)),
        "a space before the colon": Reply(_reply("Transfer-Encoding : chunked", body=_IN_CHUNKS), REFUSED),
    }


def _chunks() -> dict[str, Reply]:
    rest = b"\r\n" + BODY + b"\r\n0\r\n\r\n"
    sizes = (b"-7", b"0x7", b"0_7", b" 7", b"", b"7;a\nb", b"f" * 17)
    refused = {f"size {size[:6]!r}": Reply(_chunked(size + rest), REFUSED, "close") for size in sizes}
    whole = b"7\r\n" + BODY + b"\r\n"
    return refused | {
        "size and a space": Reply(_chunked(b"7 " + rest), REFUSED, why=_GRAMMAR),
        "size of 20 digits": Reply(_chunked(b"7".zfill(20) + rest)),
        "size of 21 digits": Reply(_chunked(b"7".zfill(21) + rest), why=_ZEROS),
        "another end of a chunk": Reply(_chunked(b"7\r\n" + BODY + b"XX0\r\n\r\n"), REFUSED),
        "lines that end in LF": Reply(_chunked(b"7\n" + BODY + b"\n0\n\n"), REFUSED, "close"),
        "lines that end in CR": Reply(_chunked(b"7\r" + BODY + b"\r0\r\r"), REFUSED, "close"),
        "no last chunk": Reply(_chunked(whole), REFUSED, "close"),
        "no last line": Reply(_chunked(whole + b"0\r\n"), REFUSED, "close"),
        "extension": Reply(_chunked(b"7;a=b" + rest)),
        "extension of 300 KB": Reply(_chunked(b"7;a=" + b"b" * 300_000 + rest), REFUSED),
        "trailers of 300 KB": Reply(
            _chunked(whole + b"0\r\n" + b"X-Trailer: 1\r\n" * 22_000 + b"\r\n"), REFUSED
        ),
        "trailer": Reply(_chunked(whole + b"0\r\nX-T: 1\r\n\r\n")),
        "length as a trailer": Reply(_chunked(whole + b"0\r\nContent-Length: 5\r\n\r\n"), REFUSED, why=_BOTH),
        "of one byte": Reply(_chunked(b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n"), b"a" * 20_000),
    }


def _ends() -> dict[str, Reply]:
    nothing = b""
    no_content, not_modified = "204 No Content", "304 Not Modified"
    return {
        "cut off": Reply(_reply("Content-Length: 100"), REFUSED, "close"),
        "cut off by a reset": Reply(_reply("Content-Length: 100"), REFUSED, "reset"),
        "reset when whole": Reply(_reply(_LENGTH), then="reset"),
        "no length, closed": Reply(_reply(), then="close"),
        "no length, reset": Reply(_reply(), REFUSED, "reset"),
        "no length, kept": Reply(_reply(), REFUSED),
        "stray bytes": Reply(_reply(_LENGTH) + b"garbage", left_behind=True),
        "a forged reply": Reply(_reply(_LENGTH) + _FORGED, left_behind=True),
        "a forged reply behind chunks": Reply(_chunked(_IN_CHUNKS) + _FORGED, left_behind=True),
        "a line end": Reply(_reply(_LENGTH) + b"\r\n", left_behind=True),
        "204 with a body": Reply(_reply(_LENGTH, status=no_content), nothing, left_behind=True),
        "204 with chunks": Reply(
            _reply(_CHUNKED, body=_IN_CHUNKS, status=no_content), nothing, left_behind=True
        ),
        "304 with a body": Reply(_reply(_LENGTH, status=not_modified), nothing, left_behind=True),
        "205 with a body": Reply(_reply(_LENGTH, status="205 Reset Content")),
        "HEAD": Reply(_reply(_LENGTH, body=nothing), nothing, method="HEAD"),
        "HEAD, gzip": Reply(
            _reply("Content-Length: 27", "Content-Encoding: gzip", body=nothing),
            nothing,
            method="HEAD",
        ),
        "HEAD with a body": Reply(_reply(_LENGTH), nothing, method="HEAD", left_behind=True),
        "HEAD with chunks": Reply(_chunked(_IN_CHUNKS), nothing, method="HEAD", left_behind=True),
        "said to be the last": Reply(_reply(_LENGTH, "Connection: close")),
        "said to be the last, in a list": Reply(_reply(_LENGTH, "Connection: keep-alive, close")),
    }


def _interim() -> dict[str, Reply]:
    upgrade = _reply("Upgrade: h2c", "Connection: Upgrade", body=b"", status="101 Switching Protocols")
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    return {
        "100": Reply(b"HTTP/1.1 100 Continue\r\n\r\n" + _reply(_LENGTH)),
        "fifty times 103": Reply(hint * 50 + _reply(_LENGTH)),
        "a flood of 103": Reply(
            hint.replace(b"/a", b"/" * 1_000) * 300 + _reply(_LENGTH), REFUSED, why=_FLOOD
        ),
        "unknown 199": Reply(b"HTTP/1.1 199 Huh\r\n\r\n" + _reply(_LENGTH)),
        "102 with a length": Reply(b"HTTP/1.1 102 Wait\r\nContent-Length: 5\r\n\r\n" + _reply(_LENGTH)),
        "101": Reply(upgrade, REFUSED),
        "101 and HTTP/2": Reply(upgrade + b"PRI * HTTP/2.0", REFUSED),
        "101 to a POST": Reply(upgrade + b"PRI * HTTP/2.0", REFUSED, method="POST"),
    }


def _first_lines() -> dict[str, Reply]:
    statuses = ("99 X", "000 X", "2000 X", "20 X", "-200 X", "+200 X", "200 O\0K")
    refused = {f"status {status!r}": Reply(_reply(_LENGTH, status=status), REFUSED) for status in statuses}
    read = {
        status: Reply(_reply(_LENGTH, status=status))
        for status in (
            "600 X",
            "999 X",
            "200 \xc3\xa9",
            "302 Found",
            "307 Temporary Redirect",
            "407 X",
        )
    }
    return (
        refused
        | read
        | {
            "no reason": Reply(b"HTTP/1.1 200\r\nContent-Length: 7\r\n\r\n" + BODY),
            "HTTP/1.0": Reply(_reply(_LENGTH, version="1.0")),
            "HTTP/1.0, kept": Reply(_reply(_LENGTH, "Connection: keep-alive", version="1.0")),
            "HTTP/1.2": Reply(_reply(_LENGTH, version="1.2"), REFUSED, why=_GRAMMAR),
            "HTTP/2.0": Reply(_reply(_LENGTH, version="2.0")),
            "small letters": Reply(_reply(_LENGTH).replace(b"HTTP", b"http"), REFUSED),
            "SSH": Reply(b"SSH-2.0-OpenSSH_9.6\r\n", REFUSED, "close"),
            "nothing": Reply(b"", REFUSED, "close"),
            "TLS alert": Reply(b"\x15\x03\x01\x00\x02\x02\x46", REFUSED, "close"),
            "HTTP/0.9": Reply(b"<html>hi</html>", REFUSED, "close"),
            "zero bytes": Reply(bytes(10**6), REFUSED, "close"),
        }
    )


def _headers() -> dict[str, Reply]:
    lines = ("X: a\0b", "X\0Y: a", "X: a\rY: b", f"X: a\r{_LENGTH}", "X Y: a", "XYZ", ": v", "X\xe9: v")
    refused = {f"{line!r}": Reply(_reply(line, _LENGTH), REFUSED) for line in lines}
    start = b"HTTP/1.1 200 OK\r\n"
    return refused | {
        "control character": Reply(
            _reply(_LENGTH, "X: a\1b"), REFUSED, why="RFC 9110, section 5.5: a message may be refused for it"
        ),
        "LF only": Reply(b"HTTP/1.1 200 OK\nContent-Length: 7\n\n" + BODY, REFUSED, why=_GRAMMAR),
        "Latin-1": Reply(_reply(_LENGTH, "X: \xe9\xff")),
        "folded": Reply(_reply(_LENGTH, "X: a", " b"), REFUSED, why=_FOLDED),
        "folded length": Reply(_reply("Content-Length:", " 7"), REFUSED, why=_FOLDED),
        "folded coding": Reply(
            _reply("Transfer-Encoding:", " chunked", body=_IN_CHUNKS), REFUSED, why=_FOLDED
        ),
        "folded first line": Reply(_reply(" X: a", _LENGTH), REFUSED),
        "of 9 KB": Reply(_reply(_LENGTH, "X: " + "a" * 9_000)),
        "of 60 KB": Reply(_reply(_LENGTH, "X: " + "a" * 60_000)),
        "of 200 KB": Reply(_reply(_LENGTH, "X: " + "a" * 200_000), REFUSED),
        "of 200 KB without an end": Reply(start + b"X: " + b"a" * 200_000, REFUSED),
        "a hundred": Reply(_reply(_LENGTH, *(f"X-{number}: a" for number in range(100)))),
        "three thousand": Reply(_reply(_LENGTH, *(f"X-{number}: a" for number in range(3_000)))),
        "without end": Reply(start + b"X: a\r\n" * 50_000, REFUSED),
        "cookie": Reply(_reply(_LENGTH, "Set-Cookie: a=b")),
        "refresh": Reply(_reply(_LENGTH, "Refresh: 0;url=http://x")),
        "redirect elsewhere": Reply(_reply(_LENGTH, "Location: http://192.0.2.1/", status="302 Found")),
        "authenticate": Reply(_reply(_LENGTH, "Proxy-Authenticate: Basic", status="407 X")),
    }


def _contents() -> dict[str, Reply]:
    # Decoded here on both transports. httpx itself reads what is cut short, or bears a coding it does not know.
    bare = zlib.compress(BODY)[2:-4]
    twice = gzip.compress(_GZIPPED)
    bomb = gzip.compress(bytes(2**21), 1)
    return {
        **{name: Reply(_encoded(_GZIPPED, name)) for name in ("gzip", "GZIP", "x-gzip")},
        **{name: Reply(_encoded(_GZIPPED, name)) for name in ("gzip, identity", "identity, gzip")},
        **{name: Reply(_encoded(BODY, name)) for name in ("identity", "none", "utf-8", "aws-chunked")},
        **{name: Reply(_encoded(BODY, name), REFUSED) for name in ("br", "zstd")},
        "gzip, gzip": Reply(_encoded(twice, "gzip, gzip")),
        "gzip in two headers": Reply(_sized(twice, "Content-Encoding: gzip", "Content-Encoding: gzip")),
        "gzip of an error": Reply(_sized(_GZIPPED, "Content-Encoding: gzip", status="503 X")),
        "gzip of nothing": Reply(_encoded(b"", "gzip"), b""),
        "gzip of no chunks": Reply(_reply(_CHUNKED, "Content-Encoding: gzip", body=b"0\r\n\r\n"), b""),
        "gzip of two members": Reply(_encoded(_GZIPPED * 2, "gzip"), BODY * 2),
        "gzip and zero bytes": Reply(_encoded(_GZIPPED + bytes(8), "gzip")),
        "gzip cut short": Reply(_encoded(_GZIPPED[:-4], "gzip"), REFUSED),
        "gzip with a wrong sum": Reply(_encoded(_GZIPPED[:-8] + bytes(8), "gzip"), REFUSED),
        "gzip that is none": Reply(_encoded(BODY, "gzip"), REFUSED),
        "gzip of too much": Reply(_encoded(bomb, "gzip"), REFUSED),
        "deflate": Reply(_encoded(zlib.compress(BODY), "deflate")),
        "deflate without a head": Reply(_encoded(bare, "deflate")),
        "deflate that is gzip": Reply(_encoded(_GZIPPED, "deflate"), REFUSED),
    }


REPLIES: Final = {
    f"{kind}: {name}": reply
    for kind, replies in {
        "length": _lengths(),
        "transfer coding": _codings(),
        "chunks": _chunks(),
        "end": _ends(),
        "interim": _interim(),
        "first line": _first_lines(),
        "header": _headers(),
        "content": _contents(),
    }.items()
    for name, reply in replies.items()
}
