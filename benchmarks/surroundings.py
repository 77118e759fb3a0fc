"""The same calls over TLS, through a proxy, and on uvloop's event loop; each against the two libraries in one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import uvloop

from .callers import own
from .measure import Row, close, rounds
from .scenarios import Size
from .serving import TLS_HOST, serving, serving_tls

_CONNECTIONS = 100


async def over_tls(size: Size) -> list[Row]:
    """Measure `get` over TLS, by the certificate of an authority of the run's own."""
    rows: list[Row] = []
    with serving_tls() as server:
        callers = own(f"https://localhost:{server.port}", _CONNECTIONS, server.context)
        for in_flight, calls in ((1, 300), (100, 600)):
            rows += await rounds(callers, size.work("get", in_flight, calls), size.rounds)
        await close(callers)
    return rows


async def through_proxy(size: Size) -> list[Row]:
    """Measure `get` over TLS in the tunnels of a proxy; its host has a name, since loopback is never proxied."""
    rows: list[Row] = []
    with serving_tls() as server:
        callers = own(f"https://{TLS_HOST}:{server.port}", _CONNECTIONS, server.context, server.proxy)
        for in_flight, calls in ((1, 300), (100, 600)):
            rows += await rounds(callers, size.work("get", in_flight, calls), size.rounds)
        await close(callers)
    return rows


async def plain(size: Size) -> list[Row]:
    """Measure `get` and `create` over loopback, on whatever event loop runs."""
    rows: list[Row] = []
    with serving() as url:
        callers = own(url, _CONNECTIONS)
        for name, in_flight, calls in (("get", 1, 300), ("get", 100, 600), ("create", 100, 400)):
            rows += await rounds(callers, size.work(name, in_flight, calls), size.rounds)
        await close(callers)
    return rows


def measured(size: Size) -> dict[str, list[Row]]:
    """Measure all three, each on a loop of its own."""
    found: dict[str, list[Row]] = {}
    found["TLS"] = asyncio.run(over_tls(size))
    found["TLS through a proxy"] = asyncio.run(through_proxy(size))
    found["uvloop"] = _on(uvloop.new_event_loop, size)
    return found


def _on(loop_factory: Callable[[], asyncio.AbstractEventLoop], size: Size) -> list[Row]:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(plain(size))
