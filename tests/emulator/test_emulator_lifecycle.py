"""Statuses over time, and the verdicts that end a review."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from sinch_provisioning_emulator import Emulator, EmulatorError

RCS = "/v1/projects/emulator-project/rcs/senders"


def client(emulator: Emulator) -> httpx.AsyncClient:
    """Return a client with basic authentication, in process."""
    auth = (emulator.key_id, emulator.key_secret)
    return httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url, auth=auth)


async def launch(emulator: Emulator, sender_id: str) -> httpx.Response:
    """Launch a sender."""
    async with client(emulator) as api:
        return await api.post(f"{RCS}/{sender_id}/launch")


async def test_a_launch_passes_through_its_statuses(emulator: Emulator, brand: dict[str, str]) -> None:
    """A complete sender is IN_TEST until its launch, then PREPARING_LAUNCH, LAUNCHING and LAUNCHED."""
    sender = emulator.add("rcs", brand)
    emulator.clock.advance(days=3)
    assert sender.status == "IN_TEST"
    assert (await launch(emulator, sender.id)).json()["status"] == "PREPARING_LAUNCH"
    seen = []
    for _ in range(31):
        seen.append(sender.status)
        emulator.clock.advance(minutes=1)
    assert list(dict.fromkeys(seen)) == ["PREPARING_LAUNCH", "LAUNCHING", "LAUNCHED"]


async def test_an_approval_of_three_days_takes_no_time(brand: dict[str, str]) -> None:
    """`review` is how long carriers take; the status changes exactly then, and the update time says so."""
    emulator = Emulator(review=timedelta(days=3))
    sender = emulator.add("rcs", brand)
    await launch(emulator, sender.id)
    began = sender.update_time
    emulator.clock.advance(days=2, hours=23, minutes=59)
    assert sender.status == "LAUNCHING"
    emulator.clock.advance(days=1)
    assert sender.status == "LAUNCHED"
    assert sender.update_time - began == timedelta(days=3)


async def test_verdicts_by_id_end_a_review_at_once(emulator: Emulator, brand: dict[str, str]) -> None:
    """Held launches wait for ever, until they are approved or rejected."""
    good, bad = emulator.add("rcs", brand), emulator.add("rcs", brand)
    for sender in (good, bad):
        await launch(emulator, sender.id)
        emulator.hold(sender.id)
    emulator.clock.advance(days=30)
    assert [good.status, bad.status] == ["LAUNCHING", "LAUNCHING"]
    emulator.approve(good.id)
    emulator.reject(bad.id)
    assert [good.status, bad.status] == ["LAUNCHED", "REJECTED"]
    assert good.update_time.timestamp() == pytest.approx(emulator.clock.time())


async def test_verdicts_by_name_wait_for_their_senders(emulator: Emulator, brand: dict[str, str]) -> None:
    """A name's verdict counts for senders made later; a verdict by id beats it."""
    emulator.reject("Acme")
    first, second = emulator.add("rcs", brand), emulator.add("rcs", brand)
    other = emulator.add("rcs", {**brand, "displayName": "Other"})
    for sender in (first, second, other):
        await launch(emulator, sender.id)
    emulator.approve(second.id)
    emulator.clock.advance(days=1)
    assert [first.status, second.status, other.status] == ["REJECTED", "LAUNCHED", "LAUNCHED"]


async def test_a_rejected_sender_can_be_launched_again(emulator: Emulator, brand: dict[str, str]) -> None:
    """The second review has its own end and its own verdict."""
    sender = emulator.add("rcs", brand)
    await launch(emulator, sender.id)
    emulator.reject(sender.id)
    emulator.clock.advance(days=1)
    assert (await launch(emulator, sender.id)).json()["status"] == "PREPARING_LAUNCH"
    emulator.approve(sender.id)
    assert sender.status == "LAUNCHED"


async def test_an_update_completes_a_draft(emulator: Emulator, brand: dict[str, str]) -> None:
    """A sender without everything a launch requires is a DRAFT, and IN_TEST as soon as nothing is missing."""
    description = brand.pop("description")
    sender = emulator.add("rcs", brand)
    assert sender.status == "DRAFT"
    async with client(emulator) as api:
        reply = await api.patch(f"{RCS}/{sender.id}", json={"description": description})
    assert (reply.json()["status"], sender.status) == ("IN_TEST", "IN_TEST")


