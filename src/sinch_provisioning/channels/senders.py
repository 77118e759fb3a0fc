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

from ..errors import SenderMismatchError
from ..lifecycle.reconciling_writer import differences, only_one
from .project import Project, check_name, split_arguments


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
            return only_one([sender for sender in senders if sender.name == name], f"name {name!r}")

        async with project.locks.hold((self.name, project.project_id, name)):
            sender, written = await project.writer.run(find, lambda: self._create(body, query))
        if not written or sender.name == name:
            self._check(body.to_dict(), sender)
        return sender

    async def _create(self, body: CreateSenderRequest, query: Mapping[str, Any]) -> Sender:
        return await self.project.invoke(self.create_sender, body=body, **query)

    def _check(self, desired: dict[str, object], sender: Sender) -> None:
        actual = sender.to_dict()
        if sender.channel_credentials is None:
            desired.pop("channelCredentials", None)
        if different := differences(desired, actual):
            raise SenderMismatchError(
                f"{self.name} sender {sender.name!r} ({sender.id}) differs in {', '.join(sorted(different))}, "
                "and the API can't update senders of this channel: delete it, or ensure it as it is",
            )


@cache
def _request_model(create_sender: Callable[..., Awaitable[Sender]]) -> type[CreateSenderRequest]:
    """Look up the body of a channel's create, so that a channel with its own request type needs no class here."""
    operation = next(each for each in OPERATIONS.values() if each.function is create_sender)
    return cast("type[CreateSenderRequest]", operation.request_model)
