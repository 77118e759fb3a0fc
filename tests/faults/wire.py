"""The least of HTTP/1.1 that a misbehaving server needs: one request read, one reply as bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen


@frozen
class Seen:
    """One request as it came off the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's pairs."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def key(self) -> str:
        """What scripts and counts go by: "token", or the method and the kind of the path."""
        if self.path == "/oauth2/token":
            return "token"
        segments = self.path.strip("/").split("/")[3:]
        kind = {2: "", 3: "/{id}", 4: "/{id}/launch"}.get(len(segments), "/?")
        return f"{self.method} {segments[0]}{kind}" if segments else f"{self.method} ?"

    @property
    def token(self) -> str:
        """The bearer token, empty where there is none."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


async def read_request(reader: asyncio.StreamReader) -> Seen | None:
    """Read one request; None at the connection's end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    try:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Seen(method, target, headers, body)


def reply_bytes(
    status: int, body: object = None, headers: Iterable[tuple[str, str]] = (), *, length: int | None = None
) -> bytes:
    """Make a whole reply; `body` goes as it is where it is bytes, else as JSON, `length` may lie about it."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(content) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the peer gets a reset instead of an end."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
