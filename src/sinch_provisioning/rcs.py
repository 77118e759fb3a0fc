"""RCS senders: create, read, update, delete, launch, and wait for their approval."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Unpack, cast

from attrs import field, frozen

from sinch_provisioning_api.api import (
    CreateRcsSenderArguments,
    ListRcsSendersArguments,
    UpdateRcsSenderArguments,
    create_rcs_sender,
    delete_rcs_sender,
    get_rcs_sender,
    launch_rcs_sender,
    list_rcs_senders,
    update_rcs_sender,
)
from sinch_provisioning_api.models import CreateRcsSenderRequest, RcsSender, UpdateRcsSenderRequest

from ._channel import Project, check_name, split
from ._ensure import differences, only_one
from ._status import LAUNCHED, status_of
from .config import check_segment
from .errors import PreconditionFailedError, ProvisioningError, SenderMismatchError
from .launch import Polling, check_arrived, named_fields, not_ready, poll, settled, statuses
from .readiness import readiness


@frozen
class RcsSenders:
    """The RCS senders of one project.

    A sender's id may be None for the type checker's sake, since the API's document lets a reply omit it; calling
    with None is a `ConfigurationError`. Every method raises `ProvisioningError`, and TypeError for a keyword that
    the document does not know.
    """

    project: Project = field(repr=False)

    async def list(self, **query: Unpack[ListRcsSendersArguments]) -> builtins.list[RcsSender]:
        """Return every sender of the project, all pages of them."""
        return await self.project.pages(
            lambda caller, project_id: list_rcs_senders(caller, project_id, **query)
        )

    async def create(self, **fields: Unpack[CreateRcsSenderArguments]) -> RcsSender:
        """Create a sender; sent once only, see `OutcomeUnknownError`."""
        body, query = split(CreateRcsSenderRequest, cast("dict[str, object]", fields))
        return await self._create(body, query)

    async def get(self, sender_id: str | None) -> RcsSender:
        """Return the sender as it is now."""
        sender_id = check_segment("sender_id", sender_id)
        return await self.project.invoke(
            lambda caller, project_id: get_rcs_sender(caller, project_id, sender_id)
        )

    async def update(self, sender_id: str | None, **fields: Unpack[UpdateRcsSenderArguments]) -> RcsSender:
        """Change the given fields of a sender and return it."""
        sender_id = check_segment("sender_id", sender_id)
        body, query = split(UpdateRcsSenderRequest, cast("dict[str, object]", fields))
        return await self._update(sender_id, body, query)

    async def delete(self, sender_id: str | None) -> None:
        """Delete a sender."""
        sender_id = check_segment("sender_id", sender_id)
        await self.project.invoke(lambda caller, project_id: delete_rcs_sender(caller, project_id, sender_id))

    async def launch(self, sender_id: str | None) -> RcsSender:
        """Submit a sender for approval; sent once only, see `OutcomeUnknownError`.

        Raises `LaunchNotReadyError` where brand fields that carriers ask for are missing.
        """
        sender_id = check_segment("sender_id", sender_id)
        try:
            return await self.project.invoke(
                lambda caller, project_id: launch_rcs_sender(caller, project_id, sender_id)
            )
        except PreconditionFailedError as error:
            refusal = error
        missing: tuple[str, ...] = ()
        if not named_fields(refusal.details):
            try:
                missing = readiness(await self.get(sender_id))
            except ProvisioningError:
                missing = ()
        raise not_ready(refusal, missing)

    async def ensure(self, **fields: Unpack[CreateRcsSenderArguments]) -> RcsSender:
        """Return the sender of that `display_name`: created if there is none, updated where it differs.

        Safe to run twice, also after `OutcomeUnknownError`: it reads before it writes. Raises
        `SenderMismatchError` where several senders have the name, or where a field differs that the API can't update.
        """
        body, query = split(CreateRcsSenderRequest, cast("dict[str, object]", fields))
        name = check_name("display_name", body.display_name)
        project = self.project

        async def look() -> RcsSender | None:
            senders = await self.list()
            return only_one(
                [sender for sender in senders if sender.display_name == name], f"display name {name!r}"
            )

        async with project.locks.hold(("rcs", project.project_id, name)):
            sender, _ = await project.rewriter.run(look, lambda: self._create(body, query))
            return await self._mend(sender, body.to_dict())

    async def wait_for_status(
        self,
        sender_id: str | None,
        until: str | Iterable[str] = LAUNCHED,
        *,
        timeout: float | None = None,
        polling: Polling | None = None,
    ) -> RcsSender:
        """Poll until the sender's status is one of `until`, and return it; `timeout` in seconds, None for ever.

        Raises `LaunchRejectedError` where the sender comes to a status that ends its launch otherwise, and
        `WaitTimeoutError`; both carry the last state seen.
        """
        wanted = statuses(until)
        async with aclosing(self._poll(sender_id, timeout, polling)) as states:
            async for sender in states:
                if check_arrived(sender, wanted):
                    return sender
        raise AssertionError("polling ends by returning or raising")

    async def watch(
        self, sender_id: str | None, *, timeout: float | None = None, polling: Polling | None = None
    ) -> AsyncIterator[RcsSender]:
        """Yield the sender now and at each change of its status, until it is LAUNCHED or has failed.

        Raises `WaitTimeoutError` after `timeout` seconds (None: never), carrying the last state seen.
        """
        last: str | None = None
        first = True
        async with aclosing(self._poll(sender_id, timeout, polling)) as states:
            async for sender in states:
                status = status_of(sender)
                if first or status != last:
                    yield sender
                first, last = False, status
                if settled(sender):
                    return

    def _poll(
        self, sender_id: str | None, timeout: float | None, polling: Polling | None
    ) -> AsyncGenerator[RcsSender, None]:
        return poll(lambda: self.get(sender_id), self.project.pipeline.clock, polling or Polling(), timeout)

    async def _create(self, body: CreateRcsSenderRequest, query: Mapping[str, Any]) -> RcsSender:
        return await self.project.invoke(
            lambda caller, project_id: create_rcs_sender(caller, project_id, body=body, **query)
        )

    async def _update(
        self, sender_id: str, body: UpdateRcsSenderRequest, query: Mapping[str, Any]
    ) -> RcsSender:
        return await self.project.invoke(
            lambda caller, project_id: update_rcs_sender(caller, project_id, sender_id, body=body, **query)
        )

    async def _mend(self, sender: RcsSender, desired: dict[str, object]) -> RcsSender:
        """Update what differs from `desired`, or say what can't be updated."""
        different = differences(desired, sender.to_dict())
        if not different:
            return sender
        update = UpdateRcsSenderRequest.from_dict(different)
        if update.additional_properties:
            raise SenderMismatchError(
                f"RCS sender {sender.display_name!r} ({sender.id}) differs in "
                f"{', '.join(sorted(update.additional_properties))}, which the API can't update: "
                "delete it, or ensure what it is",
                operation_id="updateRcsSender",
            )
        return await self._update(check_segment("sender_id", sender.id), update, {})
