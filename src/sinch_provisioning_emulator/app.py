"""The emulator as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from starlette.types import Message, Receive, Scope, Send

from .service import MAX_BODY
from .wire import Reply, Request

DROP = "sinch_provisioning_emulator.drop"
"""Scope extension: a callable that breaks the connection; a server that can do so puts it there."""


class ConnectionDropped(Exception):
    """Raised where a fault breaks a connection under a server that offers no way to do so."""


class App:
    """ASGI 3; every request goes to `answer`, faults are carried out here in real time."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        """`answer` turns a request into a reply at once."""
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the emulator does not speak {scope['type']}")
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
    """The whole request, None where its sender went away; a body beyond the limit is read no further."""
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
    # Until the server has noticed, or it would answer in our place.
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
