"""One token and one request rate for a fleet of processes, in Redis or Valkey (extra `redis`)."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, Self, TypeVar, cast

from attrs import frozen
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError

from .errors import ConfigurationError

__all__ = ["RedisRateLimit", "RedisTokenStore"]

_logger = logging.getLogger("sinch_provisioning.redis")

_UNREADABLE: Final = ""
"""Loaded in place of a value that the encryption key does not open; no saved token looks like it."""

_T = TypeVar("_T")


@frozen
class _Owned(Generic[_T]):
    """A thing of one event loop in one process: neither may use the other's sockets."""

    loop: asyncio.AbstractEventLoop
    pid: int
    thing: _T


class _PerLoop(Generic[_T]):
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


class RedisTokenStore:
    """A `TokenStore` in Redis: one token for each key, for all processes that use it.

    `redis` is a URL (`redis://`, `rediss://`, `unix://`) or a client of yours, which `aclose` leaves open. Values
    live as long as the token, and hold it in plain text unless there is an `encryption_key`: one that
    `cryptography.fernet.Fernet.generate_key()` made, or several, of which the first one encrypts. The key secret is
    never stored. `timeout` (seconds) bounds each exchange with Redis, and `lock_lifetime` how long a process that
    died holds up the others.
    """

    def __init__(
        self,
        redis: str | Redis | RedisCluster,
        *,
        encryption_key: str | bytes | Sequence[str | bytes] | None = None,
        timeout: float = 1.0,
        lock_lifetime: float = 10.0,
    ) -> None:
        self._given = None if isinstance(redis, str) else redis
        self._clients = _PerLoop(lambda: _client(str(redis), timeout))
        self._fernet = None if encryption_key is None else _fernet(encryption_key)
        self._lock_lifetime = lock_lifetime

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'plain' if self._fernet is None else 'encrypted'}>"

    def _redis(self) -> Redis | RedisCluster:
        return self._clients.get() if self._given is None else self._given

    async def load(self, key: str, /) -> str | None:
        """Return the value under `key`; one that can't be decrypted is returned as an unreadable one."""
        value = await self._redis().get(key)
        if value is None:
            return None
        content = value.encode() if isinstance(value, str) else value
        if self._fernet is None:
            return content.decode("utf-8", "replace")
        try:
            bound_key, _, text = self._fernet.decrypt(content).decode().partition("\n")
        except (InvalidToken, UnicodeDecodeError):
            return _UNREADABLE
        # What was encrypted for another key was moved here by somebody else.
        return text if bound_key == key else _UNREADABLE

    async def save(self, key: str, value: str, lifetime: float, /) -> None:
        """Keep `value` for `lifetime` seconds."""
        content = value.encode()
        if self._fernet is not None:
            content = self._fernet.encrypt(f"{key}\n{value}".encode())
        await self._redis().set(key, content, px=max(1, int(lifetime * 1000)))

    @asynccontextmanager
    async def lock(self, key: str, /) -> AsyncGenerator[None, None]:
        """Hold the lock of `key`; it is prolonged while its holder lives, and ends soon after."""
        lock = Lock(self._redis(), f"{key}:lock", timeout=self._lock_lifetime, sleep=0.05, thread_local=False)
        await lock.acquire()
        keeper = asyncio.create_task(self._prolong(lock), name="sinch_provisioning redis lock")
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
            try:
                await lock.release()
            except LockError:
                _logger.debug("a lock ended before its holder was done")

    async def _prolong(self, lock: Lock) -> None:
        while True:
            await asyncio.sleep(self._lock_lifetime / 3)
            try:
                await lock.reacquire()
            except (RedisError, OSError, TimeoutError):
                return

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        client = self._clients.take()
        if client is not None:
            await client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _client(url: str, timeout: float) -> Redis:
    # One more try serves a connection that a restart cut; the default's pauses would cost a call seconds.
    retry = Retry(NoBackoff(), 1)
    open_client = cast("Callable[..., Redis]", cast("Any", Redis).from_url)
    return open_client(url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry)


def _fernet(keys: str | bytes | Sequence[str | bytes]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in ([keys] if isinstance(keys, str | bytes) else keys)])
    except (ValueError, TypeError):
        pass
    raise ConfigurationError("encryption_key must be what Fernet.generate_key() makes, or several of that")


class RedisRateLimit:
    """A `RateLimit` for all processes that share a Redis: at most `limit` requests leave in any window of time.

    `limit` reads like "50/second" or "1000/minute"; `name` tells budgets apart. A Redis that fails or takes longer
    than `timeout` seconds costs one warning: requests leave unlimited, and it is asked again after `pause` seconds.
    """

    def __init__(
        self,
        url: str,
        limit: str,
        *,
        name: str = "sinch-provisioning",
        timeout: float = 0.5,
        pause: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        try:
            self._item: RateLimitItem = parse(limit)
        except ValueError:
            raise ConfigurationError('limit must read like "50/second" or "1000/minute"') from None
        # The library's own name for a socket file.
        self._url = f"redis+{url}" if url.startswith("unix://") else url
        self._name = name
        self._timeout = timeout
        self._pause = pause
        self._monotonic = monotonic
        self._sleep = sleep
        self._jitter = jitter
        self._resume_at = float("-inf")
        self._failing = False
        self._gates = _PerLoop(self._open)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._item}>"

    def _open(self) -> tuple[asyncio.Lock, MovingWindowRateLimiter]:
        storage = RedisStorage(
            self._url,
            implementation="redispy",
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
        )
        return asyncio.Lock(), MovingWindowRateLimiter(storage)

    async def wait(self) -> None:
        """Return when one more request may leave; first come, first served within a process."""
        turn, limiter = self._gates.get()
        async with turn:
            while self._monotonic() >= self._resume_at:
                try:
                    async with asyncio.timeout(self._timeout):
                        free_at = await self._ask(limiter)
                # The library passes on whatever its driver raises, and a limit must not become an outage.
                except Exception as error:
                    self._failed(error)
                    return
                self._failing = False
                if free_at is None:
                    return
                # A little random, so that the processes of a fleet don't all ask at the same moment.
                await self._sleep(max(0.0, free_at - time.time()) + 0.02 * self._jitter())

    async def _ask(self, limiter: MovingWindowRateLimiter) -> float | None:
        """Return None for a yes, or the wall time when asking again makes sense."""
        if await limiter.hit(self._item, self._name):
            return None
        return (await limiter.get_window_stats(self._item, self._name)).reset_time

    def _failed(self, error: Exception) -> None:
        self._resume_at = self._monotonic() + self._pause
        if not self._failing:
            self._failing = True
            _logger.warning(
                "the rate limit's Redis failed (%s); requests leave unlimited", type(error).__name__
            )

    async def aclose(self) -> None:
        """Close the connections."""
        gate = self._gates.take()
        if gate is not None:
            await cast("Any", gate[1].storage).bridge.storage.aclose()
