"""Every call of the 1.2 client against a strict server, and what its helpers make of countries and carriers."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from sinch_provisioning import (
    BadRequestError,
    ConfigurationError,
    ConflictError,
    FailedDependencyError,
    LaunchNotReadyError,
    LaunchRejectedError,
    NotFoundError,
    OAuth2ClientCredentials,
    OutcomeUnknownError,
    RetryPolicy,
    SenderMismatchError,
)
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning_v1_2_api.models import BrandDetailsInput, RcsSenderDetailsInput

from ..faults.clients import FakeClock
from .strict_server import PROJECT, StrictServer

BRAND: Any = {
    "name": "Acme",
    "banner_url": "https://acme.example/banner.png",
    "logo_url": "https://acme.example/logo.png",
    "privacy_policy_url": "https://acme.example/privacy",
    "terms_of_service_url": "https://acme.example/terms",
}
FIELDS: Any = {
    "region": "EU",
    "billing_category": "CONVERSATIONAL",
    "use_case": "TRANSACTIONAL",
    "details": {"brand": BRAND, "countries": ["DE", "FR"]},
}


@pytest.fixture
def server() -> StrictServer:
    return StrictServer()


@pytest.fixture
async def sinch(server: StrictServer) -> AsyncIterator[ProvisioningClient]:
    clock = FakeClock()
    async with ProvisioningClient(
        project_id="p1",
        credentials=OAuth2ClientCredentials("key-id", "key-secret"),
        transport=server,
        clock=clock,
        retry=RetryPolicy(max_attempts=2),
    ) as client:
        yield client


def country(name: str, status: str, *operators: tuple[str, str, str | None]) -> dict[str, Any]:
    carriers = [
        {"name": operator, "status": state} | ({"remark": remark} if remark else {})
        for operator, state, remark in operators
    ]
    return {"country": name, "status": status, "operators": carriers}


async def test_lists_over_pages(sinch: ProvisioningClient, server: StrictServer) -> None:
    """62 senders come over two pages, or in one of a hundred; filters travel."""
    for number in range(62):
        await sinch.rcs.create(**{**FIELDS, "details": {"brand": {"name": f"Acme {number}"}}})
    assert len(await sinch.rcs.list()) == 62
    assert server.asked["GET rcs/senders"] == 2
    await sinch.rcs.list(page_size=100, filter_states=["DRAFT", "IN_TEST"], sort_column="NAME")
    assert server.asked["GET rcs/senders"] == 3
    assert server.params.get_list("filterStates") == ["DRAFT", "IN_TEST"]
    assert server.params["sortColumn"] == "NAME"
    # Who starts at a page is not told that senders are missing.
    assert len(await sinch.rcs.list(page_token="50")) == 12


async def test_nested_bodies_are_models_or_mappings(sinch: ProvisioningClient, server: StrictServer) -> None:
    """Both are sent alike, and a wrong key at any depth is a TypeError before anything is sent."""
    await sinch.rcs.create(**FIELDS)
    mapped = server.bodies[-1]
    details = RcsSenderDetailsInput(brand=BrandDetailsInput(**BRAND), countries=["DE", "FR"])
    await sinch.rcs.create(**{**FIELDS, "details": details})
    assert server.bodies[-1] == mapped
    count = server.asked.total()
    wrong_ones: list[Any] = [{"brand": {"nmae": "x"}}, {"brnad": {}}, {"countries": ["DE"], "x": 1}]
    for wrong in wrong_ones:
        with pytest.raises(TypeError):
            await sinch.rcs.create(**{**FIELDS, "details": wrong})
    with pytest.raises(TypeError):
        await sinch.rcs.create(**FIELDS, colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        await sinch.rcs.get("x", colour="red")  # type: ignore[call-arg]
    assert server.asked.total() == count


async def test_update_deletes_with_null(sinch: ProvisioningClient, server: StrictServer) -> None:
    """None deletes what the document lets be null, and what is left out stays out of the request."""
    sender = await sinch.rcs.create(**FIELDS)
    updated = await sinch.rcs.update(sender.id, details={"countries": None, "brand": {"color": "#112233"}})
    assert server.bodies[-1] == {"details": {"countries": None, "brand": {"color": "#112233"}}}
    assert updated.details is not None
    assert not updated.details.countries


async def test_a_refused_launch_says_what_the_server_says(
    sinch: ProvisioningClient, server: StrictServer
) -> None:
    """`missing` is the server's list as it spells it, and the message has it too."""
    brand = {name: value for name, value in BRAND.items() if name != "banner_url"}
    sender = await sinch.rcs.create(**{**FIELDS, "details": {"brand": brand, "countries": ["DE"]}})
    with pytest.raises(LaunchNotReadyError) as caught:
        await sinch.rcs.launch(sender.id)
    assert caught.value.missing == ("details.brand.bannerUrl should not be empty",)
    assert "bannerUrl" in str(caught.value)
    assert caught.value.error_code == "launch_precondition_failed"
    assert caught.value.details == {"validationErrors": ["details.brand.bannerUrl should not be empty"]}
    await sinch.rcs.update(sender.id, details={"brand": {"banner_url": BRAND["banner_url"]}})
    server.senders[sender.id]["state"] = "IN_TEST"
    assert (await sinch.rcs.launch(sender.id)).state == "PREPARING_LAUNCH"
    with pytest.raises(ConflictError):
        await sinch.rcs.launch(sender.id)


