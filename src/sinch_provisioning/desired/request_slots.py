"""Slots for requests: at most so many of them arrive at the server in any one second, however long each takes."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from attrs import Attribute, define, field, frozen

from ..errors import ConfigurationError

Slot = Callable[[], AbstractAsyncContextManager[None]]
"""Entered for each request; may wait for its turn, and raise `Stopped`."""
# Seconds. A request without a reply is taken to have reached the server by then.
LATEST_ARRIVAL: Final = 1.0
_LOOK_AGAIN: Final = 0.1


class Stopped(Exception):
    """No further request is to be sent."""


def _positive(_: object, attribute: Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{attribute.name} must be a positive number")


@frozen
class Pace:
    """Requests per second that all workers together may send, in any one second.

    The rate is dealt out as slots. A request takes a slot and gives it back `period` seconds after its reply, so that
    no `period` sees more requests arrive than there are slots, however long each is on its way.
    """

    rate: float = field(default=5.0, validator=_positive)

    @property
    def slots(self) -> int:
        """Requests in any one `period`."""
        return max(1, int(self.rate))

    @property
    def period(self) -> float:
        """Seconds."""
        return max(1.0, 1.0 / self.rate)


@define(eq=False)
class Limiter:
    """The slots that this process may use, and until when.

    `demand` counts those that have requests to send now, and `changed` is set when it changes.
    """

    period: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    demand: int = 0
    changed: asyncio.Event = field(factory=asyncio.Event)
    _limit: int = 0
    _valid_until: float = -math.inf
    is_closed: bool = False
    _taken: int = 0
    _waiting: deque[asyncio.Future[None]] = field(factory=deque[asyncio.Future[None]])

    def want(self, more: int) -> None:
        """Count one more, or one less, that has requests to send."""
        self.demand += more
        self.changed.set()

    @property
    def held(self) -> int:
        """The slots that requests hold, or may take before the next grant."""
        return max(self._limit, self._taken)

    def grant(self, limit: int, valid_until: float) -> None:
        """Set the slots, and until when they may be used."""
        if limit < self._limit:
            self.changed.set()  # the others need not wait for what is free already
        self._limit, self._valid_until = limit, valid_until
        self._wake()

    def close(self) -> None:
        """Let no further request start."""
        self.is_closed, self._limit = True, 0
        self._wake()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Send one request within this, once there is a slot; raises `Stopped` after `close`."""
        loop = asyncio.get_running_loop()
        while not (self.is_closed or (self._taken < self._limit and self.monotonic() < self._valid_until)):
            waiter = loop.create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake()
                raise
        if self.is_closed:
            raise Stopped
        self._taken += 1
        back = loop.call_later(LATEST_ARRIVAL + self.period, self._give_back)
        try:
            yield
        finally:
            if loop.time() + self.period < back.when():
                back.cancel()
                loop.call_later(self.period, self._give_back)

    async def wait(self) -> None:
        """Return while the slots may be used: the client's last question (`rate_limit`) before it sends.

        The process may have been stopped since the slot was taken. Then the call ends here, by its deadline.
        """
        # Seldom, and not for long.
        while self.monotonic() >= self._valid_until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN)

    def _give_back(self) -> None:
        self._taken -= 1
        self._wake()

    def _wake(self) -> None:
        free = len(self._waiting) if self.is_closed else self._limit - self._taken
        while self._waiting and free > 0:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1
