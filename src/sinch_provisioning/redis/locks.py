"""Locks for a fleet of processes, so that two of them don't create one sender twice."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import Self

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from ..lifecycle.keyed_locks import KeyedLocks
from .connections import FAILURES, Connection, stop
from .outage import Outage

_logger = logging.getLogger("sinch_provisioning.redis")


class ProlongedLock:
    """redis-py's lock, prolonged while its holder lives, so that it ends `lifetime` seconds after a crash."""

    def __init__(self, redis: Redis | RedisCluster, name: str, lifetime: float) -> None:
        self._lock = Lock(redis, name, timeout=lifetime, sleep=0.05, thread_local=False)
        self._lifetime = lifetime
        self._keeper: asyncio.Task[None] | None = None

    async def acquire(self) -> None:
        """Wait until it is free, and take it."""
        await self._lock.acquire()
        self._keeper = asyncio.create_task(self._prolong(), name="sinch_provisioning redis lock")

    async def release(self) -> None:
        """Give it back."""
        if self._keeper is not None:
            await stop(self._keeper)
        try:
            await self._lock.release()
        except LockError:
            _logger.debug("a lock ended before its holder was done")

    async def _prolong(self) -> None:
        while True:
            await asyncio.sleep(self._lifetime / 3)
            try:
                await self._lock.reacquire()
            except FAILURES:
                return


class RedisLocks:
    """`Locks` for all processes that share a Redis: one holder of a key at a time, over the whole fleet.

    `redis` is a URL or a client of yours, which `aclose` leaves open; `name` tells applications apart. A lock ends
    with its holder, at most `lock_lifetime` seconds after a crash. A Redis that fails or takes longer than `timeout`
    seconds costs one warning: calls in one process still wait for each other, and those in others don't.
    """

    def __init__(
        self,
        redis: str | Redis | RedisCluster,
        *,
        name: str = "sinch-provisioning",
        timeout: float = 1.0,
        lock_lifetime: float = 10.0,
    ) -> None:
        self._connection = Connection(redis, timeout=timeout)
        self._name = name
        self._lock_lifetime = lock_lifetime
        self._outage = Outage("the locks' Redis failed (%s); only calls in one process wait for each other")
        # Within a process first come, first served, and one poll of Redis for all who wait.
        self._local = KeyedLocks()

    @asynccontextmanager
    async def hold(self, key: Hashable, /) -> AsyncGenerator[None, None]:
        """Wait for the turn at `key`, whose repr must be the same in all processes."""
        async with self._local.hold(key):
            lock = await self._acquire(key)
            try:
                yield
            finally:
                if lock is not None:
                    await self._release(lock)

    async def _acquire(self, key: Hashable) -> ProlongedLock | None:
        if self._outage.lasts():
            return None
        # A digest, since a key holds names that are nobody's business in Redis.
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        lock = ProlongedLock(self._connection.client(), f"{self._name}:lock:{digest}", self._lock_lifetime)
        try:
            await lock.acquire()
        except FAILURES as error:
            self._outage.failed(error)
            return None
        self._outage.ended()
        return lock

    async def _release(self, lock: ProlongedLock) -> None:
        try:
            await lock.release()
        except FAILURES as error:
            self._outage.failed(error)

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
