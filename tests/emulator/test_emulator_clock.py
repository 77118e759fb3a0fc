"""Clocks: one that nobody waits for, one that runs."""

from __future__ import annotations

import asyncio

import pytest

from sinch_provisioning_emulator import EmulatorError, RunningClock, VirtualClock


async def test_sleep_takes_no_time_and_moves_the_clock() -> None:
    """A month is slept through at once."""
    clock = VirtualClock(start=1_000.0)
    await clock.sleep(30 * 86_400)
    assert (clock.monotonic(), clock.time()) == (30 * 86_400, 1_000.0 + 30 * 86_400)


async def test_sleepers_wake_in_the_order_of_their_ends() -> None:
    """Who sleeps less wakes first, whoever began first; sleeping until the same moment moves the clock once."""
    clock = VirtualClock()
    woken: list[tuple[float, float]] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    await asyncio.gather(*(sleeper(seconds) for seconds in (60, 1, 5, 5)))
    assert woken == [(1, 1), (5, 5), (5, 5), (60, 60)]


async def test_a_cancelled_sleeper_holds_nobody_up() -> None:
    """The clock forgets who no longer sleeps."""
    clock = VirtualClock()
    early = asyncio.create_task(clock.sleep(1))
    late = asyncio.create_task(clock.sleep(10))
    early.cancel()
    await asyncio.wait_for(late, 5)
    assert clock.monotonic() == 10


async def test_an_advance_wakes_who_slept_less() -> None:
    """A sleep that ended in the past ends now, and the clock does not go back."""
    clock = VirtualClock()
    sleeper = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    clock.advance(days=3)
    await sleeper
    assert clock.monotonic() == 3 * 86_400


def test_a_running_clock_is_as_fast_as_it_is_told() -> None:
    """It follows the machine's time by its factor, and can be pushed."""
    machine = [100.0]
    clock = RunningClock(speed=60, start=0.0, monotonic=lambda: machine[0])
    machine[0] += 2
    assert clock.time() == 120
    clock.advance(hours=1)
    assert clock.time() == 3_720


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_time_moves_forward_only(seconds: float) -> None:
    """Anything else is refused, by both clocks."""
    for clock in (VirtualClock(), RunningClock()):
        with pytest.raises(EmulatorError, match="advanced"):
            clock.advance(seconds=seconds)
    with pytest.raises(EmulatorError, match="speed"):
        RunningClock(speed=seconds)
