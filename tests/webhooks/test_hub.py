"""The hub: who gets what, in which order, and what is dropped."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from typing import Any

from attrs import evolve

from sinch_provisioning.webhooks import EventHub, WebhookEvent

from .deliveries import NOW, SENDER_ID, event, sender, settle


def about(sender_id: str = SENDER_ID, **changes: Any) -> WebhookEvent:
    """Make an event about a sender modified at the given second."""
    second = changes.pop("second", 0)
    modified = f"2026-03-02t10:15:{second:02d}.000Z"
    return event(payload=sender(id=sender_id, modified=modified), **changes)


async def drained(
    hub: EventHub, events: list[WebhookEvent], sender_id: str | None = SENDER_ID
) -> list[WebhookEvent]:
    """Publish `events`, and return what a subscriber gets of them, without waiting."""
    got: list[WebhookEvent] = []

    async def listen() -> None:
        async with hub.subscribe(sender_id) as subscription:
            async for each in subscription:
                got.append(each)

    task = asyncio.create_task(listen())
    await settle()
    for each in events:
        await hub.publish(each)
    await settle()
    task.cancel()
    await asyncio.wait([task])
    return got


async def test_a_subscriber_gets_its_senders_events_in_order() -> None:
    """Those of other senders go elsewhere; who names no sender gets all."""
    mine = [about(second=second) for second in range(5)]
    others = [about("other", second=second) for second in range(5)]
    mixed = [each for pair in zip(mine, others, strict=True) for each in pair]
    assert await drained(EventHub(), mixed) == mine
    assert await drained(EventHub(), mixed, "other") == others
    assert await drained(EventHub(), mixed, None) == mixed
    assert await drained(EventHub(), [event(type="BUNDLE_DONE")], None) != []


async def test_what_is_older_than_what_was_seen_is_dropped() -> None:
    """A hundred orders of the same events: what a subscriber gets only goes forward, and ends with the newest."""
    events = [about(second=second) for second in range(6)]
    for seed in range(100):
        shuffled = random.Random(seed).sample(events * 2, 12)
        got = [str(each.raw["payload"]["modified"]) for each in await drained(EventHub(), shuffled)]  # type: ignore[index]
        assert got == sorted(set(got))
        assert "10:15:05" in got[-1]


async def test_a_comment_is_never_too_old() -> None:
    """Each one is news, whatever came first; but not twice."""
    comments = [
        about(type="RCS_SENDER_COMMENT_ADDED", comment=str(second), second=second) for second in range(3)
    ]
    assert await drained(EventHub(), [*reversed(comments), *comments]) == comments[::-1]


async def test_order_by_the_time_sent_where_no_sender_was_modified() -> None:
    """Without `modified` in both, the signatures' time decides."""
    moments = [dt.datetime.fromtimestamp(NOW + second, dt.UTC) for second in (0, 1, 2)]
    events = [
        evolve(event(payload={"id": SENDER_ID, "n": number}), sent=sent)
        for number, sent in enumerate(moments)
    ]
    first, second, third = events
    assert await drained(EventHub(), [second, first, third]) == [second, third]
    assert await drained(EventHub(), [evolve(each, sent=None) for each in (second, first)]) != []


async def test_unreadable_times_drop_nothing() -> None:
    """A `modified` that is no time, or one without a zone, is not in the way."""
    odd = [event(payload=sender(modified=each)) for each in ("soon", 7, None, "2026-03-02T10:15:30", "")]
    assert await drained(EventHub(), odd) == odd


async def test_a_repeated_delivery_is_dropped_and_an_equal_change_of_another_sender_is_not() -> None:
    """Sinch repeats deliveries under another nonce; the content tells."""
    events = [about(), evolve(about(), received=dt.datetime.fromtimestamp(NOW + 60, dt.UTC)), about("other")]
    assert await drained(EventHub(), events, None) == [events[0], events[2]]


async def test_a_slow_subscriber_keeps_the_newest() -> None:
    """What it does not take does not pile up."""
    hub = EventHub()
    async with hub.subscribe(SENDER_ID, max_pending=2) as subscription:
        for second in range(5):
            await hub.publish(about(second=second))
        assert [await anext(subscription) for _ in range(2)] == [about(second=3), about(second=4)]


async def test_the_hub_remembers_so_many_senders() -> None:
    """Memory is bounded, and the sender that was heard of last is the last to be forgotten."""
    hub = EventHub(max_senders=3)
    for sender_id in ("a", "b", "c", "a", "d"):
        await hub.publish(about(sender_id))
    assert await drained(hub, [about("a")], "a") == []
    assert await drained(hub, [about("b")], "b") != []


async def test_a_subscription_ends_with_its_block() -> None:
    """A thousand cancelled subscribers leave nothing behind in the hub."""
    hub = EventHub()

    async def listen(number: int) -> None:
        async with hub.subscribe(str(number % 10)) as subscription:
            async for _ in subscription:
                pass

    tasks = [asyncio.create_task(listen(number)) for number in range(1000)]
    await settle()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert vars(hub)["_subscriptions"] == {}
