"""Senders of KakaoTalk, LINE and Telegram: list, create, ensure."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Unpack, cast

from attrs import field, frozen

from sinch_provisioning_api import OPERATIONS
from sinch_provisioning_api.api import ListLineSendersArguments
from sinch_provisioning_api.models import CreateSenderRequest, CreateSenderRequestFields, Sender, SenderList

from ._channel import Project, check_name, split
from ._ensure import differences, only_one
from .errors import SenderMismatchError


@frozen
class SenderChannel:
    """One channel whose senders can be listed and created.

    Its two operations are generated functions; their parameters and the request's properties are its keywords.
    """

    project: Project = field(repr=False)
    name: str
    list_senders: Callable[..., Awaitable[SenderList]] = field(repr=False)
    create_sender: Callable[..., Awaitable[Sender]] = field(repr=False)

    async def list(self, **query: Unpack[ListLineSendersArguments]) -> builtins.list[Sender]:
        """Return every sender of the project, all pages of them; raises `ProvisioningError`."""
        return await self.project.pages(
            lambda caller, project_id: self.list_senders(caller, project_id, **query)
        )

    async def create(self, **fields: Unpack[CreateSenderRequestFields]) -> Sender:
        """Create a sender; sent once only, see `OutcomeUnknownError`.

        `channel_credentials` takes `LineCredentials`, `TelegramCredentials`, `KakaoTalkCredentials` or any mapping.
        Raises `ProvisioningError`; TypeError for a keyword that the API's document does not know.
        """
        body, query = split(_request_model(self.create_sender), cast("dict[str, object]", fields))
        return await self._create(body, query)

    async def ensure(self, **fields: Unpack[CreateSenderRequestFields]) -> Sender:
        """Return the sender of that `name`, created if there is none; safe to run twice.

        Raises `SenderMismatchError` where several senders have the name, or where the one that has it differs:
        the API has no update for this channel. Credentials that the reply leaves out are not compared.
        """
        body, query = split(_request_model(self.create_sender), cast("dict[str, object]", fields))
        name = check_name("name", body.name)
        project = self.project

        async def look() -> Sender | None:
            senders = await project.pages(self.list_senders)
            return only_one([sender for sender in senders if sender.name == name], f"name {name!r}")

        async with project.locks.hold((self.name, project.project_id, name)):
            sender, written = await project.rewriter.run(look, lambda: self._create(body, query))
        if not written or sender.name == name:
            self._check(body.to_dict(), sender)
        return sender

    async def _create(self, body: CreateSenderRequest, query: Mapping[str, Any]) -> Sender:
        return await self.project.invoke(
            lambda caller, project_id: self.create_sender(caller, project_id, body=body, **query)
        )

    def _check(self, desired: dict[str, object], sender: Sender) -> None:
        actual = sender.to_dict()
        if sender.channel_credentials is None:
            desired.pop("channelCredentials", None)
        if different := differences(desired, actual):
            raise SenderMismatchError(
                f"{self.name} sender {sender.name!r} ({sender.id}) differs in {', '.join(sorted(different))}, "
                "and this channel's senders can't be updated: delete it, or ensure what it is",
            )


@cache
def _request_model(create_sender: Callable[..., Awaitable[Sender]]) -> type[CreateSenderRequest]:
    """Look up the body of a channel's create, so that one with a request of its own needs no class of its own."""
    operation = next(each for each in OPERATIONS.values() if each.function is create_sender)
    return cast("type[CreateSenderRequest]", operation.request_model)
