"""Serves an ASGI application on a socket, with uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..openapi.error_replies import EmulatorError
from .asgi import DROP

_GRACE = 2.0
"""Seconds that running requests get to finish when the server stops."""


class DroppableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, extended so that the application can close the connection."""

    def connection_made(  # type: ignore[override]  # uvicorn narrows the parameter as well
        self, transport: asyncio.Transport
    ) -> None:
        """Add the extension to the scope of every request."""
        super().connection_made(transport)
        app = self.app

        async def extended(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = transport.close
            await app(scope, receive, send)

        self.app = extended


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket; EmulatorError if the address can't be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio only sets TCP_NODELAY if the socket names its protocol.
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
    """Return the URL of a bound socket, without a path."""
    address: tuple[str, int] = listener.getsockname()[:2]
    host, port = address
    # A wildcard address can't be connected to; loopback can.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def configuration(app: ASGIApp) -> uvicorn.Config:
    """Configure uvicorn for HTTP/1.1 without logs; the emulator has its own request log."""
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
        timeout_graceful_shutdown=int(_GRACE),
    )


@asynccontextmanager
async def serving(app: ASGIApp, *, host: str, port: int) -> AsyncGenerator[str]:
    """Serve in the running loop for the duration of the block, and yield the origin."""
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
        # uvicorn's own shutdown takes at least a tenth of a second, in every test.
        for each in server.servers:
            each.close()
        listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await _end(server.server_state.tasks)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    under_way = list(tasks)
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=_GRACE)
        for task in late:
            task.cancel()
        for task in late:
            with suppress(asyncio.CancelledError):
                await task
    await asyncio.sleep(0)  # the loop closes the sockets in its next iteration
