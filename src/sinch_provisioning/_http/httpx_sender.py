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

# Where mocks, recorders, instrumentation and network blockers get at requests, by the class that is patched.
_PATCHED: Final = ("handle_async_request", "send", "_transport_for_url", "_send_single_request")
_genuine: Final[dict[type, tuple[object, ...]]] = {}


def httpx_is_replaced() -> bool:
    """Whether somebody has replaced or wrapped a method that carries requests in httpx or in httpcore's pool.

    That is `handle_async_request` of httpx's AsyncHTTPTransport (pytest-httpx, OpenTelemetry) and of httpcore's
    AsyncConnectionPool (respx by default, vcrpy), and what AsyncClient sends a request with (Sentry, ddtrace; older
    vcrpy) or chooses its transport by (respx for httpx). A method counts as genuine if it is a plain function of the
    module that defines its class.
    """
    # httpx loads httpcore with its first transport; what is not loaded is not replaced.
    httpcore = sys.modules.get("httpcore")
    kinds = (
        (httpx.AsyncHTTPTransport, httpx.AsyncClient)
        if httpcore is None
        else (httpx.AsyncHTTPTransport, httpx.AsyncClient, httpcore.AsyncConnectionPool)
    )
    for kind in kinds:
        members, known = vars(kind), _genuine.get(kind)
        for position, name in enumerate(_PATCHED):
            # By identity: a wrapper may claim to equal what it wraps.
            if known is None or members.get(name) is not known[position]:
                if _is_replaced(kind):
                    return True
                break
    return False


def _is_replaced(kind: type) -> bool:
    methods = tuple(vars(kind).get(name) for name in _PATCHED)
    constructor = vars(kind)["__init__"]
    for name, method in zip(_PATCHED, methods, strict=True):
        if method is not None and (
            type(method) is not FunctionType
            or method.__globals__ is not constructor.__globals__
            or method.__code__.co_name != name
        ):
            return True
    _genuine[kind] = methods
    return False


class HttpxSender:
    """Sends requests through a transport or a client of httpx; `aclose` closes it only if it is `owned`."""

    def __init__(self, sender: httpx.AsyncBaseTransport | httpx.AsyncClient, *, owned: bool = False) -> None:
        self._sender = sender
        self._owned = owned

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
        fields = [*headers.pairs, *request.headers.pairs]
        if isinstance(self._sender, httpx.AsyncClient):
            # With the client's own headers and cookies, where ours say nothing.
            return self._sender.build_request(
                request.method, request.url, headers=fields, content=request.content
            )
        return httpx.Request(
            request.method, request.url, headers=fields, stream=httpx.ByteStream(request.content or b"")
        )

    async def aclose(self) -> None:
        """Close the transport or client."""
        if self._owned:
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
            # A client, since some stand-ins replace what a client does. It follows no setting of the environment.
            http_client = httpx.AsyncClient(transport=transport, trust_env=False)
            sender = self._senders.setdefault(origin, HttpxSender(http_client, owned=True))
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
