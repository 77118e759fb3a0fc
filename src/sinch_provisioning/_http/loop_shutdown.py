"""What belongs to an event loop goes with it, also where nobody closed the client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress

import httpx


def at_loop_end(sender: httpx.AsyncBaseTransport) -> AsyncGenerator[None, None]:
    """Close `sender` when the running loop is shut down, or earlier, when the returned generator is closed.

    `asyncio.run` and its kind close all async generators of their loop before it ends, the one moment at which
    sockets can still be closed; https://docs.python.org/3/library/asyncio-eventloop.html (shutdown_asyncgens).
    """
    waiting = _waiting(sender)
    # Runs to the yield, where nothing has been awaited yet, so that no task is needed; the loop takes note of it.
    with suppress(StopIteration):
        waiting.__anext__().send(None)
    return waiting


async def _waiting(sender: httpx.AsyncBaseTransport) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await sender.aclose()
