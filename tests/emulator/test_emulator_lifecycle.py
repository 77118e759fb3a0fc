"""Statuses over time, and who decides about them."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from sinch_provisioning_emulator import Emulator, EmulatorError

RCS = "/v1/projects/emulator-project/rcs/senders"


async def launch(emulator: Emulator, sender_id: str) -> httpx.Response:
    """Ask for a launch."""
    auth = (emulator.key_id, emulator.key_secret)
    async with httpx.AsyncClient(
        transport=emulator.transport(), base_url=emulator.base_url, auth=auth
    ) as api:
        return await api.post(f"{RCS}/{sender_id}/launch")


async def test_a_launch_goes_through_its_stations(emulator: Emulator, brand: dict[str, str]) -> None:
    """From DRAFT over PREPARING_LAUNCH, IN_TEST and LAUNCHING to LAUNCHED, moved by the clock alone."""
    sender = emulator.add("rcs", brand)
    emulator.clock.advance(days=3)
    assert sender.status == "DRAFT"
    assert (await launch(emulator, sender.id)).json()["status"] == "PREPARING_LAUNCH"
    seen = []
    for _ in range(31):
        seen.append(sender.status)
        emulator.clock.advance(minutes=1)
    assert list(dict.fromkeys(seen)) == ["PREPARING_LAUNCH", "IN_TEST", "LAUNCHING", "LAUNCHED"]


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


async def test_an_incomplete_sender_is_not_launched(emulator: Emulator, brand: dict[str, str]) -> None:
    """412 names the missing properties as the wire has them; an empty one is missing."""
    incomplete = {**brand, "description": ""}
    del incomplete["website"], incomplete["logoUrl"]
    sender = emulator.add("rcs", incomplete)
    reply = await launch(emulator, sender.id)
    error = reply.json()
    assert (reply.status_code, error["errorCode"]) == (412, "launch_preconditions_failed")
    assert error["additionalInformation"] == {"missing": ["description", "logoUrl", "phoneNumber", "website"]}
    assert "phoneNumber or website" in error["message"]
    assert sender.status == "DRAFT"


@pytest.mark.parametrize("status", ["PREPARING_LAUNCH", "PENDING_LAUNCH", "LAUNCHING", "LAUNCHED"])
async def test_what_is_under_way_is_a_conflict(
    emulator: Emulator, brand: dict[str, str], status: str
) -> None:
    """409 with the status, and nothing changes."""
    sender = emulator.add("rcs", brand, status=status)
    reply = await launch(emulator, sender.id)
    assert reply.status_code == 409
    assert reply.json()["additionalInformation"] == {"status": status}
    assert sender.status == status


async def test_a_given_status_ends_with_a_launch(emulator: Emulator, brand: dict[str, str]) -> None:
    """A sender that was put into a status stands still until it is launched, then moves like any other."""
    sender = emulator.add("rcs", brand, status="UNLAUNCHED")
    emulator.clock.advance(days=1)
    assert sender.status == "UNLAUNCHED"
    await launch(emulator, sender.id)
    emulator.clock.advance(days=1)
    assert sender.status == "LAUNCHED"


async def test_a_launch_while_in_test_changes_nothing(emulator: Emulator, brand: dict[str, str]) -> None:
    """It is answered with the sender, and the review ends when it would have."""
    sender = emulator.add("rcs", brand)
    await launch(emulator, sender.id)
    emulator.clock.advance(minutes=5)
    assert (await launch(emulator, sender.id)).json()["status"] == "IN_TEST"
    emulator.clock.advance(minutes=25)
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
