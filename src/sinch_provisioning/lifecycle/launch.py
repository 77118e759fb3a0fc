"""Launching a sender at most once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from .keyed_locks import Locks
from .reconciling_writer import ReconcilingWriter
from .status import is_under_way

_T = TypeVar("_T")


async def launch_once(
    sender: _T,
    sender_id: str,
    *,
    get: Callable[[str], Awaitable[_T]],
    launch: Callable[[str], Awaitable[_T]],
    writer: ReconcilingWriter,
    locks: Locks,
    key: Hashable,
) -> _T:
    """Launch `sender` unless it is launching or launched; reads it back before it launches again."""
    seen: _T | None = sender

    async def find() -> _T | None:
        nonlocal seen
        current, seen = seen, None
        if current is None:
            current = await get(sender_id)
        return current if is_under_way(current) else None

    async with locks.hold(key):
        launched, _ = await writer.run(find, lambda: launch(sender_id))
    return launched
