"""RCS senders: create, read, update, delete, launch, and wait for their approval."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Unpack, cast

from attrs import define, field

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

from ..config import Id, check_segment
from ..errors import ConfigurationError, NotFoundError, PreconditionFailedError, ProvisioningError
from ..lifecycle.launch import launch_once
from ..lifecycle.polling import EventSource, Polling, poll
from ..lifecycle.recent_writes import LIST_LAG, is_named, normal_name
from ..lifecycle.reconciling_writer import only_one
from ..lifecycle.status import LAUNCHED, has_arrived, is_settled, status_of, statuses
from .project import LIST_LAG_PAUSES, Project, check_name, mismatch, split_arguments
from .readiness import launch_refusal, named_fields, readiness

_GET = "getRcsSender"


@define(slots=False, eq=False)
class RcsSenders:
    """The RCS senders of one project.

    A sender's id may be None to a type checker, since the API's document lets a reply omit it; calling with None is
    a `ConfigurationError`. Every method raises `ProvisioningError`, and TypeError for a keyword that is not in the
    document.
    """

    project: Project = field(repr=False)

    async def list(self, **query: Unpack[ListRcsSendersArguments]) -> builtins.list[RcsSender]:
        """Return all senders of the project, from all pages."""
        return await self.project.list_all(list_rcs_senders, **query)

    async def create(self, **fields: Unpack[CreateRcsSenderArguments]) -> RcsSender:
        """Create a sender; sent at most once, see `OutcomeUnknownError`."""
        body, query = split_arguments(CreateRcsSenderRequest, cast("dict[str, object]", fields))
        return await self._create(body, query)

    async def get(self, sender_id: Id | None) -> RcsSender:
        """Return the sender as it is now."""
        return await self.project.invoke(get_rcs_sender, check_segment("sender_id", sender_id))

    async def update(self, sender_id: Id | None, **fields: Unpack[UpdateRcsSenderArguments]) -> RcsSender:
        """Change the given fields of a sender and return it."""
        sender_id = check_segment("sender_id", sender_id)
        body, query = split_arguments(UpdateRcsSenderRequest, cast("dict[str, object]", fields))
        return await self.project.invoke(update_rcs_sender, sender_id, body=body, **query)

    async def delete(self, sender_id: Id | None) -> None:
        """Delete a sender."""
        await self.project.invoke(delete_rcs_sender, check_segment("sender_id", sender_id))

    async def launch(self, sender_id: Id | None) -> RcsSender:
        """Submit a sender for approval; sent at most once, see `OutcomeUnknownError`.

        Raises `LaunchNotReadyError` where brand fields that carriers require are missing.
        """
        sender_id = check_segment("sender_id", sender_id)
        try:
            return await self.project.invoke(launch_rcs_sender, sender_id)
        except PreconditionFailedError as error:
            refusal = error
        missing: tuple[str, ...] = ()
        if not named_fields(refusal.details):
            try:
                missing = readiness(await self.get(sender_id))
            except ProvisioningError:
                missing = ()
        raise launch_refusal(refusal, missing)

    async def ensure(self, **fields: Unpack[CreateRcsSenderArguments]) -> RcsSender:
        """Return the sender of that `display_name`: created if there is none, updated where it differs.

        Safe to run twice, also after `OutcomeUnknownError`: it reads before it writes. Raises
        `SenderMismatchError` where several senders have the name, or where a field differs that the API can't update.
        """
        body, query = split_arguments(CreateRcsSenderRequest, cast("dict[str, object]", fields))
        name = check_name("display_name", body.display_name)
        project = self.project

        def bears_name(sender: RcsSender, last: RcsSender | None) -> bool:
            last_id, last_name = (None, None) if last is None else (last.id, last.display_name)
            return is_named(sender.display_name, key[2], sender.id, last_id, last_name)

        async def find() -> RcsSender | None:
            senders = await self.list()
            last = cast("RcsSender | None", project.writes.last(key))
            listed = only_one(
                [sender for sender in senders if bears_name(sender, last)], f"display name {name!r}"
            )
            if listed is not None or last is None or project.writes.last(key, within=LIST_LAG) is None:
                return listed
            try:
                current = await self.get(last.id)
            except NotFoundError:
                current = None
            if current is None or not bears_name(current, last):
                # Deleted or renamed since.
                project.writes.forget(key)
                return None
            return current

        async def create() -> RcsSender:
            sender = await self._create(body, query)
            project.writes.remember(key, sender, body.to_dict(), sender.to_dict(), created=True)
            return sender

        key = ("rcs", project.project_id, normal_name(name))
        async with project.locks.hold(key):
            sender, _ = await project.writer.run(find, create, lag=LIST_LAG_PAUSES)
            return await self._update_differences(key, sender, body.to_dict())

    async def ensure_launched(
        self,
        sender_id: Id | None = None,
        *,
        wait: bool = False,
        until: str | Iterable[str] = (LAUNCHED,),
        timeout: float | None = None,
        events: EventSource | None = None,
        **fields: Unpack[CreateRcsSenderArguments],
    ) -> RcsSender:
        """Launch one sender at most once; see `ProvisioningClient.launch_rcs_sender`."""
        if (sender_id is None) == (not fields):
            raise ConfigurationError("launch_rcs_sender takes either a sender id or the sender's fields")
        sender = await (self.get(sender_id) if sender_id is not None else self.ensure(**fields))
        project = self.project
        sender_id = check_segment("sender_id", sender.id)
        launched = await launch_once(
            sender,
            sender_id,
            get=self.get,
            launch=self.launch,
            writer=project.writer,
            writes=project.writes,
            locks=project.locks,
            key=("rcs", project.project_id, "id", sender_id),
        )
        # The reply to the launch may already say what is waited for.
        if not wait or has_arrived(launched, statuses(until), operation_id=_GET):
            return launched
        return await self.wait_for_status(launched.id, until, timeout=timeout, events=events)

    async def wait_for_status(
        self,
        sender_id: Id | None,
        until: str | Iterable[str] = LAUNCHED,
        *,
        timeout: float | None = None,
        polling: Polling | None = None,
        events: EventSource | None = None,
    ) -> RcsSender:
        """Poll until the sender's status is one of `until`, and return it; `timeout` in seconds, None for no limit.

        With `events` (an `EventHub`) it reads the sender when a webhook says that it changed, and polls only in case
        one was lost: first after 10 minutes, then ever more rarely down to once an hour.

        Raises `LaunchRejectedError` where the sender's launch ends without success, and `WaitTimeoutError`; both
        carry the last state seen.
        """
        wanted = statuses(until)
        async with aclosing(self._poll(sender_id, timeout, polling, events)) as states:
            async for sender in states:
                if has_arrived(sender, wanted, operation_id=_GET):
                    return sender
        raise AssertionError("polling ends by returning or raising")

    async def watch(
        self,
        sender_id: Id | None,
        *,
        timeout: float | None = None,
        polling: Polling | None = None,
        events: EventSource | None = None,
    ) -> AsyncIterator[RcsSender]:
        """Yield the sender now and at each change of its status, until it is LAUNCHED or has failed.

        `events` works as in `wait_for_status`. Raises `WaitTimeoutError` after `timeout` seconds (None: never),
        carrying the last state seen.
        """
        last: str | None = None
        first = True
        async with aclosing(self._poll(sender_id, timeout, polling, events)) as states:
            async for sender in states:
                status = status_of(sender)
                if first or status != last:
                    yield sender
                first, last = False, status
                if is_settled(sender):
                    return

    def _poll(
        self,
        sender_id: Id | None,
        timeout: float | None,
        polling: Polling | None,
        events: EventSource | None,
    ) -> AsyncGenerator[RcsSender, None]:
        return poll(
            self.get,
            check_segment("sender_id", sender_id),
            clock=self.project.pipeline.clock,
            polling=polling,
            timeout=timeout,
            operation_id=_GET,
            events=events,
        )

    async def _create(self, body: CreateRcsSenderRequest, query: Mapping[str, Any]) -> RcsSender:
        return await self.project.invoke(create_rcs_sender, body=body, **query)

    async def _update_differences(
        self, key: Hashable, sender: RcsSender, desired: dict[str, object]
    ) -> RcsSender:
        """Update what differs from `desired`; raises SenderMismatchError for what the API can't update."""
        project = self.project
        actual = sender.to_dict()
        different = project.writes.differences(key, desired, actual)
        if not different:
            return sender
        update = UpdateRcsSenderRequest.from_dict(different)
        if update.additional_properties:
            sender_name = f"RCS sender {sender.display_name!r} ({sender.id})"
            raise mismatch(sender_name, update.additional_properties, actual)
        updated = await project.invoke(update_rcs_sender, check_segment("sender_id", sender.id), body=update)
        project.writes.remember(key, updated, different, updated.to_dict())
        return updated
