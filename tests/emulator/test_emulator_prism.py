"""Prism between a client and the emulator: every request and every reply is judged by a third party."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sinch_provisioning import (
    APIStatusError,
    NotFoundError,
    OAuth2ClientCredentials,
    ProvisioningClient,
    v1_2,
)
from sinch_provisioning_emulator import Emulator

from ..v1_2.details import FIELDS
from .processes import SPEC, SPECS, Prism

NUMBER = "+4915112345678"
TARGET = "https://acme.example/webhooks/sinch"
KAKAOTALK: Any = {
    "admin_phone_no": "+821012345678",
    "name": "Acme",
    "top_level_category_code": "001",
    "mid_level_category_code": "0001",
    "sub_level_category_code": "0001",
}


async def test_prism_sees_no_violation_in_the_whole_life_cycle(
    emulator: Emulator, brand: dict[str, str]
) -> None:
    """With --errors, Prism turns each violation into an error: the SDK gets through, and so do bare requests."""
    async with emulator.serve():
        with Prism("proxy", str(SPEC), emulator.base_url, "--errors") as judge:
            await judge_bare_requests(judge.origin, emulator, brand)
            emulator.reset()
            await judge_the_sdk(judge.origin, emulator, brand)


async def judge_bare_requests(origin: str, emulator: Emulator, brand: dict[str, str]) -> None:
    """All twelve operations with basic auth, and an invalid body to see that the judge is awake."""
    auth = (emulator.key_id, emulator.key_secret)
    async with httpx.AsyncClient(base_url=f"{origin}/v1/projects/p", auth=auth) as api:
        sender = await api.post("/rcs/senders", json=brand)
        item = f"/rcs/senders/{sender.json()['id']}"
        replies = [
            sender,
            await api.get("/rcs/senders"),
            await api.patch(item, json={"description": "new"}),
            await api.post(f"{item}/launch"),
            await api.get(item),
            await api.delete(item),
        ]
        for channel in ("kakaoTalk", "line", "telegram"):
            body = {"name": "A", "channelCredentials": {"token": "t"}}
            replies += [
                await api.post(f"/{channel}/senders", json=body),
                await api.get(f"/{channel}/senders"),
            ]
        assert [reply.status_code for reply in replies] == [200] * 12
        assert not any("sl-violations" in reply.headers for reply in replies)
        refused = await api.post("/rcs/senders", json={"displayName": 1})
        assert refused.status_code == 422, "Prism let an invalid body through: nothing above was judged"


async def judge_the_sdk(origin: str, emulator: Emulator, brand: dict[str, str]) -> None:
    """The main job and the other channels through the facade, with tokens."""
    fields: dict[str, Any] = {
        "".join("_" + c.lower() if c.isupper() else c for c in name): value for name, value in brand.items()
    }
    async with ProvisioningClient(
        project_id=emulator.project_id,
        credentials=OAuth2ClientCredentials(
            emulator.key_id, emulator.key_secret, token_url=emulator.token_url
        ),
        base_url=origin,
        clock=emulator.clock,
    ) as sinch:
        launched = await sinch.launch_rcs_sender(**fields, wait=True, timeout=3600)
        assert launched.status == "LAUNCHED"
        await sinch.rcs.update(launched.id or "", description="new")
        for channel in (sinch.kakaotalk, sinch.line, sinch.telegram):
            await channel.create(name="A")
            assert len(await channel.list()) == 1
        assert len(await sinch.rcs.list()) == 1
        await sinch.rcs.delete(launched.id or "")
    assert {each.status for each in emulator.requests} == {200}


async def test_prism_sees_no_violation_in_sinchs_own_api(tmp_path: Path) -> None:
    """Every operation of the document, through its client and --errors."""
    document: Any = yaml.safe_load(SPECS["1.2"].read_text())
    # It asks for all three schemes at once, as Sinch's own does; any of them is meant.
    [every] = document["security"]
    document["security"] = [{name: scopes} for name, scopes in every.items()]
    described = tmp_path / "document.yaml"
    described.write_text(yaml.safe_dump(document))
    emulator = Emulator(api="1.2")
    async with emulator.serve():
        with Prism("proxy", str(described), emulator.base_url, "--errors") as judge:
            async with v1_2.ProvisioningClient(
                project_id=emulator.project_id,
                credentials=OAuth2ClientCredentials(
                    emulator.key_id, emulator.key_secret, token_url=emulator.token_url
                ),
                base_url=judge.origin,
                clock=emulator.clock,
            ) as sinch:
                await judge_rcs(sinch, emulator)
                await judge_kakaotalk(sinch, emulator)
                await judge_webhooks(sinch)
                app = f"/v1/projects/{emulator.project_id}/conversation/apps/a/telegram"
                with pytest.raises(NotFoundError):
                    await sinch.request("GET", app)
                # An invalid body, to see that the judge is awake.
                with pytest.raises(APIStatusError, match="422"):
                    await sinch.rcs.create(**FIELDS, extra_body={"region": 1})
    seen = {each.operation_id for each in emulator.requests}
    assert seen == {"token", *(each.operation_id for each in emulator.document.operations)}
    assert {each.status for each in emulator.requests} == {200, 201, 204, 404}


async def judge_rcs(sinch: v1_2.ProvisioningClient, emulator: Emulator) -> None:
    """A sender from its questions to its launch, and a tester."""
    rcs, numbers = sinch.rcs, sinch.rcs.test_numbers
    await rcs.questionnaire("TRANSACTIONAL", countries=["DE", "GB"])
    sender = await rcs.ensure(**FIELDS)
    await rcs.update(sender.id, details={"brand": {"description": "new", "emails": None}})
    await numbers.add(sender.id, [NUMBER])
    assert (await numbers.get(sender.id, NUMBER)).state == "PENDING"
    emulator.advance(minutes=5)
    await numbers.capabilities(sender.id, NUMBER)
    await numbers.retry(sender.id, NUMBER)
    await numbers.delete(sender.id, NUMBER)
    await rcs.comment(sender.id, "hello")
    assert len(await rcs.activities(sender.id)) == 3
    launched = await sinch.launch_rcs_sender(sender.id, wait=True, timeout=7200)
    assert launched.state == "LAUNCHED"
    assert len(await rcs.list(search="acme", filter_states=["LAUNCHED", "DRAFT"], sort_column="NAME")) == 1


async def judge_kakaotalk(sinch: v1_2.ProvisioningClient, emulator: Emulator) -> None:
    """A sender from its registration to its deletion."""
    kakaotalk = sinch.kakaotalk
    await kakaotalk.create(plus_friend_id="@acme", details=KAKAOTALK)
    await kakaotalk.register("@acme")
    await kakaotalk.verify("@acme", 123456)
    emulator.advance(hours=1)
    await kakaotalk.update("@acme", details={"name": "Acme 2"})
    await kakaotalk.delete_changes("@acme")
    await kakaotalk.comment("@acme", "hello")
    assert (await kakaotalk.get("@acme")).state == "ACTIVE"
    assert len(await kakaotalk.activities("@acme")) == 3
    assert len(await kakaotalk.list(filter_states=["ACTIVE"])) == 1
    await kakaotalk.delete("@acme")


async def judge_webhooks(sinch: v1_2.ProvisioningClient) -> None:
    """A webhook that is registered, changed, replaced and deleted."""
    webhook = await sinch.webhooks.ensure(target=TARGET, secret="s", triggers=["ALL"])
    await sinch.webhooks.update(webhook.id, triggers=["RCS_SENDER_STATUS_UPDATED"])
    await sinch.webhooks.replace(webhook.id, target=TARGET, secret="t", triggers=["ALL"])
    assert (await sinch.webhooks.get(webhook.id)).triggers == ["ALL"]
    assert len(await sinch.webhooks.list()) == 1
    await sinch.webhooks.delete(webhook.id)
