"""Closing what belongs to an event loop when the loop ends, even where nobody closed the client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress


def at_loop_shutdown(close: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Await `close` when the running loop is shut down, or earlier, when the returned generator is closed.

    `asyncio.run` and its kind close all async generators of their loop before it ends, the one moment at which
    sockets can still be closed; https://docs.python.org/3/library/asyncio-eventloop.html (shutdown_asyncgens).
    """
    waiting = _waiting(close)
    # Runs to the yield, where nothing has been awaited yet, so that no task is needed; the loop takes note of it.
    with suppress(StopIteration):
        waiting.__anext__().send(None)
    return waiting


async def _waiting(close: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await close()
