"""Deadlines: many calls on one timer, each ended when its own time is up."""

from __future__ import annotations

import asyncio
import math

from sinch_provisioning._http.deadlines import Deadlines


async def _held(deadlines: Deadlines, seconds: float, work: float) -> str:
    scope = asyncio.timeout(None)
    try:
        async with scope:
            deadlines.begin(scope, seconds)
            try:
                await asyncio.sleep(work)
            finally:
                deadlines.end(scope, seconds)
    except TimeoutError:
        return "ended"
    return "done"


async def test_each_scope_ends_when_its_own_time_is_up() -> None:
    """Short work is left alone, long work ends, whatever else shares its timer."""
    deadlines = Deadlines(asyncio.get_running_loop())
    works = [(0.03, 0.0), (0.03, 9.0), (0.05, 0.01), (0.05, 9.0), (math.inf, 0.0), (60.0, 0.0)]
    outcomes = await asyncio.gather(*(_held(deadlines, seconds, work) for seconds, work in works))
    assert outcomes == ["done", "ended", "done", "ended", "done", "done"]


async def test_a_later_scope_keeps_its_whole_time() -> None:
    """The timer that was set for an earlier scope does not end a later one too soon."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    first = asyncio.create_task(_held(deadlines, 0.06, 9.0))
    await asyncio.sleep(0.03)
    started = loop.time()
    assert await _held(deadlines, 0.06, 9.0) == "ended"
    assert loop.time() - started >= 0.055
    assert await first == "ended"


async def test_no_time_at_all_ends_at_the_first_wait() -> None:
    """A deadline of nothing lets no wait pass."""
    assert await _held(Deadlines(asyncio.get_running_loop()), 0.0, 9.0) == "ended"


async def test_an_idle_length_of_time_starts_again() -> None:
    """A timer that found nothing to end does not keep the next scope from being ended."""
    deadlines = Deadlines(asyncio.get_running_loop())
    assert await _held(deadlines, 0.02, 0.0) == "done"
    await asyncio.sleep(0.04)
    assert await _held(deadlines, 0.02, 9.0) == "ended"
