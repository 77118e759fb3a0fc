"""The emulator as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from starlette.types import Message, Receive, Scope, Send

from ..openapi.messages import MAX_BODY, Reply, Request

DROP = "sinch_provisioning_emulator.drop"
"""Scope extension for a callable that closes the connection, set by servers that can."""


class ConnectionDropped(Exception):
    """Raised by a fault that closes the connection if the server offers no way to do so."""


class App:
    """An ASGI 3 application; delays of faults take real time here."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        """`answer` returns the reply to a request."""
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the emulator does not support {scope['type']!r} connections")
        request = await _read(scope, receive)
        if request is None:
            return
        reply = self._answer(request)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.cut == "unanswered":
            await _drop(scope, receive)
            return
        pieces = reply.pieces()
        headers = [(b"content-length", str(len(reply.body)).encode())]
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        for index, piece in enumerate(pieces):
            if index:
                await asyncio.sleep(reply.slow / len(pieces))
            more = reply.cut == "midway" or index + 1 < len(pieces)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
        if reply.cut == "midway":
            await _drop(scope, receive)


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """Read the request, or return None if the client is gone; stops reading beyond the size limit."""
    body = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > MAX_BODY:
            break
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    return Request(
        method=str(scope["method"]),
        path=path if raw is None else raw.decode("latin-1"),
        query=bytes(scope.get("query_string", b"")).decode("latin-1"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers},
        body=bytes(body),
    )


async def _drop(scope: Scope, receive: Receive) -> None:
    extensions = cast("dict[str, Callable[[], None]]", scope.get("extensions") or {})
    drop = extensions.get(DROP)
    if drop is None:
        raise ConnectionDropped
    drop()
    # Returning before the server has noticed would make it send a 500.
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
