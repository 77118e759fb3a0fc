"""What type checkers must see: `make check` runs mypy and pyright over this file, and nothing executes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_type

import httpx

from sinch_provisioning import (
    APIStatusError,
    Attempt,
    LaunchNotReadyError,
    LineCredentials,
    ProvisioningClient,
    ProvisioningError,
    WaitTimeoutError,
)
from sinch_provisioning_api import Client
from sinch_provisioning_api.api import get_rcs_sender, list_line_senders
from sinch_provisioning_api.models import CreateRcsSenderRequestFields, RcsSender, Sender, SenderList


async def rcs(sinch: ProvisioningClient, brand: CreateRcsSenderRequestFields) -> None:
    """Senders are typed models whose absent values are None."""
    sender = await sinch.rcs.create(display_name="Acme", website="https://acme.example")
    assert_type(sender, RcsSender)
    assert_type(sender.create_time, datetime | None)
    assert_type(sender.status, str | None)
    assert_type(await sinch.rcs.list(), list[RcsSender])
    assert_type(await sinch.rcs.delete(sender.id), None)
    assert_type(await sinch.rcs.launch(sender.id), RcsSender)
    assert_type(await sinch.launch_rcs_sender(sender.id, wait=True), RcsSender)
    assert_type(await sinch.launch_rcs_sender(**brand, wait=True, timeout=60), RcsSender)
    assert_type(await sinch.rcs.wait_for_status(sender.id, "LAUNCHED", timeout=3600), RcsSender)
    async for state in sinch.rcs.watch(sender.id):
        assert_type(state, RcsSender)


async def wrong_arguments(sinch: ProvisioningClient) -> None:
    """What the document does not have is an error to both checkers; an unused ignore would be one, too."""
    await sinch.rcs.create()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    await sinch.rcs.create(display_name=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await sinch.rcs.update("id", colour="red")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


async def channels(sinch: ProvisioningClient) -> None:
    """The other channels have one model, and take credentials as ours or as any mapping."""
    created = await sinch.line.create(name="a", channel_credentials=LineCredentials("token", "secret"))
    assert_type(created, Sender)
    assert_type(created.channel_credentials, Mapping[str, object] | None)
    assert_type(await sinch.telegram.ensure(name="a", channel_credentials={"token": "t"}), Sender)
    assert_type(await sinch.kakaotalk.list(), list[Sender])
    assert_type(await sinch.call(list_line_senders), SenderList)
    assert_type(sinch.for_project("p"), ProvisioningClient)


async def low_level(http: httpx.AsyncClient) -> None:
    """The low level stands alone."""
    assert_type(await get_rcs_sender(Client(http), "p", "s"), RcsSender)


def errors(error: ProvisioningError) -> None:
    """Each error's attributes have types."""
    assert_type(error.attempts, tuple[Attempt, ...])
    if isinstance(error, APIStatusError):
        assert_type(error.retry_after, float | None)
        assert_type(error.body, bytes)
    if isinstance(error, LaunchNotReadyError):
        assert_type(error.missing, tuple[str, ...])
    if isinstance(error, WaitTimeoutError):
        assert_type(error.sender, RcsSender)
