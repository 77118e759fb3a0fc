"""Waits that hear of changes: at once, with one read for each, and without polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import frozen

from sinch_provisioning import LaunchRejectedError, Polling, ProvisioningClient, WaitTimeoutError
from sinch_provisioning.webhooks import EventHub, WebhookEvent
from sinch_provisioning_api.models import RcsSender
from sinch_provisioning_emulator import Emulator

from ..conftest import BRAND, client_on
from .deliveries import SetClock, event, sender, settle


@frozen
class Setting:
    """A client on an emulator with a sender under review, and a hub to hear of it."""

    emulator: Emulator
    client: ProvisioningClient
    clock: SetClock
    sender_id: str
    hub: EventHub

    @property
    def reads(self) -> int:
        """How often a sender was read."""
        return self.emulator.requests.count("getRcsSender")

    async def tell(self, state: str = "LAUNCHED", **changes: Any) -> None:
        """Publish what a delivery about the sender would say, and let everybody act on it."""
        await self.hub.publish(about(self.sender_id, state, **changes))
        await settle()


def about(sender_id: str, state: str, **changes: Any) -> WebhookEvent:
    """Make an event about a sender's new state."""
    return event(payload=sender(id=sender_id, state=state, **changes), currentState=state)


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    """Launch a sender whose review lasts until the test decides."""
    emulator, clock = Emulator(history=100_000), SetClock()
    emulator.hold("Acme")
    async with client_on(emulator, clock=clock) as client:
        launched = await client.launch_rcs_sender(**BRAND)
        assert launched.id is not None
        emulator.requests.clear()
        yield Setting(emulator, client, clock, launched.id, EventHub())


async def test_a_wait_wakes_at_once_and_reads_once(setting: Setting) -> None:
    """One read when it begins, one when the event comes, and none in between."""
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    await settle()
    assert setting.reads == 1
    setting.emulator.approve(setting.sender_id)
    setting.clock.move(599)
    await settle()
    assert setting.reads == 1
    await setting.tell()
    assert waiting.done()
    assert (await waiting).status == "LAUNCHED"
    assert setting.reads == 2


async def test_an_event_is_not_believed_without_a_read(setting: Setting) -> None:
    """What the API says counts: where it disagrees, it is asked once more, and then the wait goes on."""
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    await settle()
    await setting.tell("LAUNCHED")
    assert not waiting.done()
    assert setting.reads == 2
    setting.clock.move(5)
    await settle()
    assert setting.reads == 3
    setting.clock.move(590)
    await settle()
    assert setting.reads == 3
    setting.emulator.approve(setting.sender_id)
    setting.clock.move(310)
    await settle()
    assert (await waiting).status == "LAUNCHED"


async def test_a_lost_event_is_made_up_for_by_polling(setting: Setting) -> None:
    """The first poll comes after 10 minutes, the next ones later still, up to an hour apart."""
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    polled: list[int] = []
    for minute in range(360):
        await settle()
        if setting.reads > len(polled):
            polled.append(minute)
        setting.clock.move(60)
    assert polled == [0, 10, 25, 48, 82, 133, 193, 253, 313]
    setting.emulator.approve(setting.sender_id)
    setting.clock.move(3600)
    await settle()
    assert (await waiting).status == "LAUNCHED"


async def test_polling_can_be_set(setting: Setting) -> None:
    """Who gives pauses gets them."""
    polling = Polling(first_pause=30, growth=1)
    waiting = asyncio.create_task(
        setting.client.rcs.wait_for_status(setting.sender_id, polling=polling, events=setting.hub)
    )
    for _ in range(10):
        await settle()
        setting.clock.move(30)
    await settle()
    assert setting.reads == 11
    waiting.cancel()


async def test_events_of_others_wake_nobody(setting: Setting) -> None:
    """Neither another sender's, nor one that is about no sender."""
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    await settle()
    await setting.hub.publish(about("another", "LAUNCHED"))
    await setting.hub.publish(event(type="BUNDLE_DONE"))
    await settle()
    assert setting.reads == 1
    waiting.cancel()


async def test_repeated_and_old_events_cost_no_read(setting: Setting) -> None:
    """A burst of deliveries about one change costs at most two reads: the state it had, and the one it has."""
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    await settle()
    setting.emulator.approve(setting.sender_id)
    for second in (3, 1, 2, 3, 3, 0):
        await setting.hub.publish(
            about(setting.sender_id, "LAUNCHED", modified=f"2026-03-02T10:15:0{second}.000Z")
        )
    await settle()
    assert (await waiting).status == "LAUNCHED"
    assert setting.reads == 2


