"""A real Redis (Valkey): one for all tests of a file, one that may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from ..valkey import Valkey, running


@pytest.fixture(scope="module")
def shared_valkey() -> Iterator[Valkey]:
    """Start one server for a file; nobody kills it."""
    with running() as server:
        yield server


@pytest.fixture
async def valkey(shared_valkey: Valkey) -> Valkey:
    """Give a server with nothing in it."""
    async with Redis.from_url(shared_valkey.url) as redis:
        await redis.flushall()
    return shared_valkey


@pytest.fixture
def mortal_valkey() -> Iterator[Valkey]:
    """Give a server of the test's own, to kill and freeze."""
    with running() as server:
        yield server
