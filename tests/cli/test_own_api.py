"""The command on Sinch's own API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sinch_provisioning import OAuth2ClientCredentials, v1_2
from sinch_provisioning_emulator import Emulator

from ..desired.own_api import FRIEND, write_own
from ..v1_2.details import FIELDS
from .conftest import Command

# The emulator's live tokens begin so.
TOKEN = "emulated-token"
BARE: Any = {
    "region": "EU",
    "billingCategory": "CONVERSATIONAL",
    "useCase": "OTP",
    "details": {"brand": {"name": "Bare"}},
}


@pytest.fixture
def api() -> str:
    """The API that is served."""
    return "1.2"


async def _create(server: Emulator, *, kakaotalk: bool = False) -> str:
    client = v1_2.ProvisioningClient(
        project_id=server.project_id,
        credentials=OAuth2ClientCredentials(server.key_id, server.key_secret, server.token_url),
        base_url=server.base_url,
    )
    async with client:
        if kakaotalk:
            await client.kakaotalk.create(plus_friend_id="@acme", details=FRIEND)
        return (await client.rcs.create(**FIELDS)).id


async def test_senders_are_listed_by_the_names_that_they_have_there(
    server: Emulator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brand name and plusFriendId, with the state as status; channels that the API lacks are said to be so."""
    sender_id = await _create(server, kakaotalk=True)
    listed = await command("senders", "list", "--api", "1.2")
    assert listed.code == 0
    assert [line[:4] for line in listed.lines] == [
        ["rcs", sender_id, "Acme", "IN_TEST"],
        ["kakaotalk", "@acme", "Acme", "VERIFYING"],
    ]
    monkeypatch.setenv("SINCH_PROVISIONING_API", "1.2")
    assert (await command("senders", "list", "rcs")).lines == listed.lines[:1]
    as_json = await command("senders", "list", "rcs", "--json")
    assert [(each["id"], each["status"]) for each in as_json.data] == [(sender_id, "IN_TEST")]
    assert TOKEN not in listed.out + as_json.out
    refused = await command("senders", "list", "line")
    assert refused.code == 1
    assert "API 1.2 has no line senders" in refused.err


async def test_a_sender_is_shown_and_launched(server: Emulator, command: Command) -> None:
    """With `--wait` until every country has decided; launching it again sends no launch; no output has its token."""
    sender_id = await _create(server)
    shown = await command("senders", "get", sender_id, "--api", "1.2")
    assert (shown.code, ["status", "IN_TEST"] in shown.lines) == (0, True)
    for _ in range(2):
        launched = await command("senders", "launch", sender_id, "--wait", "--json", "--api", "1.2")
        assert (launched.code, launched.data["status"]) == (0, "LAUNCHED")
    assert sum(each.path.endswith("/launch") for each in server.requests) == 1
    watched = await command("senders", "watch", sender_id, "--json", "--api", "1.2")
    assert (watched.code, watched.data["status"]) == (0, "LAUNCHED")
    assert TOKEN not in shown.out + launched.out + watched.out


async def test_a_launch_that_is_refused_says_what_is_missing(server: Emulator, command: Command) -> None:
    """In the server's words, with exit code 1."""
    sender = server.add("rcs", BARE)
    refused = await command("senders", "launch", sender.id, "--api", "1.2")
    assert refused.code == 1
    assert "details.brand.bannerUrl should not be empty" in refused.err


async def test_doctor_says_which_api_replied(server: Emulator, command: Command) -> None:
    """Nothing to say where it is the one that was asked for; a warning with the option to use where it is not."""
    good = await command("doctor", "--api", "1.2")
    assert good.code == 0
    assert ["ok", "API version", "1.2"] in good.lines
    other = await command("doctor", "--json")
    [found] = [each for each in other.data if each["what"] == "API version"]
    assert (other.code, found["verdict"]) == (0, "warn")
    assert "use --api 1.2" in found["detail"]


async def test_webhooks_are_registered_once_and_deleted(
    server: Emulator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ensure` twice is one webhook, brought up to date; the secret is printed nowhere."""
    missing = await command("webhooks", "ensure", "https://acme.example/hook")
    assert (missing.code, "set SINCH_WEBHOOK_SECRET" in missing.err) == (1, True)
    monkeypatch.setenv("SINCH_WEBHOOK_SECRET", "canary-secret")
    made = await command("webhooks", "ensure", "https://acme.example/hook")
    assert (made.code, made.lines[0][1:]) == (0, ["https://acme.example/hook", "ALL"])
    trigger = "RCS_SENDER_STATUS_UPDATED"
    changed = await command("webhooks", "ensure", "https://acme.example/hook", trigger, "--json")
    listed = await command("webhooks", "list")
    assert listed.lines == [[made.lines[0][0], "https://acme.example/hook", trigger]]
    assert changed.data["id"] == made.lines[0][0]
    assert "canary-secret" not in made.out + changed.out + listed.out
    assert (await command("webhooks", "delete", made.lines[0][0])).code == 0
    assert (await command("webhooks", "list")).lines == []


async def test_a_file_is_planned_applied_and_ordered(
    server: Emulator, command: Command, tmp_path: Path
) -> None:
    """The file says which API it is for; the second plan has nothing to do, and nothing is left to order."""
    file = write_own(tmp_path / "senders.yaml", "Acme", "Bolt")
    planned = await command("plan", file)
    assert (planned.code, [line[:4] for line in planned.lines[:2]]) == (
        2,
        [["create+launch", server.project_id, "rcs", name] for name in ("Acme", "Bolt")],
    )
    database = f"sqlite:///{tmp_path}/orders.sqlite"
    ordered = await command("apply", file, "--durable", "--database", database)
    assert (ordered.code, ordered.lines[-1][1]) == (0, "ordered=2")
    assert (await command("status", "--database", database, "--json")).data["summary"]["queued"] == 2
    applied = await command("apply", file, "--wait")
    assert applied.code == 0
    assert sorted(line[0] for line in applied.lines[:-1]) == sorted(["created", "launched", "live"] * 2)
    assert (await command("plan", file)).code == 0
    again = await command("apply", file, "--durable", "--database", database, "--json")
    assert again.data["summary"]["ordered"] == 0
    file.write_text(file.read_text().replace('"1.2"', '"1.3"'))
    refused = await command("plan", file)
    assert (refused.code, refused.err) == (1, f"error: {file}:2:1: 'api' must be one of '1.0', '1.2'\n")
