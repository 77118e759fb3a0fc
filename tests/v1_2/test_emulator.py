"""The emulator of Sinch's own API: its rules over HTTP, and the client's life cycle on it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from sinch_provisioning import (
    BadRequestError,
    ConflictError,
    FailedDependencyError,
    LaunchNotReadyError,
    LaunchRejectedError,
    NotFoundError,
    OAuth2ClientCredentials,
    RateLimitError,
)
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning.webhooks import EventHub, WebhookVerifier, receive
from sinch_provisioning_emulator import DeliveryOptions, Emulator, EmulatorError

from .details import COMPLETE, FIELDS, with_countries

TARGET = "https://acme.example/webhooks/sinch"
SECRET = "webhook-secret"


def launches(emulator: Emulator) -> int:
    return emulator.requests.count("RcsSendersController_launchSender_v1")


async def test_life_cycle(sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator) -> None:
    """A complete sender is in test, is launched once, and again for a country more."""
    draft = await sinch_v1_2.rcs.create(**{**FIELDS, "details": {"brand": {"name": "Draft"}}})
    assert draft.state == "DRAFT"
    sender = await sinch_v1_2.rcs.ensure(**FIELDS)
    assert sender.state == "IN_TEST"
    launched = await sinch_v1_2.launch_rcs_sender(**FIELDS, wait=True, timeout=7200)
    assert {each.status for each in launched.country_status or ()} == {"LAUNCHED"}
    await sinch_v1_2.launch_rcs_sender(**FIELDS)
    assert launches(sinch_emulator_v1_2) == 1
    more = await sinch_v1_2.launch_rcs_sender(**with_countries("DE", "SE", "PL"), wait=True)
    assert (more.state, launches(sinch_emulator_v1_2)) == ("LAUNCHED", 2)
    with pytest.raises(BadRequestError) as fixed:
        await sinch_v1_2.rcs.update(sender.id, details={"brand": {"color": "#000000"}})
    assert fixed.value.error_code == "fields_not_updatable"


async def test_country_added_under_way_is_submitted_too(
    sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator
) -> None:
    """A country that is added while the first launch is under review is launched once that is decided."""
    sender = await sinch_v1_2.launch_rcs_sender(**FIELDS)
    sinch_emulator_v1_2.advance(minutes=10)
    assert (await sinch_v1_2.rcs.get(sender.id)).state == "LAUNCHING"
    live = await sinch_v1_2.launch_rcs_sender(**with_countries("DE", "SE", "PL"), wait=True)
    assert {each.country: each.status for each in live.country_status or ()} == dict.fromkeys(
        ("DE", "SE", "PL"), "LAUNCHED"
    )
    assert launches(sinch_emulator_v1_2) == 2


async def test_incomplete_sender_is_refused(sinch_v1_2: ProvisioningClient) -> None:
    """`missing` is the emulator's list; a launch under way is a conflict."""
    brand = {name: value for name, value in COMPLETE["brand"].items() if name != "banner_url"}
    sender = await sinch_v1_2.rcs.create(**{**FIELDS, "details": {**COMPLETE, "brand": brand}})
    with pytest.raises(LaunchNotReadyError) as refused:
        await sinch_v1_2.rcs.launch(sender.id)
    assert refused.value.missing == ("details.brand.bannerUrl should not be empty",)
    british = with_countries("GB")
    british["details"]["brand"] = {**COMPLETE["brand"], "name": "British"}
    sender = await sinch_v1_2.rcs.create(**british)
    with pytest.raises(LaunchNotReadyError, match=r"questionnaire\.gb\.answers\.companyLegalName"):
        await sinch_v1_2.rcs.launch(sender.id)
    sender = await sinch_v1_2.launch_rcs_sender(**FIELDS)
    with pytest.raises(ConflictError):
        await sinch_v1_2.rcs.launch(sender.id)


