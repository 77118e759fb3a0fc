"""The emulator as an httpx transport, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import httpx

from ..api.clock import Clock
from ..openapi.messages import Reply, Request


class EmulatorTransport(httpx.AsyncBaseTransport):
    """Answers requests in process; delays pass on the emulator's clock.

    A delay longer than the request's read timeout raises ReadTimeout, as it would over a socket.
    """

    def __init__(
        self, answer: Callable[[Request], Reply], clock: Clock, *, origin: str | None = None
    ) -> None:
        """`answer` returns the reply to a request; requests to another origin than `origin` are refused."""
        self._origin = None if origin is None else httpx.URL(origin)
        self._answer = answer
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if self._origin is not None and not _same_origin(request.url, self._origin):
            raise httpx.ConnectError(
                f"this client only reaches the emulator at {self._origin}, not {request.url.host}",
                request=request,
            )
        body = await request.aread()
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw
        }
        reply = self._answer(Request(request.method, path, query, headers, body))
        if reply.delay:
            await self._wait(request, reply.delay)
        if reply.cut == "unanswered":
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            )
        return httpx.Response(
            reply.status,
            headers=[("content-length", str(len(reply.body))), *reply.headers],
            stream=_Body(self, request, reply),
            request=request,
        )

    async def _wait(self, request: httpx.Request, seconds: float) -> None:
        timeout = cast("Mapping[str, float | None]", request.extensions.get("timeout", {})).get("read")
        if timeout is not None and seconds > timeout:
            await self._clock.sleep(timeout)
            raise httpx.ReadTimeout("", request=request)
        await self._clock.sleep(seconds)

    async def stream(self, request: httpx.Request, reply: Reply) -> AsyncIterator[bytes]:
        """Yield the body, slowly or in part if a fault says so."""
        pieces = reply.pieces()
        for index, piece in enumerate(pieces):
            if index:
                await self._wait(request, reply.slow / len(pieces))
            yield piece
        if reply.cut == "midway":
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body", request=request
            )


def _same_origin(url: httpx.URL, origin: httpx.URL) -> bool:
    return (url.scheme, url.host, url.port) == (origin.scheme, origin.host, origin.port)


class _Body(httpx.AsyncByteStream):
    def __init__(self, transport: EmulatorTransport, request: httpx.Request, reply: Reply) -> None:
        self._pieces = transport.stream(request, reply)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            yield piece
