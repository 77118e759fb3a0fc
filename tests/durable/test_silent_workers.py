"""Workers that stop without ending, machines that vanish, and clocks that differ."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sinch_provisioning.durable.database import Database, channels, orders, workers
from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import write_brands
from .cluster import cluster, why_not
from .fleet import Fleet, busiest_second, stop

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
NUMBER = 120


@pytest.fixture
def postgresql() -> Iterator[str]:
    """An empty PostgreSQL."""
    with cluster() as made:
        yield made.url


def _launched_once(emulator: Emulator) -> bool:
    names = Counter(sender.name for sender in emulator.senders)
    launched = all(sender.status == "LAUNCHED" for sender in emulator.senders)
    return launched and len(names) == NUMBER and set(names.values()) == {1}


async def test_a_worker_that_was_only_slow_acts_on_nothing_that_was_taken_from_it(
    tmp_path: Path, postgresql: str
) -> None:
    """Stopped amid quick requests and amid slow ones, and awake again when another one has done its work."""
    brands = write_brands(tmp_path / "brands.yaml", NUMBER)
    with cluster() as other:
        await asyncio.gather(_sleep_through(brands, postgresql, 0.01), _sleep_through(brands, other.url, 0.4))


async def _sleep_through(brands: Path, url: str, delay: float) -> None:
    emulator = Emulator(clock=RunningClock(), review=0.0)
    async with Fleet.on(emulator, url) as fleet:
        await fleet.order(brands, 1.0, 4.0)
        emulator.inject("createRcsSender", delay=delay, times=None)
        slow = await fleet.worker(60.0)
        await fleet.until(lambda: len(fleet.written()) > 30)
        slow.send_signal(signal.SIGSTOP)
        other = await fleet.worker(60.0)
        async with asyncio.timeout(60):
            await fleet.until_ended(NUMBER)
        assert _launched_once(emulator)
        before = len(fleet.sent())
        slow.send_signal(signal.SIGCONT)
        assert slow.stdout is not None
        async with asyncio.timeout(20):
            said = [await slow.stdout.readline() for _ in range(2)]
        assert b"taken for dead" in said[0]
        assert b"is ready" in said[1]
        await asyncio.sleep(1.0)
        assert len(fleet.sent()) == before
        assert busiest_second(fleet.sent()) <= 60
        assert await stop([slow, other]) == [0, 0]


async def test_locks_of_a_machine_that_vanished_are_not_waited_for_long(
    tmp_path: Path, postgresql: str
) -> None:
    """A transaction that says nothing any more, with every row locked, is ended; nobody loses a lease over it."""
    emulator = Emulator(clock=RunningClock(), review=0.0)
    async with Fleet.on(emulator, postgresql) as fleet:
        await fleet.order(write_brands(tmp_path / "brands.yaml", NUMBER), 1.0, 4.0)
        worker = await fleet.worker(60.0)
        await fleet.until(lambda: len(fleet.written()) > 30)
        vanished = Database.at(postgresql).engine.connect()
        for table in (workers, channels, orders):
            vanished.execute(sa.select(table.c.id).with_for_update())
        async with asyncio.timeout(60):
            await fleet.until_ended(NUMBER)
        vanished.invalidate()
        vanished.close()
        assert _launched_once(emulator)
        worker.send_signal(signal.SIGTERM)
        said, _ = await worker.communicate()
        assert said == b"", "it was never taken for dead"


async def test_clocks_that_differ_change_nothing(tmp_path: Path, postgresql: str) -> None:
    """One worker is a minute ahead, the other behind; the work of the one that dies is done within seconds."""
    emulator = Emulator(clock=RunningClock(), review=0.0)
    async with Fleet.on(emulator, postgresql) as fleet:
        await fleet.order(write_brands(tmp_path / "brands.yaml", NUMBER), 1.0, 4.0)
        fast, slow = await fleet.worker(60.0, ahead=60.0), await fleet.worker(60.0, ahead=-60.0)
        await fleet.until(lambda: len(fleet.written()) > 30)
        began = asyncio.get_running_loop().time()
        fast.kill()
        await fast.wait()
        last = await fleet.worker(60.0, ahead=60.0)
        slow.kill()
        await slow.wait()
        await fleet.until_ended(NUMBER)
        assert asyncio.get_running_loop().time() - began < 40
        assert _launched_once(emulator)
        assert busiest_second(fleet.sent()) <= 60
        assert await stop([last]) == [0]
