"""Prism between a client and the emulator: every request and every reply is judged by a third party."""

from __future__ import annotations

from typing import Any

import httpx

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning_emulator import Emulator

from .processes import SPEC, Prism


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
