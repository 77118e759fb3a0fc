"""What type checkers must see of the client of Sinch's own API; checked by mypy and pyright, never executed."""

from __future__ import annotations

from typing import assert_type

from sinch_provisioning import LaunchRejectedError, Rejection, apply, plan
from sinch_provisioning.desired import Applied, Plan
from sinch_provisioning.durable import Ordered, enqueue
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning_v1_2_api.models import (
    KakaoTalkSender,
    RcsActivity,
    RcsSender,
    RcsTestNumber,
    RcsTestNumberCapabilities,
    Webhook,
)


async def rcs(sinch: ProvisioningClient) -> None:
    """Nested mappings are checked key by key, and replies are typed."""
    sender = await sinch.launch_rcs_sender(
        region="EU",
        billing_category="CONVERSATIONAL",
        use_case="TRANSACTIONAL",
        details={
            "brand": {"name": "Acme", "phones": [{"label": "Support", "number": "+4930"}]},
            "countries": ["DE"],
        },
        wait=True,
    )
    assert_type(sender, RcsSender)
    assert_type(sender.id, str)
    assert_type(await sinch.launch_rcs_sender(sender.id, timeout=3.0), RcsSender)
    assert_type(await sinch.rcs.list(filter_states=["IN_TEST"], sort_column="NAME"), list[RcsSender])
    assert_type(await sinch.rcs.update(sender.id, details={"countries": None}, timeout=3), RcsSender)
    assert_type(await sinch.rcs.activities(sender.id), list[RcsActivity])
    assert_type(await sinch.rcs.test_numbers.add(sender.id, ["+4915112345678"]), list[RcsTestNumber])
    assert_type(await sinch.rcs.test_numbers.retry(sender.id, "+4915112345678"), RcsTestNumber)
    assert_type(
        await sinch.rcs.test_numbers.capabilities(sender.id, "+4915112345678"), RcsTestNumberCapabilities
    )
    try:
        assert_type(await sinch.rcs.wait_for_status(sender.id, "LAUNCHED", timeout=60), RcsSender)
    except LaunchRejectedError as error:
        assert_type(error.rejections, tuple[Rejection, ...])


async def others(sinch: ProvisioningClient) -> None:
    """The other channels."""
    assert_type(await sinch.kakaotalk.get("@acme"), KakaoTalkSender)
    assert_type(
        await sinch.webhooks.ensure(target="https://a.example/", secret="s", triggers=["ALL"]), Webhook
    )
    assert_type(sinch.for_project("p2"), ProvisioningClient)
    assert_type(
        await sinch.rcs.get("id", extra_headers={"X-Mine": "1"}, extra_query={"a": [1, None]}), RcsSender
    )


async def files(sinch: ProvisioningClient) -> None:
    """Desired state takes the clients of both APIs."""
    assert_type(await plan(sinch, "senders.yaml"), Plan)
    assert_type(await apply(sinch, "senders.yaml", wait=True), Applied)
    assert_type(await enqueue(sinch, "senders.yaml", "sqlite:///orders.sqlite"), Ordered)


async def mistakes(sinch: ProvisioningClient) -> None:
    """Each of these is an error to both checkers: an ignore that nothing needs would be one itself."""
    await sinch.rcs.create(
        region="MARS",  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        billing_category="CONVERSATIONAL",
        use_case="OTP",
    )
    await sinch.rcs.create(region="EU", billing_category="CONVERSATIONAL")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    await sinch.rcs.update("id", details={"brand": {"nmae": "Acme"}})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await sinch.rcs.update("id", details={"countries": ["XX"]})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await sinch.rcs.questionnaire("NONE")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await sinch.webhooks.create(target="https://a.example/", secret="s")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    await sinch.rcs.get("id", extra_headers=3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
