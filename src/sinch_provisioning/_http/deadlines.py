"""Deadlines of many calls on one timer: a timer for each call costs more than anything else that a call needs."""

from __future__ import annotations

import asyncio
import math

from attrs import define, field


@define(eq=False)
class _Queue:
    """Scopes that were all given the same number of seconds, so the first to begin is the first to end."""

    ends: dict[asyncio.Timeout, float] = field(factory=dict[asyncio.Timeout, float])
    timer: asyncio.TimerHandle | None = None


class Deadlines:
    """Ends scopes of one event loop in time; `scope` is an `asyncio.timeout(None)` that has been entered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queues: dict[float, _Queue] = {}

    def begin(self, scope: asyncio.Timeout, seconds: float) -> None:
        """Let `scope` end `seconds` from now."""
        now = self._loop.time()
        if seconds <= 0:
            scope.reschedule(now)
            return
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = _Queue()
        queue.ends[scope] = now + seconds
        if queue.timer is None and math.isfinite(seconds):
            queue.timer = self._loop.call_at(now + seconds, self._look, seconds)

    def end(self, scope: asyncio.Timeout, seconds: float) -> None:
        """Forget `scope`; once more does no harm."""
        queue = self._queues.get(seconds)
        if queue is not None:
            queue.ends.pop(scope, None)

    def _look(self, seconds: float) -> None:
        """End what is due, and come back for the next; a length of time that nobody uses is forgotten."""
        queue = self._queues[seconds]
        queue.timer = None
        now = self._loop.time()
        while queue.ends:
            scope, end = next(iter(queue.ends.items()))
            # The loop runs timers up to its clock's resolution early.
            if end > now and not math.isclose(end, now, rel_tol=0.0, abs_tol=0.001):
                queue.timer = self._loop.call_at(end, self._look, seconds)
                return
            del queue.ends[scope]
            scope.reschedule(now)
        del self._queues[seconds]
