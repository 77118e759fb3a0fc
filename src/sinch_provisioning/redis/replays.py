"""One memory of webhook nonces for a fleet of processes."""

from __future__ import annotations

import hashlib
from typing import Self

from redis.asyncio import Redis, RedisCluster

from ..webhooks import MemoryReplays
from .connections import FAILURES, Connection
from .outage import Outage


class RedisReplays:
    """`Replays` for all processes that share a Redis: a delivery that one of them accepted is refused by all.

    `redis` is a URL or a client of yours, which `aclose` leaves open; `name` tells applications apart. A Redis that
    fails or takes longer than `timeout` seconds costs one warning: each process then knows only what it accepted
    itself, and Redis is asked again after `pause` seconds.
    """

    def __init__(
        self,
        redis: str | Redis | RedisCluster,
        *,
        name: str = "sinch-provisioning",
        timeout: float = 0.5,
        pause: float = 5.0,
    ) -> None:
        self._connection = Connection(redis, timeout=timeout)
        self._name = name
        self._outage = Outage(
            "the webhooks' Redis failed (%s); deliveries are accepted, also those another process had",
            pause=pause,
        )
        self._local = MemoryReplays()

    async def claim(self, nonce: str, lifetime: float, /) -> bool:
        """Remember `nonce` for `lifetime` seconds; False where it is remembered already."""
        if not self._local.claim(nonce, lifetime):
            return False
        if self._outage.lasts():
            return True
        milliseconds = max(1, int(lifetime * 1000))
        try:
            claimed = await self._connection.client().set(self._key(nonce), b"1", nx=True, px=milliseconds)
        except FAILURES as error:
            self._outage.failed(error)
            return True
        self._outage.ended()
        return bool(claimed)

    async def release(self, nonce: str, /) -> None:
        """Forget `nonce`."""
        self._local.release(nonce)
        try:
            await self._connection.client().delete(self._key(nonce))
        except FAILURES as error:
            self._outage.failed(error)

    def _key(self, nonce: str) -> str:
        # A digest, since a nonce is whatever a header said.
        return f"{self._name}:nonce:{hashlib.sha256(nonce.encode()).hexdigest()[:32]}"

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
