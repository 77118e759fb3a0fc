"""Which nonces were seen, so that no delivery is accepted twice."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Protocol

from ..clock import Clock, SystemClock

_logger = logging.getLogger("sinch_provisioning.webhooks")


class Replays(Protocol):
    """A memory of nonces; `sinch_provisioning.redis` has one for a whole fleet of processes.

    Its methods may be coroutines. One that raises costs a warning and no delivery, which is then accepted.
    """

    def claim(self, nonce: str, lifetime: float, /) -> bool | Awaitable[bool]:
        """Remember `nonce` for `lifetime` seconds; False where it is remembered already."""
        ...

    def release(self, nonce: str, /) -> Awaitable[None] | None:
        """Forget `nonce`: its delivery could not be handed over, and may come again."""
        ...


class MemoryReplays:
    """The nonces that this process has seen, at most `max_size` of them; a fuller memory forgets the oldest."""

    def __init__(self, *, max_size: int = 100_000, clock: Clock | None = None) -> None:
        self._max_size = max_size
        self._clock = SystemClock() if clock is None else clock
        self._ends: dict[str, float] = {}
        self._full = False

    def claim(self, nonce: str, lifetime: float, /) -> bool:
        """Remember `nonce` for `lifetime` seconds; False where it is remembered already."""
        now = self._clock.monotonic()
        if self._ends.get(nonce, now) > now:
            return False
        self._ends.pop(nonce, None)
        self._ends[nonce] = now + lifetime
        self._forget(now)
        return True

    def release(self, nonce: str, /) -> None:
        """Forget `nonce`."""
        self._ends.pop(nonce, None)

    def _forget(self, now: float) -> None:
        # In the order they came, which is nearly the order they end in.
        while self._ends:
            nonce, ends = next(iter(self._ends.items()))
            if ends > now:
                if len(self._ends) <= self._max_size:
                    return
                if not self._full:
                    self._full = True
                    _logger.warning("more than %d nonces in memory: the oldest are forgotten", self._max_size)
            del self._ends[nonce]
