"""Time as a parameter: what the client asks of a clock, and the machine's own."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where a client takes its time from; a test passes one that does not wait."""

    def monotonic(self) -> float:
        """Seconds that only grow, from any origin."""
        ...

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The machine's clock and the event loop's sleep."""

    def monotonic(self) -> float:
        """Seconds of the system's monotonic clock, which stops for no change of the wall time."""
        return time.monotonic()

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float, /) -> None:
        """Return after `seconds`, other tasks running meanwhile."""
        await asyncio.sleep(seconds)
