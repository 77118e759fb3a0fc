"""Waits and writes by themselves: how long they pause, when they give up, what they say, what is sent again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sinch_provisioning import (
    APIConnectionError,
    ConflictError,
    DeadlineExceededError,
    LaunchRejectedError,
    OutcomeUnknownError,
    ProvisioningError,
    ServerError,
    WaitTimeoutError,
)
from sinch_provisioning.channels.project import mismatch
from sinch_provisioning.errors import Rejection
from sinch_provisioning.lifecycle.keyed_locks import KeyedLocks
from sinch_provisioning.lifecycle.launch import launch_once
from sinch_provisioning.lifecycle.polling import Polling, poll
from sinch_provisioning.lifecycle.recent_writes import RecentWrites
from sinch_provisioning.lifecycle.reconciling_writer import ReconcilingWriter
from sinch_provisioning.lifecycle.status import Progress, has_arrived, progress_of
from sinch_provisioning_api.models import RcsSender

from ..faults.clients import FakeClock

SENDER = RcsSender(id="s1", status="IN_REVIEW")
LOST = OutcomeUnknownError("sent, and no reply came")


def polled(get: Callable[[str | None], Awaitable[RcsSender]], clock: FakeClock, timeout: float | None) -> Any:
    """Poll a sender, first after 10 s."""
    polling = Polling(first_pause=10.0, longest_pause=25.0, growth=2.0)
    return poll(get, "s1", clock=clock, polling=polling, timeout=timeout, operation_id="waitForRcsSender")


async def test_pauses_grow_to_the_longest_and_end_with_the_timeout() -> None:
    """The last pause is cut to the time that is left, and a last look is taken at its end."""
    clock = FakeClock()
    looks: list[float] = []

    async def get(sender_id: str | None) -> RcsSender:
        assert sender_id == "s1"
        looks.append(clock.now - 1_000.0)
        return SENDER

    with pytest.raises(WaitTimeoutError) as caught:
        [sender async for sender in polled(get, clock, 100.0)]
    assert looks == [0.0, 10.0, 30.0, 55.0, 80.0, 100.0]
    assert str(caught.value) == (
        "sender s1 is still IN_REVIEW after the timeout; approval can take days: wait again"
    )
    assert (caught.value.sender, caught.value.operation_id) == (SENDER, "waitForRcsSender")


async def test_sender_that_could_not_be_read_is_no_sender_that_did_not_arrive() -> None:
    """A wait through an outage yields nothing, and its end has the outage as its cause."""
    outage = APIConnectionError("no reply")

    async def get(_: str | None) -> RcsSender:
        raise outage

    with pytest.raises(DeadlineExceededError) as caught:
        await anext(polled(get, FakeClock(), 30.0))
    assert str(caught.value) == (
        "waiting for a sender: it could not be read within the timeout; allow a longer one"
    )
    assert caught.value.__cause__ is outage


class Shared:
    """What calls for one sender share."""

    def __init__(self, *, may_retry: bool = True) -> None:
        self.clock = FakeClock()
        self.locks = KeyedLocks()
        self.writes = RecentWrites(self.clock)
        self.writer = ReconcilingWriter(3, lambda tried: 1.0 + tried, lambda: may_retry, self.clock.sleep)


@pytest.mark.parametrize(
    ("failure", "may_retry", "writes"),
    [
        (LOST, True, 3),
        (LOST, False, 1),
        (ServerError("failed", status_code=503), True, 3),
        (ServerError("failed", status_code=503, retry_after=1.0), True, 1),
        (ConflictError("exists", status_code=409), True, 1),
    ],
    ids=["lost", "without quota", "failed", "asked to wait", "conflict"],
)
async def test_write_is_repeated_while_that_can_help(
    failure: ProvisioningError, may_retry: bool, writes: int
) -> None:
    """Not when the server asked to wait, which was done, or said that it exists, or the quota is used up."""
    shared = Shared(may_retry=may_retry)
    written: list[float] = []

    async def find() -> RcsSender | None:
        return None

    async def write() -> RcsSender:
        written.append(shared.clock.now - 1_000.0)
        raise failure

    with pytest.raises(type(failure)) as caught:
        await shared.writer.run(find, write)
    assert caught.value is failure
    assert written == [0.0, 1.0, 3.0][:writes]


async def test_launch_is_looked_for_after_a_lost_reply() -> None:
    """By the sender's id, and what is found under way is not launched again, by this call or the next one."""
    shared = Shared()
    asked: list[str] = []
    shown = RcsSender(id="s1", status="DRAFT")

    async def get(sender_id: str) -> RcsSender:
        asked.append(f"get {sender_id}")
        return RcsSender(id="s1", status="LAUNCHING")

    async def launch(sender_id: str) -> RcsSender:
        asked.append(f"launch {sender_id}")
        raise LOST

    options: dict[str, Any] = {
        "get": get,
        "launch": launch,
        "progress": progress_of,
        "shared": shared,
        "key": "k",
    }
    assert (await launch_once(shown, "s1", **options)).status == "LAUNCHING"
    assert await launch_once(shown, "s1", **options) is shown
    assert (
        await launch_once(RcsSender(id="s2", status="LAUNCHING"), "s2", **options | {"key": "l"})
    ).id == "s2"
    assert asked == ["launch s1", "get s1"]


def test_difference_shows_field_wanted_and_found_value() -> None:
    """In 60 characters of each, and of a secret nothing."""
    different = {"name": "x" * 58, "url": "y" * 59, "secret": "hush"}
    text = str(mismatch("Acme", different, {"name": "z", "secret": "hush too"}))
    assert text == (
        f"Acme differs in name (wanted '{'x' * 58}', found 'z'), secret, "
        f"url (wanted '{'y' * 59}..., found None), which the API can't update: "
        "ensure it as it is, or delete it and create it anew"
    )


def test_rejection_names_each_place_and_what_to_do() -> None:
    """The carriers' remarks are in the message and on the error."""
    rejections = (Rejection("US", "T-Mobile", "REJECTED", "logo"), Rejection("DE", None, "EXPIRED", None))
    progress = Progress("LAUNCHED", under_way=True, launched=False, failed=True, rejections=rejections)
    with pytest.raises(LaunchRejectedError) as caught:
        has_arrived(SENDER, progress, {"LAUNCHED"}, operation_id="launchRcsSender")
    assert str(caught.value) == (
        "sender s1 was not approved (US T-Mobile REJECTED (logo), DE EXPIRED): "
        "read the carriers' remarks, correct the brand fields, then launch it again"
    )
    assert (caught.value.rejections, caught.value.operation_id) == (rejections, "launchRcsSender")
