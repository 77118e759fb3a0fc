"""Polling a sender with growing pauses, or reading it when an event says that it changed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final, Protocol, TypeVar, cast

from attrs import Attribute, field, frozen

from ..clock import Clock
from ..errors import ConfigurationError, DeadlineExceededError, ProvisioningError, WaitTimeoutError
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _above_zero(_: object, attribute: Attribute[float], value: object) -> None:
    if not _is_number(value) or not cast("float", value) > 0:
        raise ConfigurationError(f"polling: {attribute.name} must be a number above 0")


def _not_shrinking(_: object, attribute: Attribute[float], value: object) -> None:
    if not _is_number(value) or not cast("float", value) >= 1:
        raise ConfigurationError(f"polling: {attribute.name} must be a number of at least 1")


@frozen
class Polling:
    """Pauses between two polls in seconds: `first_pause`, then multiplied by `growth` up to `longest_pause`."""

    first_pause: float = field(default=FIRST_PAUSE, validator=_above_zero)
    longest_pause: float = field(default=LONGEST_PAUSE, validator=_above_zero)
    growth: float = field(default=PAUSE_GROWTH, validator=_not_shrinking)


FALLBACK_POLLING: Final = Polling(first_pause=600.0, longest_pause=3600.0)
"""For a wait that hears events: it polls in case one was lost."""

# Seconds until a read that shows another state than its event announced is repeated.
_SETTLING_PAUSE: Final = 5.0


def check_wait(timeout: object, polling: object = None, events: object = None) -> None:
    """Refuse what no wait can use, before anything is sent; raises ConfigurationError."""
    if timeout is not None and not (_is_number(timeout) and cast("float", timeout) >= 0):
        raise ConfigurationError("timeout must be a number of seconds, or None for no limit")
    if polling is not None and not isinstance(polling, Polling):
        raise ConfigurationError(f"polling must be a Polling, not {type(polling).__name__}")
    if events is not None and not callable(getattr(events, "subscribe", None)):
        raise ConfigurationError(f"events must be an EventHub or its like, not {type(events).__name__}")


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
