"""Locks by key, so that two calls for one sender wait for each other and no others do."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Locks(Protocol):
    """Keeps calls for one sender from overlapping; `sinch_provisioning.redis` has locks for a fleet of processes."""

    def hold(self, key: Hashable, /) -> AbstractAsyncContextManager[object]:
        """Wait for `key`, and hold it for the length of the block."""
        ...


class KeyedLocks:
    """One lock for each key in use, for all event loops and threads of a process; unused keys cost nothing.

    Turns are taken first come, first served, and handed over directly.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        # Who waits for a key that is held. A forked process holds none of its parent's keys.
        self._waiting: dict[tuple[int, Hashable], deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def hold(self, key: Hashable, /) -> AsyncGenerator[None, None]:
        """Wait for `key`, then hold it."""
        own_key = (os.getpid(), key)
        turn: asyncio.Future[None] | None = None
        with self._guard:
            waiting = self._waiting.get(own_key)
            if waiting is None:
                self._waiting[own_key] = deque()
            else:
                turn = asyncio.get_running_loop().create_future()
                waiting.append(turn)
        if turn is not None:
            try:
                await turn
            # A cancellation above all: the turn must not be lost.
            except BaseException:
                self._give_up(own_key, turn)
                raise
        try:
            yield
        finally:
            self._release(own_key)

    def _give_up(self, key: tuple[int, Hashable], turn: asyncio.Future[None]) -> None:
        with self._guard:
            waiting = self._waiting[key]
            if turn in waiting:
                waiting.remove(turn)
                return
        # The turn had been handed over already.
        self._release(key)

    def _release(self, key: tuple[int, Hashable]) -> None:
        with self._guard:
            waiting = self._waiting[key]
            while waiting:
                turn = waiting.popleft()
                try:
                    turn.get_loop().call_soon_threadsafe(_begin, turn)
                    return
                except RuntimeError:
                    # Its loop has been closed.
                    continue
            del self._waiting[key]


def _begin(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
