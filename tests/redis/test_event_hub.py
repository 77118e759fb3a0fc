"""Events for a fleet: the webhook arrives at one process, and the wait is in another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from sinch_provisioning import ProvisioningError
from sinch_provisioning.redis import RedisEventHub
from sinch_provisioning.webhooks import WebhookEvent
from sinch_provisioning_emulator import Emulator

from ..conftest import BRAND, client_on
from ..valkey import Valkey
from ..webhooks.deliveries import AUTH_TOKEN, SENDER_ID, event, sender


def numbered(number: int, sender_id: str = SENDER_ID) -> WebhookEvent:
    """Make one of many events, each newer than the one before."""
    modified = f"2026-03-02T10:{number // 60:02d}:{number % 60:02d}Z"
    return event(payload=sender(id=sender_id, modified=modified))


async def take(events: AsyncIterator[WebhookEvent], count: int) -> list[WebhookEvent]:
    """Take so many events."""
    async with asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


async def until(happened: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait until something happened."""
    for _ in range(1000):
        result = happened()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


async def test_what_one_process_publishes_all_subscribers_get(valkey: Valkey) -> None:
    """In order, equal to what was published, once each, and those of one sender only where one was named."""
    published = [numbered(number) for number in range(50)]
    async with RedisEventHub(valkey.url) as one, RedisEventHub(valkey.url) as two:
        async with (
            one.subscribe(SENDER_ID) as here,
            two.subscribe() as there,
            two.subscribe("other") as other,
        ):
            for each in published:
                await one.publish(each)
                await two.publish(each)
            await two.publish(numbered(0, "other"))
            assert await take(here, 50) == published
            assert await take(there, 51) == [*published, numbered(0, "other")]
            assert await take(other, 1) == [numbered(0, "other")]
        assert len(asyncio.all_tasks()) == 1


async def test_a_wait_in_another_process_wakes(valkey: Valkey) -> None:
    """`wait_for_status` on one hub hears what another one published, and reads once."""
    emulator = Emulator()
    emulator.hold("Acme")
    async with (
        RedisEventHub(valkey.url) as waiter,
        RedisEventHub(valkey.url) as receiver,
        client_on(emulator) as launching,
        client_on(emulator, clock=None) as client,
    ):
        sender_id = (await launching.launch_rcs_sender(**BRAND)).id
        assert sender_id is not None
        waiting = asyncio.create_task(client.rcs.wait_for_status(sender_id, events=waiter))
        await until(lambda: emulator.requests.count("getRcsSender") == 1)
        emulator.approve(sender_id)
        started = time.monotonic()
        await receiver.publish(numbered(0, sender_id))
        assert (await waiting).status == "LAUNCHED"
        assert time.monotonic() - started < 1
        assert emulator.requests.count("getRcsSender") == 2


async def test_what_was_published_before_is_not_heard(valkey: Valkey) -> None:
    """A subscription begins with its block: a wait reads the sender first anyway."""
    async with RedisEventHub(valkey.url) as hub:
        await hub.publish(numbered(0))
        async with hub.subscribe(SENDER_ID) as events:
            await hub.publish(numbered(1))
            assert await take(events, 1) == [numbered(1)]


async def test_a_cut_connection_loses_nothing(valkey: Valkey) -> None:
    """All connections are cut again and again while events are published; the subscriber gets every one."""
    async with (
        RedisEventHub(valkey.url) as one,
        RedisEventHub(valkey.url, pause=0.01) as two,
        Redis.from_url(valkey.url) as redis,
        two.subscribe(SENDER_ID) as events,
    ):
        for number in range(30):
            await one.publish(numbered(number))
            if number % 10 == 5:
                await cast("Any", redis).execute_command("CLIENT", "KILL", "TYPE", "normal")
        assert await take(events, 30) == [numbered(number) for number in range(30)]