async def test_american_answers_are_given_bit_by_bit(
    sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator
) -> None:
    """An answer that both American forms have is taken, and the next one is added to it."""
    sender = await sinch_v1_2.rcs.create(**with_countries("US"))
    answers: list[Any] = [{"company_legal_name": "Acme"}, {"ein": "12-3456789"}]
    for answer in answers:
        await sinch_v1_2.rcs.update(sender.id, details={"questionnaire": {"us": {"answers": answer}}})
    stored: Any = sinch_emulator_v1_2.senders[sender.id].fields["details"]
    assert stored["questionnaire"]["us"]["answers"] == {"companyLegalName": "Acme", "ein": "12-3456789"}
    assert (await sinch_v1_2.rcs.get(sender.id)).state == "IN_TEST"


async def test_verdicts_by_country(sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator) -> None:
    """One country rejected is success, all rejected is an error with the remarks, suspension ends a wait."""
    sender = await sinch_v1_2.launch_rcs_sender(**FIELDS)
    sinch_emulator_v1_2.reject("Acme", countries=["SE"])
    live = await sinch_v1_2.rcs.wait_for_status(sender.id, timeout=7200)
    assert {each.country: each.status for each in live.country_status or ()} == {
        "DE": "LAUNCHED",
        "SE": "REJECTED",
    }
    sinch_emulator_v1_2.suspend(sender.id)
    with pytest.raises(LaunchRejectedError) as suspended:
        await sinch_v1_2.rcs.wait_for_status(sender.id)
    assert {each.status for each in suspended.value.rejections} == {"SUSPENDED"}
    sinch_emulator_v1_2.announce("Bolt", "rejected")
    bolt = {**FIELDS, "details": {**COMPLETE, "brand": {**COMPLETE["brand"], "name": "Bolt"}}}
    with pytest.raises(LaunchRejectedError, match="DE First Mobile REJECTED") as rejected:
        await sinch_v1_2.launch_rcs_sender(**bolt, wait=True)
    assert len(rejected.value.rejections) == 4
    with pytest.raises(EmulatorError, match="no sender"):
        sinch_emulator_v1_2.reject("Nobody", countries=["SE"])
    old = Emulator()
    sender_id = old.add("rcs", {"displayName": "A"}).id
    with pytest.raises(EmulatorError, match=r"1\.2"):
        old.suspend(sender_id)


async def test_test_numbers(sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator) -> None:
    """Invitations are accepted after a while, repeated on demand, and limited by day and sender."""
    sender = await sinch_v1_2.rcs.create(**FIELDS)
    numbers = sinch_v1_2.rcs.test_numbers
    await numbers.add(sender.id, ["+4915112345678"])
    with pytest.raises(NotFoundError) as waiting:
        await numbers.capabilities(sender.id, "+4915112345678")
    assert waiting.value.error_code == "user_has_not_accepted_invite"
    sinch_emulator_v1_2.advance(minutes=2)
    assert (await numbers.get(sender.id, "+4915112345678")).state == "VERIFIED"
    assert (await numbers.capabilities(sender.id, "+4915112345678")).features
    assert (await numbers.retry(sender.id, "+4915112345678")).state == "PENDING"
    with pytest.raises(RateLimitError):
        await numbers.add(sender.id, [f"+49151000000{number:02}" for number in range(19)])
    many: Any = {**COMPLETE, "brand": {"name": "Other"}, "test_numbers": [f"+4915{n:08}" for n in range(21)]}
    with pytest.raises(RateLimitError):
        await sinch_v1_2.rcs.create(**{**FIELDS, "details": many})
    with pytest.raises(RateLimitError):
        await sinch_v1_2.rcs.update(sender.id, details=many)
    [unchanged] = await sinch_v1_2.rcs.list()
    assert unchanged.details
    assert unchanged.details.brand
    assert unchanged.details.brand.name == "Acme", "a refused request left a trace"
    sinch_emulator_v1_2.advance(days=2)
    await numbers.add(sender.id, [f"+49151000000{number:02}" for number in range(19)])
    await numbers.delete(sender.id, "+4915112345678")
    with pytest.raises(NotFoundError):
        await numbers.get(sender.id, "+4915112345678")


