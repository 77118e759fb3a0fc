"""Senders of KakaoTalk, LINE and Telegram: list, create, ensure."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Concatenate, Unpack, cast

from attrs import define, field

from sinch_provisioning_api import OPERATIONS, Caller
from sinch_provisioning_api.api import ListLineSendersArguments
from sinch_provisioning_api.models import CreateSenderRequest, CreateSenderRequestFields, Sender, SenderList

from .._calls.call_options import CallOptions
from ..lifecycle.ensuring import Wanted, ensure
from .project import Project, check_name, mismatch
from .signatures import listing_fields


class ListSenders(ListLineSendersArguments, CallOptions):
    """The keyword arguments of `list`."""


class CreateSender(CreateSenderRequestFields, CallOptions):
    """The keyword arguments of `create` and `ensure`."""


@listing_fields
@define(slots=False, eq=False)
class SenderChannel:
    """One channel whose senders can be listed and created.

    Its two operations are generated functions, whose parameters and request properties are the methods' keywords.
    """

    project: Project = field(repr=False)
    name: str
    list_senders: Callable[..., Awaitable[SenderList]] = field(repr=False)
    create_sender: Callable[Concatenate[Caller, str, ...], Awaitable[Sender]] = field(repr=False)

    async def list(self, **query: Unpack[ListSenders]) -> builtins.list[Sender]:
        """Return all senders of the project, from all pages; raises `ProvisioningError`."""
        return await self.project.list_all(self.list_senders, query, _senders)

    async def create(self, **fields: Unpack[CreateSender]) -> Sender:
        """Create a sender; sent at most once, see `OutcomeUnknownError`.

        `channel_credentials` takes `LineCredentials`, `TelegramCredentials`, `KakaoTalkCredentials` or any mapping.
        Raises `ProvisioningError`, and TypeError for a keyword that is not in the API's document.
        """
        return await self.project.send(self.create_sender, _request_model(self.create_sender), fields)

    async def ensure(self, **fields: Unpack[CreateSender]) -> Sender:
        """Return the sender of that `name`, created if there is none; safe to run twice.

        Raises `SenderMismatchError` where several senders have the name, or where the one that has it differs:
        the API has no update for this channel. Credentials that the reply leaves out are not compared.
        """
        project, body, query = self.project.with_body(_request_model(self.create_sender), cast("Any", fields))
        name = check_name("name", body.name)

        async def update(sender: Sender, different: dict[str, object]) -> Sender:
            if sender.channel_credentials is None:
                different.pop("channelCredentials", None)
            if different:
                raise mismatch(f"{self.name} sender {name!r} ({sender.id})", different, sender.to_dict())
            return sender

        wanted: Wanted[Sender] = Wanted(
            kind=(self.name, project.project_id),
            key=name,
            label="name",
            properties=body.to_dict(),
            list=lambda: project.list_all(self.list_senders, {}, _senders),
            get=None,
            key_of=lambda sender: sender.name,
            read=lambda sender: sender.to_dict(),
            create=lambda: project.invoke(self.create_sender, body=body, **query),
            update=update,
        )
        return await ensure(project, wanted)


def _senders(page: SenderList) -> builtins.list[Sender] | None:
    return page.senders


@cache
def _request_model(create_sender: Callable[..., Awaitable[Sender]]) -> type[CreateSenderRequest]:
    """Look up the body of a channel's create, so that a channel with its own request type needs no class here."""
    operation = next(each for each in OPERATIONS.values() if each.function is create_sender)
    return cast("type[CreateSenderRequest]", operation.request_model)
