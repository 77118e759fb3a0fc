"""Connections to Redis: one client for each event loop and process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from attrs import frozen
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

FAILURES = (RedisError, OSError, TimeoutError)
"""What a Redis that is down, slow or in a wrong state raises."""

_T = TypeVar("_T")


@frozen
class _Owned(Generic[_T]):
    """A thing of one event loop in one process: neither may use the other's sockets."""

    loop: asyncio.AbstractEventLoop
    pid: int
    thing: _T


class PerLoop(Generic[_T]):
    """Makes a thing anew for each event loop and after a fork."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._owned: _Owned[_T] | None = None

    def get(self) -> _T:
        """Return the running loop's own."""
        loop, pid, owned = asyncio.get_running_loop(), os.getpid(), self._owned
        if owned is None or owned.loop is not loop or owned.pid != pid:
            self._owned = owned = _Owned(loop, pid, self._make())
        return owned.thing

    def take(self) -> _T | None:
        """Return the running loop's own, if there is one, and forget it."""
        owned, self._owned = self._owned, None
        if owned is None or owned.loop is not asyncio.get_running_loop() or owned.pid != os.getpid():
            return None
        return owned.thing


def open_client(url: str, timeout: float) -> Redis:
    """Return a client with `timeout` seconds for each exchange."""
    # One more try serves a connection that a restart cut; the default's pauses would cost a call seconds.
    retry = Retry(NoBackoff(), 1)
    from_url = cast("Callable[..., Redis]", cast("Any", Redis).from_url)
    return from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a task that talks to Redis, and return when it has ended.

    Python 3.11's `wait_for`, which redis-py sends with, drops a cancellation that comes when the sending is done; so
    it is repeated.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.05)


class Connection:
    """A client of the caller's, or one that is opened from a URL for each event loop and closed here."""

    def __init__(self, redis: str | Redis | RedisCluster, *, timeout: float) -> None:
        self._given = None if isinstance(redis, str) else redis
        self._clients = PerLoop(lambda: open_client(str(redis), timeout))

    def client(self) -> Redis | RedisCluster:
        """Return the running loop's client."""
        return self._clients.get() if self._given is None else self._given

    async def aclose(self) -> None:
        """Close what was opened here."""
        client = self._clients.take()
        if client is not None:
            await client.aclose()