async def test_lists_are_paged_filtered_and_sorted(
    sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator
) -> None:
    """62 senders take two pages; filters and sorting are the server's."""
    for number in range(62):
        details = {"brand": {"name": f"Brand {number:02}"}}
        await sinch_v1_2.rcs.create(**{**FIELDS, "details": details})
    listed = "RcsSendersController_listSenders_v1"
    assert len(await sinch_v1_2.rcs.list()) == 62
    assert sinch_emulator_v1_2.requests.count(listed) == 2
    found = await sinch_v1_2.rcs.list(
        search="brand 1", sort_column="NAME", sort_direction="DESC", page_size=100
    )
    assert [each.details and each.details.brand and each.details.brand.name for each in found][:2] == [
        "Brand 19",
        "Brand 18",
    ]
    assert await sinch_v1_2.rcs.list(filter_states=["LAUNCHED", "IN_TEST"]) == []
    assert len(await sinch_v1_2.rcs.list(filter_states=["DRAFT", "IN_TEST"])) == 62
    assert [each.id for each in await sinch_v1_2.rcs.list(filter_sender_ids=found[0].id)] == [found[0].id]
    with pytest.raises(BadRequestError):
        await sinch_v1_2.rcs.list(page_size=101)


async def test_comments_questions_and_activities(sinch_v1_2: ProvisioningClient) -> None:
    """What happened to a sender is listed."""
    sender = await sinch_v1_2.rcs.create(**FIELDS)
    assert (await sinch_v1_2.rcs.comment(sender.id, "hello")).comment == "hello"
    activities = await sinch_v1_2.rcs.activities(sender.id, page_size=1)
    assert [each.type_ for each in activities] == ["CREATED", "COMMENT_ADDED"]
    assert (await sinch_v1_2.rcs.questionnaire("OTP", countries=["DE", "GB"])).general is not None


async def test_kakaotalk(sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator) -> None:
    """A sender is registered with a code, becomes active, and changes under review."""
    details: Any = {
        "admin_phone_no": "+821012345678",
        "name": "Acme",
        "top_level_category_code": "001",
        "mid_level_category_code": "0001",
        "sub_level_category_code": "0001",
    }
    renamed: Any = {**details, "name": "Acme 2"}
    kakaotalk = sinch_v1_2.kakaotalk
    sender = await kakaotalk.ensure(plus_friend_id="@acme", details=details)
    assert sender.state == "VERIFYING"
    with pytest.raises(ConflictError):
        await kakaotalk.verify("@acme", 123456)
    await kakaotalk.register("@acme")
    with pytest.raises(BadRequestError):
        await kakaotalk.verify("@acme", 1)
    await kakaotalk.verify("@acme", 123456)
    sinch_emulator_v1_2.advance(hours=1)
    assert (await kakaotalk.get("@acme")).state == "ACTIVE"
    changed = await kakaotalk.ensure(plus_friend_id="@acme", details=renamed)
    assert changed.to_dict()["changes"] == {"status": "IN_PROGRESS", "details": {"name": "Acme 2"}}
    draft = await kakaotalk.update("@acme", details={"mid_level_category_code": "0002"})
    assert draft.changes
    assert draft.changes.status == "DRAFT"
    await kakaotalk.ensure(plus_friend_id="@acme", details=renamed)
    before = sinch_emulator_v1_2.requests.count("KakaotalkSendersController_updateSender_v1")
    async with client(sinch_emulator_v1_2) as another:
        await another.kakaotalk.ensure(plus_friend_id="@acme", details=renamed)
    assert sinch_emulator_v1_2.requests.count("KakaotalkSendersController_updateSender_v1") == before
    assert [each.plus_friend_id for each in await kakaotalk.list(filter_statuses=["IN_PROGRESS"])] == [
        "@acme"
    ]
    await kakaotalk.delete_changes("@acme")
    with pytest.raises(NotFoundError) as none:
        await kakaotalk.delete_changes("@acme")
    assert none.value.error_code == "sender_changes_not_found"
    with pytest.raises(BadRequestError):
        await kakaotalk.create(plus_friend_id="@acme", details=details)
    await kakaotalk.comment("@acme", "hello")
    assert len(await kakaotalk.activities("@acme")) == 5
    await kakaotalk.delete("@acme")