async def test_ensure_is_one_sender(sinch: ProvisioningClient, server: StrictServer) -> None:
    """One create for one brand name; only what differs is updated, and what can't be is named with both values."""
    first = await sinch.rcs.ensure(**FIELDS)
    assert (await sinch.rcs.ensure(**FIELDS)).id == first.id
    assert server.asked["POST rcs/senders"] == 1
    changed = {**FIELDS, "details": {"brand": {**BRAND, "color": "#000000"}, "countries": ["FR", "DE"]}}
    await sinch.rcs.ensure(**changed)
    assert server.bodies[-1] == {"details": {"brand": {"color": "#000000"}}}
    with pytest.raises(SenderMismatchError, match=r"region.*'US'.*'EU'"):
        await sinch.rcs.ensure(**{**FIELDS, "region": "US"})
    server.senders[first.id]["state"] = "LAUNCHED"
    with pytest.raises(SenderMismatchError, match="description"):
        await sinch.rcs.ensure(**{**FIELDS, "details": {"brand": {**BRAND, "description": "x"}}})
    await sinch.rcs.ensure(**{**FIELDS, "details": {"brand": BRAND, "countries": ["DE", "FR", "SE"]}})
    assert server.bodies[-1] == {"details": {"countries": ["DE", "FR", "SE"]}}
    with pytest.raises(ConfigurationError, match="brand"):
        await sinch.rcs.ensure(**{**FIELDS, "details": {}})


async def test_ensure_after_a_lost_reply(sinch: ProvisioningClient, server: StrictServer) -> None:
    """A create whose reply was lost is looked for, not repeated."""
    server.lost = 0
    await sinch.rcs.list()
    server.lost = 1

    async def lose_create() -> None:
        await sinch.rcs.create(**FIELDS)

    with pytest.raises(OutcomeUnknownError):
        await lose_create()
    await sinch.rcs.ensure(**FIELDS)
    assert server.asked["POST rcs/senders"] == 1


async def test_launch_by_countries(sinch: ProvisioningClient, server: StrictServer) -> None:
    """A LAUNCHED sender is launched again for a country that is neither launched nor pending, and only then."""
    sender = await sinch.rcs.ensure(**FIELDS)
    launches = f"POST rcs/senders/{sender.id}/launch"
    stored = server.senders[sender.id]
    stored["state"] = "IN_TEST"
    await sinch.launch_rcs_sender(**FIELDS)
    await sinch.launch_rcs_sender(sender.id)
    assert server.asked[launches] == 1
    stored |= {"state": "LAUNCHED", "countryStatus": [country("DE", "LAUNCHED"), country("FR", "PENDING")]}
    await sinch.launch_rcs_sender(**FIELDS)
    assert server.asked[launches] == 1
    stored["countryStatus"] = [country("DE", "LAUNCHED"), country("FR", "LAUNCHED")]
    more = {**FIELDS, "details": {"brand": BRAND, "countries": ["DE", "FR", "SE"]}}
    await sinch.launch_rcs_sender(**more)
    assert server.asked[launches] == 2
    await sinch.launch_rcs_sender(**more)
    assert server.asked[launches] == 2


async def test_all_countries_rejected_ends_a_wait(sinch: ProvisioningClient, server: StrictServer) -> None:
    """The state never says REJECTED; countries and operators do, with their remarks."""
    sender = await sinch.rcs.create(**FIELDS)
    server.senders[sender.id] |= {
        "state": "LAUNCHING",
        "countryStatus": [
            country("DE", "REJECTED", ("Telekom", "REJECTED", "logo is blurred")),
            country("FR", "PENDING", ("Orange", "REJECTED", None)),
        ],
    }
    with pytest.raises(LaunchRejectedError, match=r"DE Telekom REJECTED .logo is blurred") as caught:
        await sinch.rcs.wait_for_status(sender.id, "LAUNCHED", timeout=3600)
    assert caught.value.rejections == (
        ("DE", "Telekom", "REJECTED", "logo is blurred"),
        ("FR", "Orange", "REJECTED", None),
    )


