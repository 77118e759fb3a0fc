"""Senders of KakaoTalk, LINE and Telegram: list, create, ensure."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Concatenate, Unpack, cast

from attrs import define, field

from sinch_provisioning_api import OPERATIONS, Caller
from sinch_provisioning_api.api import ListLineSendersArguments
from sinch_provisioning_api.models import CreateSenderRequest, CreateSenderRequestFields, Sender, SenderList

from ..lifecycle.recent_writes import LIST_LAG, is_named, normal_name
from ..lifecycle.reconciling_writer import only_one
from .project import LIST_LAG_PAUSES, Project, check_name, mismatch, split_arguments


@define(slots=False, eq=False)
class SenderChannel:
    """One channel whose senders can be listed and created.

    Its two operations are generated functions, whose parameters and request properties are the methods' keywords.
    """

    project: Project = field(repr=False)
    name: str
    list_senders: Callable[..., Awaitable[SenderList]] = field(repr=False)
    create_sender: Callable[Concatenate[Caller, str, ...], Awaitable[Sender]] = field(repr=False)

    async def list(self, **query: Unpack[ListLineSendersArguments]) -> builtins.list[Sender]:
        """Return all senders of the project, from all pages; raises `ProvisioningError`."""
        return await self.project.list_all(self.list_senders, **query)

    async def create(self, **fields: Unpack[CreateSenderRequestFields]) -> Sender:
        """Create a sender; sent at most once, see `OutcomeUnknownError`.

        `channel_credentials` takes `LineCredentials`, `TelegramCredentials`, `KakaoTalkCredentials` or any mapping.
        Raises `ProvisioningError`, and TypeError for a keyword that is not in the API's document.
        """
        body, query = split_arguments(_request_model(self.create_sender), cast("dict[str, object]", fields))
        return await self._create(body, query)

    async def ensure(self, **fields: Unpack[CreateSenderRequestFields]) -> Sender:
        """Return the sender of that `name`, created if there is none; safe to run twice.

        Raises `SenderMismatchError` where several senders have the name, or where the one that has it differs:
        the API has no update for this channel. Credentials that the reply leaves out are not compared.
        """
        body, query = split_arguments(_request_model(self.create_sender), cast("dict[str, object]", fields))
        name = check_name("name", body.name)
        project = self.project

        async def find() -> Sender | None:
            senders = await project.list_all(self.list_senders)
            last = cast("Sender | None", project.writes.last(key))
            last_id, last_name = (None, None) if last is None else (last.id, last.name)
            listed = only_one(
                [each for each in senders if is_named(each.name, key[2], each.id, last_id, last_name)],
                f"name {name!r}",
            )
            return listed or cast("Sender | None", project.writes.last(key, within=LIST_LAG))

        async def create() -> Sender:
            sender = await self._create(body, query)
            project.writes.remember(key, sender, body.to_dict(), sender.to_dict(), created=True)
            return sender

        key = (self.name, project.project_id, normal_name(name))
        async with project.locks.hold(key):
            sender, _ = await project.writer.run(find, create, lag=LIST_LAG_PAUSES)
        desired, actual = body.to_dict(), sender.to_dict()
        if sender.channel_credentials is None:
            desired.pop("channelCredentials", None)
        if different := project.writes.differences(key, desired, actual):
            raise mismatch(f"{self.name} sender {sender.name!r} ({sender.id})", different, actual)
        return sender

    async def _create(self, body: CreateSenderRequest, query: Mapping[str, Any]) -> Sender:
        return await self.project.invoke(self.create_sender, body=body, **query)


@cache
def _request_model(create_sender: Callable[..., Awaitable[Sender]]) -> type[CreateSenderRequest]:
    """Look up the body of a channel's create, so that a channel with its own request type needs no class here."""
    operation = next(each for each in OPERATIONS.values() if each.function is create_sender)
    return cast("type[CreateSenderRequest]", operation.request_model)