async def test_webhooks_up_to_the_limit(sinch_v1_2: ProvisioningClient) -> None:
    """One a target, fifteen a project, and no reply has the secret."""
    first = await sinch_v1_2.webhooks.ensure(target=TARGET, secret=SECRET, triggers=["ALL"])
    assert "secret" not in first.to_dict()
    with pytest.raises(ConflictError):
        await sinch_v1_2.webhooks.create(target=TARGET, secret=SECRET, triggers=["ALL"])
    for number in range(14):
        await sinch_v1_2.webhooks.create(target=f"{TARGET}/{number}", secret=SECRET, triggers=["ALL"])
    with pytest.raises(FailedDependencyError):
        await sinch_v1_2.webhooks.create(target=f"{TARGET}/15", secret=SECRET, triggers=["ALL"])
    assert len(await sinch_v1_2.webhooks.list()) == 15
    await sinch_v1_2.webhooks.replace(first.id, target=TARGET, secret="other", triggers=["BUNDLE_DONE"])
    assert (await sinch_v1_2.webhooks.get(first.id)).triggers == ["BUNDLE_DONE"]
    await sinch_v1_2.webhooks.delete(first.id)


@pytest.mark.parametrize(
    ("body", "property_"),
    [
        ({}, "region"),
        ({"region": "MARS", "billingCategory": "CONVERSATIONAL", "useCase": "OTP"}, "region"),
        ({"region": "EU", "billingCategory": "CONVERSATIONAL", "useCase": "OTP", "colour": "red"}, "colour"),
        (
            {
                "region": "EU",
                "billingCategory": "CONVERSATIONAL",
                "useCase": "OTP",
                "details": {"brand": {"emails": [{"label": "a", "address": "a@b.example", "extra": 1}]}},
            },
            "details.brand.emails.0.extra",
        ),
    ],
)
async def test_unfit_bodies_are_refused(body: Any, property_: str, sinch_emulator_v1_2: Emulator) -> None:
    """Required, known and unknown properties, at any depth, as validationErrors."""
    emulator = sinch_emulator_v1_2
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as http:
        path = f"/v1/projects/{emulator.project_id}/rcs/senders"
        reply = await http.post(path, json=body, auth=(emulator.key_id, emulator.key_secret))
    assert (reply.status_code, reply.json()["errorCode"]) == (400, "invalid_input")
    assert any(
        each.startswith(f"{property_}:") for each in reply.json()["additionalInformation"]["validationErrors"]
    )


async def heard(emulator: Emulator, hub: EventHub, answers: list[int]) -> None:
    """Let a verifier and a hub stand for the target."""
    verifier = WebhookVerifier(SECRET, clock=emulator.clock)

    async def receiver(headers: Mapping[str, str], body: bytes) -> int:
        answers.append(await receive(verifier, hub.publish, headers, body))
        return answers[-1]

    emulator.receive(TARGET, receiver)


async def test_deliveries_are_signed_and_end_a_wait(
    sinch_v1_2: ProvisioningClient, sinch_emulator_v1_2: Emulator
) -> None:
    """Every change is delivered, in order, and the verifier accepts it."""
    hub, answers = EventHub(), list[int]()
    await heard(sinch_emulator_v1_2, hub, answers)
    await sinch_v1_2.webhooks.ensure(target=TARGET, secret=SECRET, triggers=["RCS_SENDER_STATUS_UPDATED"])
    sender = await sinch_v1_2.launch_rcs_sender(**FIELDS)
    async with hub.subscribe(sender.id) as events:
        sinch_emulator_v1_2.advance(minutes=10)
        await sinch_emulator_v1_2.deliver()
        sinch_emulator_v1_2.advance(hours=1)
        await sinch_emulator_v1_2.deliver()
        seen = [(await anext(events)).current_state for _ in range(3)]
    assert seen == ["PREPARING_LAUNCH", "LAUNCHING", "LAUNCHED"]
    assert answers == [204, 204, 204]
    assert {each.outcome for each in sinch_emulator_v1_2.deliveries} == {"delivered"}
    assert "canary" not in repr([*sinch_emulator_v1_2.deliveries])