async def test_some_countries_rejected_is_success(sinch: ProvisioningClient, server: StrictServer) -> None:
    """What the others accepted is launched, once none is pending any more."""
    sender = await sinch.rcs.create(**FIELDS)
    stored = server.senders[sender.id]
    stored["state"] = "LAUNCHED"
    stored["countryStatus"] = [country("DE", "PENDING"), country("FR", "REJECTED") | {"operators": None}]
    seen = []
    async for state in sinch.rcs.watch(sender.id, timeout=3600):
        seen.append([each.status for each in state.country_status or ()])
        stored["countryStatus"] = [country("DE", "LAUNCHED"), country("FR", "REJECTED")]
    assert seen == [["PENDING", "REJECTED"], ["LAUNCHED", "REJECTED"]]
    launched = await sinch.rcs.wait_for_status(sender.id, timeout=1)
    assert launched.state == "LAUNCHED"


async def test_a_taken_down_sender_ends_a_wait(sinch: ProvisioningClient, server: StrictServer) -> None:
    """UNLAUNCHED does not become LAUNCHED by waiting."""
    sender = await sinch.rcs.create(**FIELDS)
    server.senders[sender.id]["state"] = "UNLAUNCHED"
    with pytest.raises(LaunchRejectedError, match="UNLAUNCHED"):
        await sinch.rcs.wait_for_status(sender.id)


async def test_test_numbers(sinch: ProvisioningClient, server: StrictServer) -> None:
    """Numbers travel as one segment, and the GET that sends an invitation is sent once even if its reply is lost."""
    sender = await sinch.rcs.create(**FIELDS)
    numbers = sinch.rcs.test_numbers
    added = await numbers.add(sender.id, ["+4915112345678"])
    assert [(each.number, each.state) for each in added] == [("+4915112345678", "PENDING")]
    assert (await numbers.get(sender.id, "+4915112345678")).state == "VERIFIED"
    assert (await numbers.capabilities(sender.id, "+4915112345678")).features == ["RICHCARD_STANDALONE"]
    server.lost = 1
    with pytest.raises(OutcomeUnknownError):
        await numbers.retry(sender.id, "+4915112345678")
    assert server.asked[f"GET rcs/senders/{sender.id}/testNumbers/+4915112345678/retry"] == 1
    await numbers.delete(sender.id, "+4915112345678")


async def test_comments_activities_and_questions(sinch: ProvisioningClient, server: StrictServer) -> None:
    """The other calls about an RCS sender."""
    sender = await sinch.rcs.create(**FIELDS)
    assert (await sinch.rcs.comment(sender.id, "please hurry")).comment == "please hurry"
    assert len(await sinch.rcs.activities(sender.id, page_size=1)) == 2
    await sinch.rcs.questionnaire("OTP", countries=["DE", "US"])
    assert server.params.get_list("countries") == ["DE", "US"]
    with pytest.raises(NotFoundError) as caught:
        await sinch.rcs.get("00000000-0000-4000-8000-999999999999")
    assert caught.value.error_code == "sender_not_found"


async def test_kakaotalk(sinch: ProvisioningClient, server: StrictServer) -> None:
    """Every call, by the plus friend id; ensure creates once and updates what differs, reviewed changes included."""
    details: Any = {
        "admin_phone_no": "+821012345678",
        "name": "Acme",
        "top_level_category_code": "001",
        "mid_level_category_code": "0001",
        "sub_level_category_code": "0001",
    }
    first = await sinch.kakaotalk.ensure(plus_friend_id="@acme", details=details)
    await sinch.kakaotalk.ensure(plus_friend_id="@acme", details=details)
    assert (first.plus_friend_id, server.asked["POST kakaotalk/senders"]) == ("@acme", 1)
    renamed: Any = {**details, "name": "Acme 2"}
    await sinch.kakaotalk.ensure(plus_friend_id="@acme", details=renamed, status="SUBMIT")
    assert server.bodies[-1] == {"details": {"name": "Acme 2"}, "status": "SUBMIT"}
    count = server.asked.total()
    await sinch.kakaotalk.ensure(plus_friend_id="@acme", details=renamed)
    assert server.asked.total() == count + 1
    kakaotalk = sinch.kakaotalk
    await kakaotalk.create(plus_friend_id="@b", details=details, status="DRAFT")
    assert [each.plus_friend_id for each in await kakaotalk.list(filter_states=["VERIFYING"])] == [
        "@acme",
        "@b",
    ]
    await kakaotalk.register("@b")
    await kakaotalk.verify("@b", 123456)
    assert (await kakaotalk.comment("@b", "hello")).comment == "hello"
    assert await kakaotalk.activities("@b") == []
    await kakaotalk.update("@b", details={"name": "B"})
    await kakaotalk.delete_changes("@b")
    await kakaotalk.delete("@b")
    with pytest.raises(NotFoundError):
        await kakaotalk.get("@b")


