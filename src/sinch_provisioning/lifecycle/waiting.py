"""Waiting for a status, and watching one change, over what polling or events bring."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import aclosing
from typing import TypeVar

from .status import Progress, has_arrived

_T = TypeVar("_T")


async def arrival(
    states: AsyncGenerator[_T, None],
    wanted: Collection[str],
    progress: Callable[[_T], Progress],
    *,
    operation_id: str,
) -> _T:
    """Return the first of `states` that has one of the `wanted` statuses; raises LaunchRejectedError."""
    async with aclosing(states):
        async for sender in states:
            if has_arrived(sender, progress(sender), wanted, operation_id=operation_id):
                return sender
    raise AssertionError("polling ends by returning or raising")


async def changes(states: AsyncGenerator[_T, None], progress: Callable[[_T], Progress]) -> AsyncIterator[_T]:
    """Yield the first of `states`, then each whose progress differs, until the launch has ended."""
    last: Progress | None = None
    async with aclosing(states):
        async for sender in states:
            now = progress(sender)
            if now != last:
                yield sender
            last = now
            if now.settled:
                return