async def test_deliveries_differ_as_asked() -> None:
    """Doubled, delayed, shuffled and lost ones, and a dead target that is tried again on the clock."""
    emulator = Emulator(
        api="1.2", delivery=DeliveryOptions(doubled=True, delay=60, shuffled=True, pauses=(10, 20))
    )
    async with client(emulator) as sinch:
        await sinch.webhooks.ensure(target=TARGET, secret=SECRET, triggers=["ALL"])
        await sinch.rcs.create(**FIELDS)
        sender = (await sinch.rcs.list())[0]
        await sinch.rcs.comment(sender.id, "hello")
        assert (len(emulator.deliveries), await emulator.deliver()) == (2, 0)
        statuses: list[int] = [500, 500, 204, 204]

        async def receiver(headers: Mapping[str, str], body: bytes) -> int:
            return statuses.pop(0)

        emulator.receive(TARGET, receiver)
        emulator.advance(seconds=61)
        assert await emulator.deliver() == 0
        assert await emulator.deliver() == 0
        emulator.advance(seconds=11)
        assert await emulator.deliver() == 2
        await sinch.rcs.comment(sender.id, "again")
        statuses += [500] * 6
        for _ in range(4):
            emulator.advance(minutes=5)
            await emulator.deliver()
    outcomes = [each.outcome for each in emulator.deliveries]
    assert outcomes == ["delivered", "delivered", "given up", "given up"]
    lossy = Emulator(api="1.2", delivery=DeliveryOptions(lost=1.0))
    async with client(lossy) as sinch:
        await sinch.webhooks.ensure(target=TARGET, secret=SECRET, triggers=["ALL"])
        sender = await sinch.rcs.create(**FIELDS)
        await sinch.rcs.comment(sender.id, "hello")
    assert [each.outcome for each in lossy.deliveries] == ["lost"]


@pytest.mark.parametrize("killed", [True, False])
async def test_webhooks_and_deliveries_outlive_a_restart(killed: bool, tmp_path: Path) -> None:
    """What was not accepted is sent again, once, and what changed meanwhile is told."""
    first = Emulator(api="1.2", state=tmp_path / "state.json")

    async def broken(headers: Mapping[str, str], body: bytes) -> int:
        return 500

    async with client(first) as sinch:
        webhook = await sinch.webhooks.ensure(target=TARGET, secret=SECRET, triggers=["ALL"])
        other = await sinch.webhooks.create(target=f"{TARGET}/2", secret=SECRET, triggers=["BUNDLE_DONE"])
        await sinch.webhooks.delete(other.id)
        sender = await sinch.rcs.create(**FIELDS)
        activities = await sinch.rcs.activities(sender.id)
        first.receive(TARGET, broken)
        await sinch.launch_rcs_sender(sender.id)
        assert await first.deliver() == 0
        if not killed:
            first.close()
        shutil.copytree(tmp_path, tmp_path / "copy")
    first.close()
    second = Emulator(api="1.2", state=tmp_path / "copy" / "state.json")
    second.advance(hours=1)
    hub, answers = EventHub(), list[int]()
    await heard(second, hub, answers)
    async with client(second) as sinch, hub.subscribe(sender.id) as events:
        assert await sinch.webhooks.list() == [webhook]
        assert await sinch.rcs.activities(sender.id) == activities
        accepted = await second.deliver()
        states = [(await anext(events)).current_state for _ in range(accepted)]
    assert [state for state in states if state] == ["PREPARING_LAUNCH", "LAUNCHED"]
    assert {(each.outcome, each.attempts) for each in second.deliveries} == {
        ("delivered", 2),
        ("delivered", 1),
    }
    second.reset()
    assert (len(second.webhooks), len(second.deliveries)) == (0, 0)
    second.close()
    third = Emulator(api="1.2", state=tmp_path / "copy" / "state.json")
    assert (len(third.webhooks), len(third.deliveries)) == (0, 0)
    third.close()


def client(emulator: Emulator) -> ProvisioningClient:
    """Open a client on an emulator."""
    return ProvisioningClient(
        project_id=emulator.project_id,
        credentials=OAuth2ClientCredentials(emulator.key_id, emulator.key_secret),
        base_url=emulator.base_url,
        transport=emulator.transport(),
        clock=emulator.clock,
    )
