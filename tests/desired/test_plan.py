"""Plans: what would be done, what can't be, and that nothing is."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from unittest.mock import AsyncMock

import pytest

import sinch_provisioning
from sinch_provisioning import PermissionDeniedError, ProvisioningClient, plan
from sinch_provisioning.desired import Change, DesiredProject, DesiredSender, DesiredState
from sinch_provisioning_emulator import Emulator

from .conftest import Write

FIELDS: dict[str, Any] = {
    "description": "Orders and deliveries",
    "logo_url": "https://acme.example/logo.png",
    "hero_image_url": "https://acme.example/hero.png",
    "website": "https://acme.example",
    "privacy_policy": "https://acme.example/privacy",
    "terms_of_service": "https://acme.example/terms",
}


def _rcs(name: str, *, launch: bool = True, **fields: object) -> DesiredSender:
    return DesiredSender("rcs", {"display_name": name, **FIELDS, **fields}, launch)


async def _plan(client: ProvisioningClient, *senders: DesiredSender) -> dict[str, Change]:
    made = await plan(client, DesiredState([DesiredProject(senders)]))
    return {change.name: change for change in made.changes}


async def test_a_plan_says_what_would_be_done_and_does_nothing(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """New, changed, unlaunched and settled senders are told apart, with one listing and no write."""
    await opened.rcs.create(display_name="changed", **{**FIELDS, "description": "old"})
    await opened.rcs.create(display_name="draft", **FIELDS)
    live = await opened.rcs.create(display_name="live", **FIELDS)
    await opened.rcs.launch(live.id)
    server.requests.clear()
    changes = await _plan(
        opened, _rcs("new"), _rcs("changed"), _rcs("draft"), _rcs("live"), _rcs("later", launch=False)
    )
    assert {name: change.actions for name, change in changes.items()} == {
        "new": ("create", "launch"),
        "changed": ("update", "launch"),
        "draft": ("launch",),
        "live": (),
        "later": ("create",),
    }
    assert changes["changed"].differing == ("description",)
    assert all(change.problem is None for change in changes.values())
    assert [each.operation_id for each in server.requests if each.operation_id != "token"] == [
        "listRcsSenders"
    ]


async def test_a_plan_says_what_cannot_be(server: Emulator, opened: ProvisioningClient) -> None:
    """An un-patchable difference, two of one name, missing launch fields and rejected launches are blocked."""
    await opened.rcs.create(display_name="stuck", **{**FIELDS, "website": "https://other.example"})
    for _ in range(2):
        await opened.rcs.create(display_name="twice", **FIELDS)
    refused = await opened.rcs.create(display_name="refused", **FIELDS)
    await opened.rcs.launch(refused.id)
    server.reject(str(refused.id))
    await opened.line.create(name="other secret", channel_credentials={"token": "a", "secret": "b"})
    unready = DesiredSender("rcs", {"display_name": "unready", "website": "https://a.example"}, launch=True)
    changes = await _plan(opened, _rcs("stuck"), _rcs("twice"), _rcs("refused"), unready)
    assert str(changes["stuck"].problem).startswith("differs in website, which the API can't update")
    assert str(changes["twice"].problem).startswith("2 senders have this name")
    assert "REJECTED" in str(changes["refused"].problem)
    assert changes["unready"].actions == ("create",)
    assert changes["unready"].missing == (
        "description",
        "logo_url",
        "hero_image_url",
        "privacy_policy",
        "terms_of_service",
    )


async def test_a_rejected_brand_is_launched_again_once_it_is_corrected(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """What the carriers refused is updated and launched where the file says otherwise now."""
    refused = await opened.rcs.create(display_name="refused", **FIELDS)
    await opened.rcs.launch(refused.id)
    server.reject(str(refused.id))
    changes = await _plan(opened, _rcs("refused", description="better"))
    assert changes["refused"].actions == ("update", "launch")


async def test_credentials_are_compared_only_where_they_are_shown(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """A channel without updates is blocked by a difference that shows, and by none that does not."""
    await opened.line.create(name="L", channel_credentials={"token": "old", "secret": "b"})
    wanted = DesiredSender("line", {"name": "L"}, channel_credentials={"token": "new", "secret": "b"})
    [change] = (await plan(opened, DesiredState([DesiredProject([wanted])]))).changes
    shown = (await opened.line.list())[0].channel_credentials is not None
    assert (change.problem is not None) == shown
    assert "new" not in str(change)


async def test_every_project_and_channel_is_listed_once(
    server: Emulator, write: Write, opened: ProvisioningClient
) -> None:
    """A file over several projects asks each of its channels once, with each project's own key."""
    server.add_key("other-key", "other-secret", projects=["p2"])
    path = write(
        "version: 1\n"
        "rcs:\n  - {display_name: A}\n  - {display_name: B}\n"
        "telegram:\n  - name: T\n"
        "projects:\n"
        "  p2:\n"
        "    credentials: {key_id: other-key, key_secret: {file: secret}}\n"
        "    rcs:\n      - {display_name: A}\n"
    )
    (path.parent / "secret").write_text("other-secret")
    made = await plan(opened, path)
    assert made.counts()["create"] == 4
    asked = [(each.project_id, each.operation_id) for each in server.requests if each.operation_id != "token"]
    assert sorted(map(str, asked)) == sorted(
        map(
            str,
            [
                (server.project_id, "listRcsSenders"),
                (server.project_id, "listTelegramSenders"),
                ("p2", "listRcsSenders"),
            ],
        )
    )


async def test_one_closed_project_is_its_senders_problem(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """A project that may not be listed blocks its own senders; where none may be, that is raised."""
    server.inject("listRcsSenders", status=403, project_id="p2", times=None)
    state = DesiredState([DesiredProject([_rcs("A")]), DesiredProject([_rcs("A")], "p2")])
    made = await plan(opened, state)
    assert [change.problem is None for change in made.changes] == [True, False]
    with pytest.raises(PermissionDeniedError):
        await plan(opened, DesiredState([DesiredProject([_rcs("A")], "p2")]))


async def test_a_mocked_client_will_do() -> None:
    """A test of one's own code needs no server: a mock made from the client's class is used as it is."""
    sinch = AsyncMock(spec=ProvisioningClient, project_id="p")
    sinch.rcs.list.return_value = []
    assert (await _plan(sinch, _rcs("A")))["A"].actions == ("create", "launch")


def test_plan_and_apply_cost_nothing_until_they_are_used() -> None:
    """Both are importable from the package, and importing the package loads neither them nor an extra."""
    code = (
        "import sys, sinch_provisioning\n"
        "late = [n for n in sys.modules if 'desired' in n or n in ('yaml', 'jsonschema', 'cyclopts', 'dbos')]\n"
        "assert not late, late\n"
        "from sinch_provisioning import apply, plan\n"
        "assert 'yaml' not in sys.modules and 'jsonschema' not in sys.modules\n"
        "assert callable(plan) and callable(apply)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert {"apply", "plan"} <= set(sinch_provisioning.__all__)
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = getattr(sinch_provisioning, "nothing_such")  # noqa: B009 - a checker would refuse it by name
