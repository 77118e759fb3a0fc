"""Nonces for a fleet: refused by all, forgotten in time, and no delivery lost when Redis is down."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from sinch_provisioning import WebhookSignatureError
from sinch_provisioning.redis import RedisReplays
from sinch_provisioning.webhooks import WebhookVerifier

from ..valkey import Valkey
from ..webhooks.deliveries import SECRET, encode, sign, status_updated

BODY = encode(status_updated())


async def test_what_one_process_accepted_all_refuse(valkey: Valkey) -> None:
    """Of fifty at once, in five instances, one is the first."""
    fleet = [RedisReplays(valkey.url) for _ in range(5)]
    claims = await asyncio.gather(*(each.claim("nonce", 60) for each in fleet for _ in range(10)))
    assert sum(claims) == 1
    await fleet[0].release("nonce")
    for each in fleet:
        await each.aclose()


async def test_a_released_nonce_is_accepted_where_it_was_claimed_and_elsewhere(valkey: Valkey) -> None:
    """The next attempt may arrive at any process."""
    async with RedisReplays(valkey.url) as one, RedisReplays(valkey.url) as two:
        assert await one.claim("nonce", 60)
        await one.release("nonce")
        assert await two.claim("nonce", 60)
        assert not await one.claim("nonce", 60)


async def test_redis_keeps_a_digest_for_as_long_as_the_delivery_is_young(valkey: Valkey) -> None:
    """No header's text is in Redis, and nothing stays."""
    redis: Any = Redis.from_url(valkey.url)
    async with redis, RedisReplays(redis, name="mine") as replays:
        verifier = WebhookVerifier(SECRET, replays=replays, tolerance=100)
        headers = sign(BODY, at=time.time(), nonce="canary-nonce")
        await verifier.verify(headers, BODY)
        with pytest.raises(WebhookSignatureError):
            await WebhookVerifier(SECRET, replays=RedisReplays(redis, name="mine")).verify(headers, BODY)
        await WebhookVerifier(SECRET, replays=RedisReplays(redis, name="other")).verify(headers, BODY)
        keys = sorted(await redis.keys("*"))
        assert [key.partition(b":")[0] for key in keys] == [b"mine", b"other"]
        assert b"canary" not in b"".join(keys)
        assert 95 < await redis.ttl(keys[0]) <= 101


@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_a_redis_that_is_down_is_one_warning(
    mortal_valkey: Valkey, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """Deliveries are accepted, those this process had are still refused, and only the first one takes longer."""
    async with RedisReplays(mortal_valkey.url, timeout=0.2) as replays:
        assert await replays.claim("before", 60)
        getattr(mortal_valkey, how)()
        started = time.monotonic()
        for number in range(50):
            assert await replays.claim(str(number), 60)
        assert not await replays.claim("before", 60)
        assert not await replays.claim("7", 60)
        await replays.release("7")
        assert await replays.claim("7", 60)
        verifier = WebhookVerifier(SECRET, replays=replays)
        headers = sign(BODY, at=time.time())
        assert (await verifier.verify(headers, BODY)).current_state == "LAUNCHED"
        with pytest.raises(WebhookSignatureError):
            await verifier.verify(headers, BODY)
        assert time.monotonic() - started < 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_it_serves_again_when_redis_is_back(mortal_valkey: Valkey) -> None:
    """After the pause it is asked again."""
    async with (
        RedisReplays(mortal_valkey.url, pause=0) as one,
        RedisReplays(mortal_valkey.url, pause=0) as two,
    ):
        mortal_valkey.kill()
        assert await one.claim("a", 60)
        assert await two.claim("a", 60)
        mortal_valkey.start()
        assert await one.claim("b", 60)
        assert not await two.claim("b", 60)
