"""Locks for a fleet: exclusive, ended with their holder, and no outage when Redis has one."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis

from sinch_provisioning.lifecycle.keyed_locks import Locks
from sinch_provisioning.redis import RedisLocks

from ..valkey import Valkey

KEY = ("rcs", "project", "Canary Brand")

# A process that takes the lock, says so, and keeps it.
HOLDER = """
import asyncio, sys
from sinch_provisioning.redis import RedisLocks

async def main(url):
    async with RedisLocks(url, lock_lifetime=0.6) as locks, locks.hold(("rcs", "project", "Canary Brand")):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(sys.argv[1]))
"""


class Counter:
    """Counts how many are inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = self.total = 0

    async def visit(self, locks: Locks, key: object = KEY, stay: float = 0.005) -> None:
        """Enter, stay, and leave."""
        async with locks.hold(key):
            self.inside += 1
            self.total += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(stay)
            self.inside -= 1


async def test_one_holder_at_a_time_over_the_fleet(valkey: Valkey) -> None:
    """Three instances with ten tasks each never overlap for one key, and do for different ones."""
    async with AsyncExitStack() as stack:
        fleet = [await stack.enter_async_context(RedisLocks(valkey.url)) for _ in range(3)]
        same, different = Counter(), Counter()
        await asyncio.gather(*(same.visit(each) for each in fleet for _ in range(10)))
        assert (same.most, same.total) == (1, 30)
        await asyncio.gather(*(different.visit(each, index, 0.05) for index, each in enumerate(fleet)))
        assert different.most == 3


async def test_a_lock_ends_with_its_holder(valkey: Valkey) -> None:
    """A process killed while it holds the lock holds up the others for the lock's lifetime and no longer."""
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, valkey.url), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    # Longer than the lock's lifetime: its holder lives, so it still holds it.
    await asyncio.sleep(0.8)
    async with RedisLocks(valkey.url) as locks:
        waiting = asyncio.create_task(Counter().visit(locks))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        holder.send_signal(signal.SIGKILL)
        await holder.wait()
        started = time.monotonic()
        await waiting
        assert time.monotonic() - started < 2


async def test_a_cancelled_wait_leaves_nothing(valkey: Valkey) -> None:
    """Who gives up waiting holds nothing, and the next one is served."""
    async with RedisLocks(valkey.url) as one, RedisLocks(valkey.url) as two:
        async with one.hold(KEY):
            waiting = asyncio.create_task(Counter().visit(two))
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with asyncio.timeout(1), two.hold(KEY):
            pass
    async with Redis.from_url(valkey.url) as redis:
        assert await redis.keys("*") == []


async def test_redis_holds_no_names(valkey: Valkey) -> None:
    """A key in Redis says whose application it is, and nothing of the sender."""
    redis: Any = Redis.from_url(valkey.url)
    async with redis, RedisLocks(redis, name="mine") as locks:
        async with locks.hold(KEY):
            [key] = await redis.keys("*")
            assert key.startswith(b"mine:lock:")
            assert b"Canary" not in key
            assert 0 < await redis.pttl(key) <= 10_000
        assert await redis.ping()


@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_a_redis_that_is_down_is_one_warning(
    mortal_valkey: Valkey, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """Within the process calls still wait for each other, and none is delayed more than once."""
    async with RedisLocks(mortal_valkey.url, timeout=0.2) as locks:
        await Counter().visit(locks)
        getattr(mortal_valkey, how)()
        counter, started = Counter(), time.monotonic()
        await asyncio.gather(*(counter.visit(locks) for _ in range(20)))
        assert (counter.most, counter.total) == (1, 20)
        assert time.monotonic() - started < 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_redis_dying_under_a_holder_fails_no_call(
    mortal_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """What was begun under the lock ends as it would, with a warning."""
    async with RedisLocks(mortal_valkey.url, timeout=0.2, lock_lifetime=0.3) as locks:
        async with locks.hold(KEY):
            mortal_valkey.kill()
            await asyncio.sleep(0.3)
        mortal_valkey.start()
        async with locks.hold(KEY):
            pass
    assert len(caplog.records) == 1


async def test_a_failure_of_the_callers_passes_through(valkey: Valkey) -> None:
    """What is raised under the lock is raised, and the lock given back."""
    async with RedisLocks(valkey.url) as locks:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                async with asyncio.timeout(1), locks.hold(KEY):
                    raise ZeroDivisionError
