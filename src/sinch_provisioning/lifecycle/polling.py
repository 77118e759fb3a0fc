"""Polling a sender with growing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, TypeVar

from attrs import field, frozen

from ..clock import Clock
from ..errors import DeadlineExceededError, WaitTimeoutError
from .status import status_of

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
PAUSE_GROWTH: Final = 1.5

_T = TypeVar("_T")


@frozen
class Polling:
    """Pauses between two polls in seconds: `first_pause`, then multiplied by `growth` up to `longest_pause`."""

    first_pause: float = field(default=FIRST_PAUSE)
    longest_pause: float = field(default=LONGEST_PAUSE)
    growth: float = field(default=PAUSE_GROWTH)


async def poll(
    get: Callable[[str | None], Awaitable[_T]],
    sender_id: str | None,
    *,
    clock: Clock,
    polling: Polling,
    timeout: float | None,
    operation_id: str,
) -> AsyncGenerator[_T, None]:
    """Yield the sender now and after each pause; raises WaitTimeoutError once `timeout` seconds have passed."""
    ends = None if timeout is None else clock.monotonic() + timeout
    pause = polling.first_pause
    last: _T | None = None
    while True:
        left = None if ends is None else max(0.0, ends - clock.monotonic())
        last = await _get_in_time(get, sender_id, left, last, operation_id)
        yield last
        left = None if ends is None else ends - clock.monotonic()
        if left is not None and left <= 0:
            raise _timed_out(last, operation_id)
        await clock.sleep(pause if left is None else min(pause, left))
        pause = min(polling.longest_pause, pause * polling.growth)


async def _get_in_time(
    get: Callable[[str | None], Awaitable[_T]],
    sender_id: str | None,
    left: float | None,
    last: _T | None,
    operation_id: str,
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
    if last is None:
        raise DeadlineExceededError(
            "waiting for a sender: no reply within the timeout; allow a longer one", operation_id=operation_id
        )
    raise _timed_out(last, operation_id)


def _timed_out(sender: object, operation_id: str) -> WaitTimeoutError:
    return WaitTimeoutError(
        f"sender {getattr(sender, 'id', None)} is still {status_of(sender)} after the timeout; "
        "approval can take days: wait again",
        sender=sender,
        operation_id=operation_id,
    )
