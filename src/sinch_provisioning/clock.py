"""Time as a parameter: the clock that a client uses, and the system's own."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A source of time; tests pass one that does not wait."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary origin, never decreasing."""
        ...

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The system's clock and asyncio's sleep."""

    def monotonic(self) -> float:
        """Seconds of the system's monotonic clock, unaffected by changes of the wall time."""
        return time.monotonic()

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float, /) -> None:
        """Return after `seconds`, letting other tasks run."""
        await asyncio.sleep(seconds)