async def test_an_incomplete_sender_is_not_launched(emulator: Emulator, brand: dict[str, str]) -> None:
    """A 412 lists the missing properties by their names in the document; an empty one is missing."""
    incomplete = {**brand, "description": ""}
    del incomplete["website"], incomplete["logoUrl"]
    sender = emulator.add("rcs", incomplete)
    reply = await launch(emulator, sender.id)
    error = reply.json()
    assert (reply.status_code, error["errorCode"]) == (412, "launch_precondition_failed")
    assert error["additionalInformation"] == {
        "validationErrors": ["description", "logoUrl", "phoneNumber", "website"]
    }
    assert "phoneNumber or website" in error["message"]
    assert sender.status == "DRAFT"


@pytest.mark.parametrize("status", ["PREPARING_LAUNCH", "PENDING_LAUNCH", "IN_PROGRESS", "UNKNOWN"])
async def test_a_launch_in_an_invalid_state_is_a_conflict(
    emulator: Emulator, brand: dict[str, str], status: str
) -> None:
    """A 409 names the status, and nothing changes."""
    sender = emulator.add("rcs", brand, status=status)
    reply = await launch(emulator, sender.id)
    error = reply.json()
    assert (reply.status_code, error["errorCode"]) == (409, "launch_invalid_agent_state")
    assert status in error["message"]
    assert sender.status == status


async def test_a_second_launch_does_not_restart_the_review(emulator: Emulator, brand: dict[str, str]) -> None:
    """While LAUNCHING and once LAUNCHED it is accepted and changes nothing; each one is in the request log."""
    sender = emulator.add("rcs", brand)
    seen = [(await launch(emulator, sender.id)).json()["status"]]
    for minutes in (10, 25, 1440):
        emulator.clock.advance(minutes=minutes)
        reply = await launch(emulator, sender.id)
        assert reply.status_code == 200
        seen.append(reply.json()["status"])
    assert seen == ["PREPARING_LAUNCH", "LAUNCHING", "LAUNCHED", "LAUNCHED"]
    assert sender.update_time - sender.create_time == timedelta(minutes=30)
    other = emulator.add("rcs", brand)
    await launch(emulator, other.id)
    counts = [
        emulator.requests.count("launchRcsSender", sender_id=each.id, status=200) for each in (sender, other)
    ]
    assert counts == [4, 1]


async def test_a_given_status_ends_with_a_launch(emulator: Emulator, brand: dict[str, str]) -> None:
    """A sender that was put into a status stands still until it is launched, then moves like any other."""
    sender = emulator.add("rcs", brand, status="UNLAUNCHED")
    emulator.clock.advance(days=1)
    assert sender.status == "UNLAUNCHED"
    await launch(emulator, sender.id)
    emulator.clock.advance(days=1)
    assert sender.status == "LAUNCHED"


def test_other_channels_have_their_own_ways(emulator: Emulator) -> None:
    """LINE and Telegram senders are active at once, KakaoTalk's after a verification that can be refused."""
    kakao = emulator.add("kakaoTalk", {"name": "K"})
    refused = emulator.add("kakaoTalk", {"name": "R"})
    emulator.reject("R")
    statuses = [emulator.add(channel, {"name": "N"}).status for channel in ("line", "telegram")]
    assert [*statuses, kakao.status] == ["ACTIVE", "ACTIVE", "PENDING_VERIFICATION"]
    emulator.clock.advance(days=1)
    assert [kakao.status, refused.status] == ["ACTIVE", "REJECTED"]


def test_what_can_not_be_is_one_clear_error() -> None:
    """Wrong options of the emulator itself are told in one line."""
    for options, told in (
        ({"review": -1}, "review"),
        ({"approval": "maybe"}, "accepted, rejected, pending"),
        ({"page_size": 0}, "page_size"),
    ):
        with pytest.raises(EmulatorError, match=told):
            Emulator(**options)
    emulator = Emulator()
    with pytest.raises(EmulatorError, match="use one of rcs, kakaoTalk, line, telegram"):
        emulator.add("sms", {})
    with pytest.raises(EmulatorError, match="displayName"):
        emulator.add("rcs", {})
    with pytest.raises(EmulatorError, match="no sender has the id 'x'"):
        emulator.senders["x"]
