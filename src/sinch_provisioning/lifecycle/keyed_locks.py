"""Locks by key, so that two calls for one sender wait for each other and all others don't."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from attrs import define, field


class Locks(Protocol):
    """Keeps calls for one sender from overlapping; `sinch_provisioning.redis` has locks for a fleet of processes."""

    def hold(self, key: Hashable, /) -> AbstractAsyncContextManager[object]:
        """Wait for the turn at `key`, and keep it for the length of the block."""
        ...


@define
class _Held:
    lock: asyncio.Lock = field(factory=asyncio.Lock)
    users: int = 0


class KeyedLocks:
    """One lock for each key in use; a key nobody holds or waits for costs nothing."""

    def __init__(self) -> None:
        self._held: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Held] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable, /) -> AsyncGenerator[None, None]:
        """Wait for the turn at `key`, first come first served."""
        # A loop that ended leaves its locks behind, and they can't be waited for in another one.
        full_key = (asyncio.get_running_loop(), key)
        held = self._held.setdefault(full_key, _Held())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if held.users == 0:
                del self._held[full_key]
