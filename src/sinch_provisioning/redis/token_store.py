"""One token for a fleet of processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from redis.asyncio import Redis, RedisCluster

from ..errors import ConfigurationError
from .connections import Connection
from .locks import ProlongedLock

_UNREADABLE: Final = ""
"""Loaded in place of a value that the encryption key does not open; no saved token looks like it."""


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
        self._connection = Connection(redis, timeout=timeout)
        self._fernet = None if encryption_key is None else _fernet(encryption_key)
        self._lock_lifetime = lock_lifetime

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'plain' if self._fernet is None else 'encrypted'}>"

    async def load(self, key: str, /) -> str | None:
        """Return the value under `key`; one that can't be decrypted is returned as an unreadable one."""
        value = await self._connection.client().get(key)
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
        await self._connection.client().set(key, content, px=max(1, int(lifetime * 1000)))

    @asynccontextmanager
    async def lock(self, key: str, /) -> AsyncGenerator[None, None]:
        """Hold the lock of `key`; it is prolonged while its holder lives, and ends soon after."""
        lock = ProlongedLock(self._connection.client(), f"{key}:lock", self._lock_lifetime)
        await lock.acquire()
        try:
            yield
        finally:
            await lock.release()

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _fernet(keys: str | bytes | Sequence[str | bytes]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in ([keys] if isinstance(keys, str | bytes) else keys)])
    except (ValueError, TypeError):
        pass
    raise ConfigurationError("encryption_key must be what Fernet.generate_key() makes, or several of that")
