"""Two clocks: a virtual one that only moves when advanced or slept on, and one that follows the machine's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from ..openapi.error_replies import EmulatorError


class Clock(Protocol):
    """The emulator's source of time; a client under test can share it."""

    @property
    def speed(self) -> float:
        """Seconds of this clock that pass in one second of the client's."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary origin, never decreasing."""
        ...

    def time(self) -> float:
        """Return seconds since the epoch."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Return after `seconds` of this clock."""
        ...

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move forward."""
        ...


def _span(days: float, hours: float, minutes: float, seconds: float) -> float:
    span = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if not 0 <= span < float("inf"):
        raise EmulatorError("a clock can only be advanced by a finite time that is not negative")
    return span


class VirtualClock:
    """A clock that stands still until it is advanced or slept on; sleeping takes no real time.

    A sleeper yields to other tasks, then the clock jumps to the end of the earliest sleep.
    """

    def __init__(self, *, start: float | None = None) -> None:
        """`start` is in seconds since the epoch, by default now."""
        self._start = time.time() if start is None else start
        self._passed = 0.0
        self._sleepers: list[float] = []

    @property
    def speed(self) -> float:
        """Always 1."""
        return 1.0

    def monotonic(self) -> float:
        """Return seconds since the clock was created."""
        return self._passed

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self._start + self._passed

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move forward."""
        self._passed += _span(days, hours, minutes, seconds)

    async def sleep(self, seconds: float, /) -> None:
        """Yield to other tasks, then jump to the end of the earliest sleep."""
        wake = self._passed + max(0.0, seconds)
        self._sleepers.append(wake)
        try:
            await asyncio.sleep(0)
            # An asyncio.Event belongs to one loop, and several loops may share the clock; the wait is short.
            while self._passed < wake and min(self._sleepers) < wake:  # noqa: ASYNC110
                await asyncio.sleep(0)
            self._passed = max(self._passed, wake)
        finally:
            self._sleepers.remove(wake)


class RunningClock:
    """The machine's clock, `speed` times as fast, which can be advanced too."""

    def __init__(
        self,
        *,
        speed: float = 1.0,
        start: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`start` is in seconds since the epoch, by default now."""
        if not 0 < speed < float("inf"):
            raise EmulatorError("speed must be positive and finite")
        self._speed = speed
        self._monotonic = monotonic
        self._began = monotonic()
        self._start = time.time() if start is None else start
        self._ahead = 0.0

    @property
    def speed(self) -> float:
        """Return seconds of this clock per second of the machine's."""
        return self._speed

    def monotonic(self) -> float:
        """Return seconds since the clock was created."""
        return (self._monotonic() - self._began) * self._speed + self._ahead

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self._start + self.monotonic()

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move forward; this does not shorten sleeps in progress."""
        self._ahead += _span(days, hours, minutes, seconds)

    async def sleep(self, seconds: float, /) -> None:
        """Return after `seconds` of this clock."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)
