"""What type checkers must see of the public modules of models; nothing executes it."""

from __future__ import annotations

from typing import assert_type

from sinch_provisioning import ProvisioningClient, v1_2
from sinch_provisioning.models import CreateRcsSenderRequest, RcsSender, Sender
from sinch_provisioning.v1_2.models import RcsSender as OwnRcsSender


async def returned(sinch: ProvisioningClient, own: v1_2.ProvisioningClient) -> None:
    """A client returns these classes."""
    assert_type(await sinch.rcs.get("id"), RcsSender)
    assert_type(await sinch.line.list(), list[Sender])
    assert_type(await own.rcs.get("id"), OwnRcsSender)
    assert_type(CreateRcsSenderRequest(display_name="Acme").display_name, str)
