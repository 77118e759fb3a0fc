"""Launching an RCS sender and waiting for its approval."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from typing import Final, cast

from attrs import field, frozen

from sinch_provisioning_api.models import RcsSender

from ._clock import Clock
from ._status import FAILED, LAUNCHED, UNDER_WAY, status_of
from .errors import (
    ConfigurationError,
    DeadlineExceededError,
    LaunchNotReadyError,
    LaunchRejectedError,
    PreconditionFailedError,
    WaitTimeoutError,
)
from .readiness import LAUNCH_REQUIREMENTS

__all__ = [
    "FAILED",
    "FIRST_PAUSE",
    "LAUNCHED",
    "LONGEST_PAUSE",
    "PAUSE_GROWTH",
    "UNDER_WAY",
    "Polling",
    "check_arrived",
    "named_fields",
    "not_ready",
    "poll",
    "settled",
    "status_of",
    "statuses",
    "under_way",
]

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
PAUSE_GROWTH: Final = 1.5


@frozen
class Polling:
    """How a sender is watched: pauses in seconds, growing from `first_pause` by `growth` up to `longest_pause`."""

    first_pause: float = field(default=FIRST_PAUSE)
    longest_pause: float = field(default=LONGEST_PAUSE)
    growth: float = field(default=PAUSE_GROWTH)


async def poll(
    get: Callable[[], Awaitable[RcsSender]], clock: Clock, polling: Polling, timeout: float | None
) -> AsyncGenerator[RcsSender, None]:
    """Yield what `get` returns now and after each pause; raises WaitTimeoutError once `timeout` seconds have passed."""
    ends = None if timeout is None else clock.monotonic() + timeout
    pause = polling.first_pause
    last: RcsSender | None = None
    while True:
        last = await _seen(get, last, None if ends is None else max(0.0, ends - clock.monotonic()))
        yield last
        left = None if ends is None else ends - clock.monotonic()
        if left is not None and left <= 0:
            raise _timed_out(last)
        await clock.sleep(pause if left is None else min(pause, left))
        pause = min(polling.longest_pause, pause * polling.growth)


async def _seen(
    get: Callable[[], Awaitable[RcsSender]], last: RcsSender | None, left: float | None
) -> RcsSender:
    """Get the sender; a server that hangs must not hold up the end of the waiting."""
    if left is None or left <= 0:
        return await get()
    scope = asyncio.timeout(left)
    try:
        async with scope:
            return await get()
    except TimeoutError:
        if not scope.expired():
            raise
    if last is None:
        raise DeadlineExceededError(
            "waiting for a sender: no reply within the time given; allow a longer timeout",
            operation_id="getRcsSender",
        )
    raise _timed_out(last)


def _timed_out(sender: RcsSender) -> WaitTimeoutError:
    return WaitTimeoutError(
        f"sender {sender.id} is {status_of(sender)} after the time given; approval takes days, wait again",
        sender=sender,
        operation_id="getRcsSender",
    )


def statuses(until: str | Iterable[str]) -> frozenset[str]:
    """Return the awaited statuses as a set; one may be given by itself."""
    wanted = frozenset([until] if isinstance(until, str) else until)
    if not wanted or not all(isinstance(status, str) and status for status in wanted):
        raise ConfigurationError("until must name at least one status, such as 'LAUNCHED'")
    return wanted


def check_arrived(sender: RcsSender, wanted: Collection[str]) -> bool:
    """Whether the sender is where it was awaited; raises LaunchRejectedError where it can't get there."""
    status = status_of(sender)
    if status in wanted:
        return True
    if status in FAILED:
        raise LaunchRejectedError(
            f"sender {sender.id} came to {status}: read what the carriers said, correct the brand, launch again",
            sender=sender,
            operation_id="getRcsSender",
        )
    return False


def settled(sender: RcsSender) -> bool:
    """Whether a sender's launch has come to its end, good or bad."""
    status = status_of(sender)
    return status == LAUNCHED or status in FAILED


def under_way(sender: RcsSender) -> bool:
    """Whether a sender is launching or launched, so that no launch is to be sent."""
    return status_of(sender) in UNDER_WAY


def not_ready(error: PreconditionFailedError, sender_fields: tuple[str, ...]) -> LaunchNotReadyError:
    """Turn a launch's 412 into the error that names what is missing."""
    missing = named_fields(error.details) or sender_fields
    ready = LaunchNotReadyError(
        f"{error}; missing: {', '.join(missing)}" if missing else str(error),
        status_code=error.status_code,
        error_code=error.error_code,
        message=error.message,
        resolution=error.resolution,
        details=error.details,
        request_id=error.request_id,
        retry_after=error.retry_after,
        body=error.body,
        operation_id=error.operation_id,
        attempts=error.attempts,
    )
    ready.missing = missing
    return ready


def named_fields(details: object) -> tuple[str, ...]:
    """Return the launch requirements that an error's details name, as Python names, whatever the details' shape."""
    python_names = {_camel(name): name for group in LAUNCH_REQUIREMENTS for name in group}
    found: list[str] = []

    # A list of what is to be looked at instead of calls within calls: a server may nest deeper than those may be.
    rest: list[object] = [details]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            field_name = python_names.get(value, value)
            if field_name in python_names.values() and field_name not in found:
                found.append(field_name)
        elif isinstance(value, dict):
            pairs = cast("dict[str, object]", value).items()
            rest += [part for pair in reversed(pairs) for part in reversed(pair)]
        elif isinstance(value, list):
            rest += reversed(cast("list[object]", value))
    return tuple(found)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
