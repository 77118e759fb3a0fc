"""Polling a sender with growing pauses, or reading it when an event says that it changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final, Protocol, TypeVar

from attrs import field, frozen

from ..clock import Clock
from ..errors import DeadlineExceededError, ProvisioningError, WaitTimeoutError
from .status import status_of

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
PAUSE_GROWTH: Final = 1.5

_T = TypeVar("_T")


class SenderEvent(Protocol):
    """What a wait has to know of an event."""

    @property
    def current_state(self) -> str | None:
        """The state that the event announces, where it does."""
        ...


class EventSource(Protocol):
    """Where a wait hears of changes: `EventHub` and `RedisEventHub` are ones."""

    def subscribe(
        self, sender_id: str | None, /, *, max_pending: int
    ) -> AbstractAsyncContextManager[AsyncIterator[SenderEvent]]:
        """Iterate over the events of one sender; the newest `max_pending` of those not yet taken are kept."""
        ...


@frozen
class Polling:
    """Pauses between two polls in seconds: `first_pause`, then multiplied by `growth` up to `longest_pause`."""

    first_pause: float = field(default=FIRST_PAUSE)
    longest_pause: float = field(default=LONGEST_PAUSE)
    growth: float = field(default=PAUSE_GROWTH)


FALLBACK_POLLING: Final = Polling(first_pause=600.0, longest_pause=3600.0)
"""For a wait that hears events: it polls in case one was lost."""

# Seconds until a read that shows another state than its event announced is repeated.
_SETTLING_PAUSE: Final = 5.0


async def poll(
    get: Callable[[str | None], Awaitable[_T]],
    sender_id: str | None,
    *,
    clock: Clock,
    polling: Polling | None,
    timeout: float | None,
    operation_id: str,
    events: EventSource | None = None,
) -> AsyncGenerator[_T, None]:
    """Yield the sender now, after each event and after each pause.

    A failure that may pass (`ProvisioningError.retryable`) is polled through: the wait outlives outages. Raises
    WaitTimeoutError once `timeout` seconds have passed, with the last such failure as its cause.
    """
    if polling is None:
        polling = Polling() if events is None else FALLBACK_POLLING
    ends = None if timeout is None else clock.monotonic() + timeout
    pause = polling.first_pause
    last: _T | None = None
    event: SenderEvent | None = None
    # Subscribed before the first read, so that no change falls between the two.
    async with nullcontext() if events is None else events.subscribe(sender_id, max_pending=1) as changes:
        while True:
            left = None if ends is None else max(0.0, ends - clock.monotonic())
            outage: ProvisioningError | None = None
            try:
                last = await _get_in_time(get, sender_id, left)
            except ProvisioningError as error:
                if not error.retryable:
                    raise
                outage = error
            if outage is None and last is not None:
                yield last
            left = None if ends is None else ends - clock.monotonic()
            if left is not None and left <= 0:
                raise _timed_out(last, operation_id) from outage
            sleep = pause
            if event is not None and event.current_state not in (None, status_of(last)):
                sleep = min(pause, _SETTLING_PAUSE)
            sleep = sleep if left is None else min(sleep, left)
            event = await _sleep_or_hear(clock, sleep, changes)
            if event is None:
                pause = min(polling.longest_pause, pause * polling.growth)


async def _sleep_or_hear(
    clock: Clock, seconds: float, changes: AsyncIterator[SenderEvent] | None
) -> SenderEvent | None:
    """Return the next event, or None after `seconds`; leaves no task behind, however it ends."""
    if changes is None:
        await clock.sleep(seconds)
        return None
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    hearing = asyncio.ensure_future(anext(changes))
    try:
        await asyncio.wait((sleeping, hearing), return_when=asyncio.FIRST_COMPLETED)
        return hearing.result() if hearing.done() else None
    finally:
        sleeping.cancel()
        hearing.cancel()
        await asyncio.wait((sleeping, hearing))


async def _get_in_time(
    get: Callable[[str | None], Awaitable[_T]], sender_id: str | None, left: float | None
) -> _T:
    """Get the sender within `left` seconds: a server that hangs must not prolong the wait."""
    if left is None or left <= 0:
        return await get(sender_id)
    scope = asyncio.timeout(left)
    try:
        async with scope:
            return await get(sender_id)
    except TimeoutError:
        if not scope.expired():
            raise
    raise DeadlineExceededError("no reply within the time left for the wait")


def _timed_out(sender: object, operation_id: str) -> ProvisioningError:
    if sender is None:
        return DeadlineExceededError(
            "waiting for a sender: it could not be read within the timeout; allow a longer one",
            operation_id=operation_id,
        )
    return WaitTimeoutError(
        f"sender {getattr(sender, 'id', None)} is still {status_of(sender)} after the timeout; "
        "approval can take days: wait again",
        sender=sender,
        operation_id=operation_id,
    )
