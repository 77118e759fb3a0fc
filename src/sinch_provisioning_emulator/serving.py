"""Serving on a socket with uvicorn, in a running loop or as a process of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import DROP
from .problems import EmulatorError

_PATIENCE = 2.0
"""Seconds that requests under way have to end in when the server stops."""


class DroppableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with a way for the application to break the connection it is called over."""

    def connection_made(  # type: ignore[override]  # uvicorn narrows the parameter as well
        self, transport: asyncio.Transport
    ) -> None:
        """Offer the connection's end to every request that comes over it."""
        super().connection_made(transport)
        app = self.app

        async def offering(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = transport.close
            await app(scope, receive, send)

        self.app = offering


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket's address taken, or an EmulatorError that says why it can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's delay off only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise EmulatorError(f"can't listen on {host} port {port}: {reason}") from error
    listener.setblocking(False)
    return listener


def origin_of(listener: socket.socket) -> str:
    """The URL of a bound socket, without a path."""
    address: tuple[str, int] = listener.getsockname()[:2]
    host, port = address
    # Who listens everywhere is reached at the loopback address; nobody can connect to "everywhere".
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - replaced, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def configuration(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves the emulator: HTTP/1.1 alone, and silent, for the record tells what was asked."""
    return uvicorn.Config(
        app,
        http=DroppableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=int(_PATIENCE),
    )


@asynccontextmanager
async def serving(app: ASGIApp, *, host: str, port: int) -> AsyncGenerator[str]:
    """Serve in this loop while the block lasts, and give the origin; nothing is left open behind it."""
    listener = bound_socket(host, port)
    origin = origin_of(listener)
    config = configuration(app)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield origin
    finally:
        # uvicorn's own shutdown waits for a tenth of a second at least, which each test would pay.
        for each in server.servers:
            each.close()
        listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await _end(server.server_state.tasks)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    under_way = list(tasks)
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        for task in late:
            with suppress(asyncio.CancelledError):
                await task
    await asyncio.sleep(0)  # the loop closes the sockets in its next turn