async def test_webhooks(sinch: ProvisioningClient, server: StrictServer) -> None:
    """Every call; ensure is by target, sets the secret of a webhook it did not write once, and knows the limit."""
    first = await sinch.webhooks.ensure(target="https://a.example/", secret="s3cret", triggers=["ALL"])
    await sinch.webhooks.ensure(target="https://a.example/", secret="s3cret", triggers=["ALL"])
    assert [server.asked["POST webhooks"], server.asked[f"PATCH webhooks/{first.id}"]] == [1, 0]
    await sinch.webhooks.ensure(target="https://a.example/", secret="rotated", triggers=["ALL"])
    assert (server.bodies[-1], server.webhooks[first.id]["secret"]) == ({"secret": "rotated"}, "rotated")
    await sinch.webhooks.update(first.id, triggers=["BUNDLE_DONE"])
    replaced = await sinch.webhooks.replace(
        first.id, target="https://b.example/", secret="s", triggers=["ALL"]
    )
    assert (replaced.id, replaced.target) == (first.id, "https://b.example/")
    with pytest.raises(ConflictError) as exists:
        await sinch.webhooks.create(target="https://b.example/", secret="s", triggers=["ALL"])
    assert exists.value.error_code == "webhook_exists"
    for number in range(14):
        await sinch.webhooks.create(target=f"https://{number}.example/", secret="s", triggers=["ALL"])
    with pytest.raises(FailedDependencyError) as full:
        await sinch.webhooks.create(target="https://c.example/", secret="s", triggers=["ALL"])
    assert full.value.error_code == "webhook_limit_reached"
    assert len(await sinch.webhooks.list()) == 15
    assert (await sinch.webhooks.get(first.id)).triggers == ["ALL"]
    await sinch.webhooks.delete(first.id)
    assert len(server.webhooks) == 14


async def test_escape_hatches(sinch: ProvisioningClient, server: StrictServer) -> None:
    """What a caller adds wins over what the call would send; the client's own headers are refused."""
    sender = await sinch.rcs.create(
        **FIELDS,
        extra_query={"usQuestionnaireVersion": "v2", "a": ["x", "y"]},
        extra_headers={"X-Mine": "1", "accept": "application/hal+json"},
        extra_body={"region": "US"},
        timeout=5,
    )
    assert sender.region == "US"
    assert server.headers["x-mine"] == "1"
    assert server.headers.get_list("accept") == ["application/hal+json"]
    assert server.params.get_list("a") == ["x", "y"]
    await sinch.rcs.get(sender.id, extra_headers={"X-Mine": "2"})
    assert server.headers["x-mine"] == "2"
    with pytest.raises(BadRequestError, match="should not exist"):
        await sinch.rcs.update(sender.id, details={}, extra_body={"details": {"nmae": 1}})
    count = server.asked.total()
    for name in ("Authorization", "host", "Content-Length"):
        with pytest.raises(ConfigurationError, match="client's own"):
            await sinch.rcs.list(extra_headers={name: "x"})
    with pytest.raises(ConfigurationError, match="mapping"):
        await sinch.rcs.get(sender.id, extra_body=cast("Any", 3))
    assert server.asked.total() == count


async def test_secrets_stay_masked(sinch: ProvisioningClient, server: StrictServer) -> None:
    """Neither a sender's token nor a webhook's secret is in a repr, a message or a traceback."""
    sender = await sinch.rcs.create(**FIELDS)
    assert sender.auth_token == "auth-token-canary"
    assert "canary" not in repr(sender)
    for wrong in (
        {"extra_body": {"secret-canary": 1}},
        {"triggers": ["ALL"], "extra_query": 1},
        {"extra_body": 1},
    ):
        arguments: Any = {"target": "https://a.example/", "secret": "secret-canary", **wrong}
        with pytest.raises((BadRequestError, ConfigurationError, TypeError)) as caught:
            await sinch.webhooks.create(**arguments)
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [
            line for frame in trace.stack if "/tests/" not in frame.filename for line in str(frame.locals)
        ]
        assert "canary" not in "".join(frames) + str(caught.value)


async def test_raw_calls_and_views(sinch: ProvisioningClient, server: StrictServer) -> None:
    """What the channels don't have goes through `request` and `call`, as on the other client."""
    reply = await sinch.request("GET", "/v1/projects/{project_id}/rcs/senders", params={"pageSize": 1})
    assert reply.json()["pageSize"] == 1
    assert sinch.with_options(timeout=3).project_id == "p1"
    assert PROJECT.endswith(sinch.project_id)
