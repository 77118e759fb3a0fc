"""Running a handler after the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, ProvisioningError
from .event import WebhookEvent

_logger = logging.getLogger("sinch_provisioning.webhooks")

Handler = Callable[[WebhookEvent], Awaitable[object]]

_FIRST_PAUSE: Final = 1.0


class BackgroundHandler:
    """Runs `handler` for each event in a task of its own, and again where it raises, up to `attempts` times.

    Pauses double from 1 s. Events are kept in memory only: those not handled yet end with the process. At most
    `max_pending` are under way, and a further one is refused.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        attempts: int = 5,
        max_pending: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        if not callable(handler):
            raise ConfigurationError("handler must be a coroutine function that takes a WebhookEvent")
        self._handler = handler
        self._attempts = attempts
        self._max_pending = max_pending
        self._clock = SystemClock() if clock is None else clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def publish(self, event: WebhookEvent, /) -> None:
        """Start the handler without waiting for it; raises ProvisioningError where too many are under way."""
        if len(self._tasks) >= self._max_pending:
            raise ProvisioningError(
                f"{self._max_pending} events are waiting for the handler: make it faster, or answer 503"
            )
        task = asyncio.create_task(self._run(event), name=f"sinch_provisioning webhook {event.type}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self, *, drain: float = 5.0) -> None:
        """Give the handlers under way `drain` seconds to end, then cancel them."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=drain)
        for task in late:
            task.cancel()
        if late:
            _logger.error("%d events are lost: their handlers had not ended", len(late))
            await asyncio.wait(late)

    async def _run(self, event: WebhookEvent) -> None:
        for attempt in range(1, self._attempts + 1):
            try:
                await self._handler(event)
            # The caller's own code: whatever it raises, the event is worth another attempt.
            except Exception:
                _logger.exception(
                    "the handler of a %s event of sender %s failed (attempt %d of %d)",
                    event.type,
                    event.sender_id,
                    attempt,
                    self._attempts,
                )
                if attempt < self._attempts:
                    await self._clock.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
            else:
                return
