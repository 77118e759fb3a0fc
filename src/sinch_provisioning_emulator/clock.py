"""Time: one clock that moves when it is told to or slept on, one that follows the machine's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from .problems import EmulatorError


class Clock(Protocol):
    """Where the emulator takes its time from; a client under test can share it."""

    @property
    def speed(self) -> float:
        """Seconds of this clock that pass in one second of whoever talks to the emulator."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, from any origin."""
        ...

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Return when `seconds` of this clock have passed."""
        ...

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move forward at once."""
        ...


def _span(days: float, hours: float, minutes: float, seconds: float) -> float:
    span = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if not 0 <= span < float("inf"):
        raise EmulatorError("a clock moves forward only, by a finite time")
    return span


class VirtualClock:
    """A clock that stands still until somebody sleeps on it or advances it; nobody ever waits for real.

    Whoever sleeps gives other tasks a turn, then moves the clock to where it wakes, earliest sleeper first.
    """

    def __init__(self, *, start: float | None = None) -> None:
        """`start` is wall time in seconds since the epoch, by default the present."""
        self._start = time.time() if start is None else start
        self._passed = 0.0
        self._sleepers: list[float] = []

    @property
    def speed(self) -> float:
        """One: a client's second is this clock's second."""
        return 1.0

    def monotonic(self) -> float:
        """Seconds passed since the clock was made."""
        return self._passed

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        return self._start + self._passed

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move forward at once."""
        self._passed += _span(days, hours, minutes, seconds)

    async def sleep(self, seconds: float, /) -> None:
        """Give other tasks a turn, then be there: the clock jumps to the end of the earliest sleep."""
        wake = self._passed + max(0.0, seconds)
        self._sleepers.append(wake)
        try:
            await asyncio.sleep(0)
            # An event would belong to one loop, and a clock may be shared by several; the wait is short.
            while self._passed < wake and min(self._sleepers) < wake:  # noqa: ASYNC110
                # An event would belong to one loop; the clock is shared between loops, and the wait is short.
                await asyncio.sleep(0)
            self._passed = max(self._passed, wake)
        finally:
            self._sleepers.remove(wake)


class RunningClock:
    """The machine's time, `speed` times as fast, and movable forward."""

    def __init__(
        self,
        *,
        speed: float = 1.0,
        start: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`start` is wall time in seconds since the epoch, by default the present."""
        if not 0 < speed < float("inf"):
            raise EmulatorError("speed must be a positive number")
        self._speed = speed
        self._monotonic = monotonic
        self._began = monotonic()
        self._start = time.time() if start is None else start
        self._ahead = 0.0

    @property
    def speed(self) -> float:
        """Seconds of this clock in one second of the machine's."""
        return self._speed

    def monotonic(self) -> float:
        """Seconds passed since the clock was made."""
        return (self._monotonic() - self._began) * self._speed + self._ahead

    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        return self._start + self.monotonic()

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move forward at once, for the emulator; who sleeps already keeps sleeping."""
        self._ahead += _span(days, hours, minutes, seconds)

    async def sleep(self, seconds: float, /) -> None:
        """Return when `seconds` of this clock have passed."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)
