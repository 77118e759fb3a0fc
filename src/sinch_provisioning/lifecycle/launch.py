"""Launching a sender at most once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from .keyed_locks import Locks
from .recent_writes import LAUNCH_LAG, RecentWrites
from .reconciling_writer import ReconcilingWriter
from .status import is_settled, is_under_way

_T = TypeVar("_T")


async def launch_once(
    sender: _T,
    sender_id: str,
    *,
    get: Callable[[str], Awaitable[_T]],
    launch: Callable[[str], Awaitable[_T]],
    writer: ReconcilingWriter,
    writes: RecentWrites,
    locks: Locks,
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
        if is_settled(current):
            writes.forget(key)
        return current if is_under_way(current) or writes.last(key, within=LAUNCH_LAG) else None

    async with locks.hold(key):
        launched, sent = await writer.run(find, lambda: launch(sender_id))
        if sent:
            writes.remember(key, launched, {}, {}, created=True)
    return launched
