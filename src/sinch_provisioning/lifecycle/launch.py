"""Launching a sender at most once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from .ensuring import Writes
from .recent_writes import LAUNCH_LAG
from .status import Progress

_T = TypeVar("_T")


async def launch_once(
    sender: _T,
    sender_id: str,
    *,
    get: Callable[[str], Awaitable[_T]],
    launch: Callable[[str], Awaitable[_T]],
    progress: Callable[[_T], Progress],
    shared: Writes,
    key: Hashable,
) -> _T:
    """Launch `sender` unless it is launching or launched; reads it back before it launches again.

    A sender that this client has launched is not launched again because it still shows a status from before, unless
    the launch has failed meanwhile.
    """
    seen: _T | None = sender

    async def find() -> _T | None:
        nonlocal seen
        current, seen = seen, None
        if current is None:
            current = await get(sender_id)
        now = progress(current)
        if now.settled:
            shared.writes.forget(key)
        return current if now.under_way or shared.writes.last(key, within=LAUNCH_LAG) else None

    async with shared.locks.hold(key):
        launched, sent = await shared.writer.run(find, lambda: launch(sender_id))
        if sent:
            shared.writes.remember(key, launched, {}, {}, created=True)
    return launched
