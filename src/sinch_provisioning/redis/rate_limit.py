"""One request rate for a fleet of processes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from ..errors import ConfigurationError
from .connections import PerLoop
from .outage import Outage


class RedisRateLimit:
    """A `RateLimit` for all processes that share a Redis: at most `limit` requests leave in any window of time.

    `limit` reads like "50/second" or "1000/minute"; `name` tells budgets apart. A Redis that fails or takes longer
    than `timeout` seconds costs one warning: requests leave unlimited, and it is asked again after `pause` seconds.
    """

    def __init__(
        self,
        url: str,
        limit: str,
        *,
        name: str = "sinch-provisioning",
        timeout: float = 0.5,
        pause: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        try:
            self._item: RateLimitItem = parse(limit)
        except ValueError:
            raise ConfigurationError('limit must read like "50/second" or "1000/minute"') from None
        # The library's own name for a socket file.
        self._url = f"redis+{url}" if url.startswith("unix://") else url
        self._name = name
        self._timeout = timeout
        self._outage = Outage(
            "the rate limit's Redis failed (%s); requests leave unlimited", pause=pause, monotonic=monotonic
        )
        self._sleep = sleep
        self._jitter = jitter
        self._gates = PerLoop(self._open)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._item}>"

    def _open(self) -> tuple[asyncio.Lock, MovingWindowRateLimiter]:
        storage = RedisStorage(
            self._url,
            implementation="redispy",
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
        )
        return asyncio.Lock(), MovingWindowRateLimiter(storage)

    async def wait(self) -> None:
        """Return when one more request may leave; first come, first served within a process."""
        turn, limiter = self._gates.get()
        async with turn:
            while not self._outage.lasts():
                try:
                    async with asyncio.timeout(self._timeout):
                        free_at = await self._ask(limiter)
                # The library passes on whatever its driver raises, and a limit must not become an outage.
                except Exception as error:
                    self._outage.failed(error)
                    return
                self._outage.ended()
                if free_at is None:
                    return
                # A little random, so that the processes of a fleet don't all ask at the same moment.
                await self._sleep(max(0.0, free_at - time.time()) + 0.02 * self._jitter())

    async def _ask(self, limiter: MovingWindowRateLimiter) -> float | None:
        """Return None for a yes, or the wall time when asking again makes sense."""
        if await limiter.hit(self._item, self._name):
            return None
        return (await limiter.get_window_stats(self._item, self._name)).reset_time

    async def aclose(self) -> None:
        """Close the connections."""
        gate = self._gates.take()
        if gate is not None:
            await cast("Any", gate[1].storage).bridge.storage.aclose()
