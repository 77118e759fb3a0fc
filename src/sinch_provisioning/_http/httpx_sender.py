"""Requests through httpx: the caller's transport or client, or whatever stands in for httpx's own."""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncGenerator
from types import FunctionType
from typing import Final

import httpx

from .body import UnreadableBodyError, body_too_large
from .outcome import Received
from .proxy_settings import proxy_for
from .request import HeaderBlock, HttpRequest, Origin
from .send_progress import SendProgress
from .tls import tls_context

_genuine: Final[set[object]] = set()


def httpx_is_replaced() -> bool:
    """Whether somebody has replaced or wrapped `handle_async_request` of httpx's transport or of httpcore's pool.

    That is how mocks (pytest-httpx, respx), recorders (vcrpy), instrumentation (OpenTelemetry) and network blockers
    get at requests. A method counts as httpx's own if it is a plain function of the module that defines its class.
    """
    if httpx.AsyncHTTPTransport.handle_async_request not in _genuine and not _is_genuine(
        httpx.AsyncHTTPTransport
    ):
        return True
    # httpx loads it with its first transport; what is not loaded is not replaced.
    httpcore = sys.modules.get("httpcore")
    if httpcore is None:
        return False
    pool = httpcore.AsyncConnectionPool
    return pool.handle_async_request not in _genuine and not _is_genuine(pool)


def _is_genuine(kind: type) -> bool:
    method, constructor = vars(kind).get("handle_async_request"), vars(kind).get("__init__")
    if (
        type(method) is FunctionType
        and type(constructor) is FunctionType
        and method.__globals__ is constructor.__globals__
        and method.__code__.co_name == "handle_async_request"
    ):
        _genuine.add(method)
        return True
    return False


class HttpxSender:
    """Sends requests through a transport or a client of httpx; closes only a transport, and only when asked."""

    def __init__(self, sender: httpx.AsyncBaseTransport | httpx.AsyncClient) -> None:
        self._sender = sender

    async def exchange(
        self,
        request: HttpRequest,
        headers: HeaderBlock,
        *,
        limit: int,
        phases: dict[str, float | None],
        progress: SendProgress,
    ) -> Received:
        """Send `request` with these common headers and return its reply, its body as it came."""
        sender = self._sender
        outgoing = self._request(request, headers)
        outgoing.extensions = {**outgoing.extensions, "timeout": phases, "trace": progress.trace}
        if isinstance(sender, httpx.AsyncClient):
            response = await sender.send(outgoing, stream=True, auth=None, follow_redirects=False)
            if response.is_stream_consumed:
                # A response hook of the caller's client has read and decoded it already.
                return Received(response.status_code, response.headers.raw, response.content)
        else:
            response = await sender.handle_async_request(outgoing)
        unreadable = None
        try:
            content = await _read(response.stream, limit)
        except UnreadableBodyError as error:
            content, unreadable = error.raw, error.why
        finally:
            if isinstance(response.stream, httpx.AsyncByteStream):
                await response.stream.aclose()
        encoding = response.headers.get("content-encoding")
        return Received(response.status_code, response.headers.raw, content, unreadable, encoding)

    def _request(self, request: HttpRequest, headers: HeaderBlock) -> httpx.Request:
        url = request.url
        fields = [*headers.pairs, *request.headers.pairs]
        if isinstance(self._sender, httpx.AsyncClient):
            # With the client's own headers and cookies, where ours say nothing.
            return self._sender.build_request(request.method, url, headers=fields, content=request.content)
        return httpx.Request(
            request.method, url, headers=fields, stream=httpx.ByteStream(request.content or b"")
        )

    async def aclose(self) -> None:
        """Close the transport."""
        if isinstance(self._sender, httpx.AsyncBaseTransport):
            await self._sender.aclose()


class StandInSender:
    """httpx's own transport, one for each server and its proxy: for requests that a stand-in is to get."""

    def __init__(self, limit: int, tls: ssl.SSLContext | None, proxy: str | None) -> None:
        self._limits = httpx.Limits(max_connections=limit, max_keepalive_connections=limit)
        self._tls = tls
        self._proxy = proxy
        self._senders: dict[Origin, HttpxSender] = {}

    async def exchange(
        self,
        request: HttpRequest,
        headers: HeaderBlock,
        *,
        limit: int,
        phases: dict[str, float | None],
        progress: SendProgress,
    ) -> Received:
        """Send `request` through httpx's transport."""
        origin = request.server.origin
        sender = self._senders.get(origin)
        if sender is None:
            proxy = proxy_for(origin, self._proxy)
            transport = httpx.AsyncHTTPTransport(
                verify=await tls_context() if self._tls is None else self._tls,
                limits=self._limits,
                proxy=None if proxy is None else httpx.Proxy(proxy),
            )
            sender = self._senders.setdefault(origin, HttpxSender(transport))
        return await sender.exchange(request, headers, limit=limit, phases=phases, progress=progress)

    async def aclose(self) -> None:
        """Close all connections."""
        for sender in self._senders.values():
            await sender.aclose()


async def _read(stream: object, limit: int) -> bytes:
    if isinstance(stream, httpx.ByteStream):
        # All there already, so nothing to wait for.
        raw = b"".join(stream)
        if len(raw) > limit:
            raise body_too_large(raw, limit)
        return raw
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
                raise body_too_large(b"".join(parts), limit)
    finally:
        # A generator left half-way would be closed by a task of the event loop's some time later.
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
    return parts[0] if len(parts) == 1 else b"".join(parts)