async def test_a_change_during_the_first_read_is_not_missed(setting: Setting) -> None:
    """The subscription begins before the read, so an event that comes meanwhile is followed by another read."""
    setting.emulator.inject("getRcsSender", delay=0.05, times=1)
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await setting.hub.publish(about(setting.sender_id, "LAUNCHED"))
    setting.emulator.approve(setting.sender_id)
    await settle()
    assert (await waiting).status == "LAUNCHED"
    assert setting.reads <= 2


async def test_a_rejection_is_heard_too(setting: Setting) -> None:
    """It ends the wait as a poll's answer would."""
    waiting = asyncio.create_task(setting.client.rcs.wait_for_status(setting.sender_id, events=setting.hub))
    await settle()
    setting.emulator.reject(setting.sender_id)
    await setting.tell("UNLAUNCHED")
    with pytest.raises(LaunchRejectedError):
        await waiting


async def test_the_timeout_holds(setting: Setting) -> None:
    """A wait that hears nothing ends when it should, and leaves the last state."""
    waiting = asyncio.create_task(
        setting.client.rcs.wait_for_status(setting.sender_id, timeout=60, events=setting.hub)
    )
    for _ in range(6):
        await settle()
        assert not waiting.done()
        setting.clock.move(10)
    await settle()
    with pytest.raises(WaitTimeoutError) as caught:
        await waiting
    assert caught.value.sender.id == setting.sender_id


async def test_watch_hears_each_change(setting: Setting) -> None:
    """It yields the sender now and at each event that changed its status."""
    seen: list[str | None] = []

    async def watch() -> None:
        async for each in setting.client.rcs.watch(setting.sender_id, events=setting.hub):
            seen.append(each.status)

    watching = asyncio.create_task(watch())
    await settle()
    await setting.tell("PENDING_LAUNCH")
    setting.emulator.approve(setting.sender_id)
    await setting.tell(modified="2026-03-02T11:00:00Z")
    await watching
    assert seen[-1] == "LAUNCHED"
    assert len(seen) == len(set(seen)) == 2


async def test_launch_and_wait_with_events(setting: Setting) -> None:
    """`launch_rcs_sender(wait=True)` hears of its launch in the same way."""
    setting.emulator.hold("Other")
    launching = asyncio.create_task(
        setting.client.launch_rcs_sender(wait=True, events=setting.hub, **(BRAND | {"display_name": "Other"}))
    )
    await settle()
    other = next(each for each in setting.emulator.senders if each.name == "Other")
    setting.emulator.approve(other.id)
    await setting.hub.publish(about(other.id, "LAUNCHED"))
    await settle()
    assert (await launching).status == "LAUNCHED"


async def test_a_thousand_waits_poll_nothing_and_leave_nothing(setting: Setting) -> None:
    """1,000 waits on one hub for 9 minutes: a first read each, one for each event, and no task when cancelled."""
    add = setting.emulator.add
    ids = [add("rcs", {"displayName": str(number)}, status="LAUNCHING").id for number in range(1000)]
    before = asyncio.all_tasks()
    waits = [
        asyncio.create_task(setting.client.rcs.wait_for_status(each, events=setting.hub)) for each in ids
    ]
    while setting.reads < 1000:
        await settle()
    for _ in range(9):
        setting.clock.move(60)
        await settle()
    assert setting.reads == 1000
    for number in range(0, 1000, 2):
        await setting.hub.publish(about(ids[number], "LAUNCHING"))
    while setting.reads < 1500:
        await settle()
    await settle()
    assert setting.reads == 1500
    for wait in waits:
        wait.cancel()
    assert await asyncio.gather(*waits, return_exceptions=True) != []
    assert asyncio.all_tasks() == before
    assert setting.clock.sleepers == []
    assert vars(setting.hub)["_subscriptions"] == {}


async def test_an_event_that_comes_when_the_wait_is_cancelled_is_no_error(setting: Setting) -> None:
    """Cancelled at every turn of the loop while an event comes, a wait ends as cancelled or with its sender."""
    setting.emulator.approve(setting.sender_id)
    for turns in range(40):
        hub = EventHub()
        waiting: asyncio.Task[RcsSender] = asyncio.create_task(
            setting.client.rcs.wait_for_status(setting.sender_id, "NEVER", events=hub)
        )
        await settle()
        await hub.publish(about(setting.sender_id, "LAUNCHED"))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert len(asyncio.all_tasks()) == 1