async def test_a_redis_that_dies_and_comes_back(
    mortal_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Publishing raises meanwhile, so that Sinch sends again; subscribers hear again afterwards, after one warning."""
    async with RedisEventHub(mortal_valkey.url, pause=0.02, timeout=0.5) as hub:
        async with hub.subscribe(SENDER_ID) as events:
            await hub.publish(numbered(0))
            assert await take(events, 1) == [numbered(0)]
            mortal_valkey.kill()
            with pytest.raises(ProvisioningError, match="503"):
                await hub.publish(numbered(1))
            await until(lambda: len(caplog.records) == 1)
            await asyncio.sleep(0.2)
            mortal_valkey.start()
            await hub.publish(numbered(2))
            assert await take(events, 1) == [numbered(2)]
        assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_subscribing_without_redis_costs_little(mortal_valkey: Valkey, how: str) -> None:
    """The block begins after `timeout` at most, once and not for each of many, and ends without a task left."""
    getattr(mortal_valkey, how)()
    async with RedisEventHub(mortal_valkey.url, timeout=0.3) as hub:

        async def listen(number: int) -> None:
            async with hub.subscribe(str(number)) as events:
                await anext(events)

        tasks = [asyncio.create_task(listen(number)) for number in range(1000)]
        await asyncio.sleep(0.5)
        async with asyncio.timeout(60), hub.subscribe(SENDER_ID):
            pass
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert len(asyncio.all_tasks()) == 1


async def test_it_can_be_subscribed_to_again(valkey: Valkey) -> None:
    """The reader ends with its last subscriber and begins with the next one, also in the next event loop."""
    hub = RedisEventHub(valkey.url)

    async def once(number: int) -> None:
        for round_ in range(3):
            async with hub.subscribe(SENDER_ID) as events:
                await hub.publish(numbered(number + round_))
                assert await take(events, 1) == [numbered(number + round_)]
        await hub.aclose()

    await once(0)
    await asyncio.to_thread(asyncio.run, once(10))


async def test_redis_keeps_little_for_a_while_and_no_secret(valkey: Valkey) -> None:
    """The stream is bounded, ends by itself, and holds no token of a sender."""
    async with RedisEventHub(valkey.url, name="mine", max_events=100) as hub:
        for number in range(500):
            await hub.publish(numbered(number))
        async with Redis.from_url(valkey.url) as redis:
            assert await redis.keys("*") == [b"mine:events"]
            assert 100 <= await redis.xlen("mine:events") <= 300
            assert 3590 < await redis.ttl("mine:events") <= 3600
            entries: Any = await redis.xrange("mine:events")
            assert AUTH_TOKEN.encode() not in repr(entries).encode()


async def test_what_is_no_event_is_skipped(valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    """Rubbish in the stream costs a warning, and what follows is heard."""
    async with RedisEventHub(valkey.url) as hub, Redis.from_url(valkey.url) as redis:
        async with hub.subscribe(SENDER_ID) as events:
            rubbish: tuple[dict[Any, Any], ...] = (
                {"other": "field"},
                {"event": "no JSON"},
                {"event": "[]"},
                {"event": '{"raw": {}, "received": "2026-03-02T10:00:00", "sent": null}'},
                {"event": '{"raw": {"type": "x"}, "received": "yesterday", "sent": null}'},
                {"event": b"\xff"},
            )
            for fields in rubbish:
                await redis.xadd("sinch-provisioning:events", fields)
            await hub.publish(numbered(0))
            assert await take(events, 1) == [numbered(0)]
        assert len(caplog.records) == len(rubbish)


async def test_a_key_of_another_type_is_a_failure_like_any(valkey: Valkey) -> None:
    """Somebody else's list under our name: publishing raises ours, and subscribing does not."""
    async with RedisEventHub(valkey.url, timeout=0.2) as hub, Redis.from_url(valkey.url) as redis:
        await redis.set("sinch-provisioning:events", "text")
        with pytest.raises(ProvisioningError):
            await hub.publish(numbered(0))
        async with hub.subscribe(SENDER_ID):
            pass
    assert len(asyncio.all_tasks()) == 1
