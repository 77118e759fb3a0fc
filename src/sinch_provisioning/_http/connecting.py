"""Opening a connection: name resolution, Happy Eyeballs, TCP, a proxy's tunnel, TLS."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

import httpx
from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType] - a bare tuple in it

from .connection import Connection
from .outcome import ExchangeError
from .request import Origin

_Address = tuple[int, int, int, str, tuple[Any, ...]]

# Seconds until the next address is tried beside the ones before it (RFC 8305, section 5).
_ATTEMPT_DELAY: Final = 0.25

# What keeps a connection through a NAT gateway while a slow reply is awaited, and finds a dead peer: seconds until the
# first probe, between probes, and their number.
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))

_LARGEST_TUNNEL_REPLY: Final = 64 * 2**10
_PROXY_PORTS: Final = {"http": 80, "https": 443}


async def open_connection(
    origin: Origin, *, tls: ssl.SSLContext | None, proxy: httpx.URL | None, seconds: float | None
) -> Connection:
    """Connect to `origin` within `seconds`, through `proxy` where there is one; raises `ExchangeError`.

    `tls` verifies the origin's certificate, and that of a proxy that is reached by https.
    """
    try:
        async with asyncio.timeout(seconds):
            if proxy is None:
                return await _direct(origin, tls if origin[0] == "https" else None)
            return await _through_proxy(origin, tls, proxy)
    except TimeoutError as error:
        raise ExchangeError("ConnectTimeout", str(error), timed_out=True) from None
    # A host name that is not one fails before anybody is asked for it.
    except (OSError, UnicodeError) as error:
        raise ExchangeError("ConnectError", str(error)) from None


async def _direct(origin: Origin, tls: ssl.SSLContext | None) -> Connection:
    _, host, port = origin
    loop = asyncio.get_running_loop()
    connected = await start_connection(
        await _addresses(host, port), happy_eyeballs_delay=_ATTEMPT_DELAY, loop=loop
    )
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        with suppress(AttributeError, OSError):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    # The loop closes the socket where this does not succeed.
    _, connection = await loop.create_connection(
        lambda: Connection(loop), sock=connected, ssl=tls, server_hostname=None if tls is None else host
    )
    return connection


async def _addresses(host: str, port: int) -> Sequence[_Address]:
    try:
        # An address needs no resolver, and so no thread.
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _through_proxy(origin: Origin, tls: ssl.SSLContext | None, proxy: httpx.URL) -> Connection:
    scheme, host, port = origin
    proxy_origin = (proxy.scheme, proxy.raw_host.decode("ascii"), proxy.port or _PROXY_PORTS[proxy.scheme])
    connection = await _direct(proxy_origin, tls if proxy.scheme == "https" else None)
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    credentials = b""
    if proxy.userinfo:
        user, _, password = proxy.userinfo.decode("ascii").partition(":")
        pair = f"{unquote(user)}:{unquote(password)}".encode()
        credentials = b"Proxy-Authorization: Basic %b\r\n" % base64.b64encode(pair)
    if scheme == "http":
        connection.proxy_prefix = f"http://{authority}".encode()
        connection.proxy_headers = credentials
        return connection
    assert tls is not None
    try:
        await _open_tunnel(connection, authority.encode("ascii"), credentials)
        await connection.start_tls(tls, host)
    # A cancellation too: the socket must not outlive the attempt.
    except BaseException:
        connection.abort()
        raise
    return connection


async def _open_tunnel(connection: Connection, authority: bytes, credentials: bytes) -> None:
    request = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (authority, authority, credentials)
    try:
        reply = await connection.exchange(
            request, head_only=True, limit=_LARGEST_TUNNEL_REPLY, read=None, write=None
        )
    except ExchangeError as error:
        raise ExchangeError("ProxyError", f"the proxy opened no tunnel: {error.explanation}") from None
    if not 200 <= reply.status < 300:
        refused = reply.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        advice = "; check the user name and password in the proxy's URL" if refused else ""
        raise ExchangeError(
            "ProxyError", f"the proxy opened no tunnel: it answered {reply.status}{advice}", final=refused
        )
