"""RCS senders: create, read, update, delete, launch, and wait for their approval."""

from __future__ import annotations

import builtins
from typing import Any, ClassVar, Unpack, cast

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
from sinch_provisioning_api.models import (
    CreateRcsSenderRequest,
    RcsSender,
    RcsSenderList,
    UpdateRcsSenderRequest,
)

from .._calls.call_options import CallOptions
from ..config import Id, check_segment
from ..errors import PreconditionFailedError, ProvisioningError
from ..lifecycle.ensuring import Wanted, ensure
from .launchable import LaunchableSenders
from .project import Project, check_name, mismatch
from .readiness import launch_refusal, missing_fields, readiness
from .signatures import listing_fields


class ListRcsSenders(ListRcsSendersArguments, CallOptions):
    """The keyword arguments of `list`."""


class CreateRcsSender(CreateRcsSenderArguments, CallOptions):
    """The keyword arguments of `create` and `ensure`."""


class UpdateRcsSender(UpdateRcsSenderArguments, CallOptions):
    """The keyword arguments of `update`."""


@listing_fields
@define(slots=False, eq=False)
class RcsSenders(LaunchableSenders[RcsSender]):
    """The RCS senders of one project.

    A sender's id may be None to a type checker, since the API's document lets a reply omit it; calling with None is
    a `ConfigurationError`. Every method raises `ProvisioningError`, and TypeError for a keyword that is not in the
    document.
    """

    project: Project = field(repr=False)
    _get_operation: ClassVar = "getRcsSender"

    async def list(self, **query: Unpack[ListRcsSenders]) -> builtins.list[RcsSender]:
        """Return all senders of the project, from all pages."""
        return await self.project.list_all(list_rcs_senders, query, _senders)

    async def create(self, **fields: Unpack[CreateRcsSender]) -> RcsSender:
        """Create a sender; sent at most once, see `OutcomeUnknownError`."""
        return await self.project.send(create_rcs_sender, CreateRcsSenderRequest, fields)

    async def get(self, sender_id: Id | None, **options: Unpack[CallOptions]) -> RcsSender:
        """Return the sender as it is now."""
        project = self.project.with_only(options) if options else self.project
        return await project.invoke(get_rcs_sender, check_segment("sender_id", sender_id))

    async def update(self, sender_id: Id | None, **fields: Unpack[UpdateRcsSender]) -> RcsSender:
        """Change the given fields of a sender and return it."""
        sender_id = check_segment("sender_id", sender_id)
        return await self.project.send(update_rcs_sender, UpdateRcsSenderRequest, fields, sender_id)

    async def delete(self, sender_id: Id | None, **options: Unpack[CallOptions]) -> None:
        """Delete a sender."""
        project = self.project.with_only(options) if options else self.project
        await project.invoke(delete_rcs_sender, check_segment("sender_id", sender_id))

    async def launch(self, sender_id: Id | None, **options: Unpack[CallOptions]) -> RcsSender:
        """Submit a sender for approval; sent at most once, see `OutcomeUnknownError`.

        Raises `LaunchNotReadyError` where brand fields that carriers require are missing.
        """
        sender_id = check_segment("sender_id", sender_id)
        project = self.project.with_only(options) if options else self.project
        try:
            return await project.invoke(launch_rcs_sender, sender_id)
        except PreconditionFailedError as error:
            refusal = error
        missing = missing_fields(refusal.details)
        if not missing:
            try:
                missing = readiness(await self.get(sender_id))
            except ProvisioningError:
                missing = ()
        raise launch_refusal(refusal, missing)

    async def ensure(self, **fields: Unpack[CreateRcsSender]) -> RcsSender:
        """Return the sender of that `display_name`: created if there is none, updated where it differs.

        Safe to run twice, also after `OutcomeUnknownError`: it reads before it writes. Raises
        `SenderMismatchError` where several senders have the name, or where a field differs that the API can't update.
        """
        project, body, query = self.project.with_body(CreateRcsSenderRequest, cast("Any", fields))
        name = check_name("display_name", body.display_name)
        channel = RcsSenders(project)

        async def update(sender: RcsSender, different: dict[str, object]) -> RcsSender:
            request = UpdateRcsSenderRequest.from_dict(different)
            if fixed := request.additional_properties:
                raise mismatch(f"RCS sender {name!r} ({sender.id})", fixed, sender.to_dict())
            return await project.invoke(
                update_rcs_sender, check_segment("sender_id", sender.id), body=request
            )

        wanted: Wanted[RcsSender] = Wanted(
            kind=("rcs", project.project_id),
            key=name,
            label="display name",
            properties=body.to_dict(),
            list=channel.list,
            get=channel.get,
            key_of=lambda sender: sender.display_name,
            read=lambda sender: sender.to_dict(),
            create=lambda: project.invoke(create_rcs_sender, body=body, **query),
            update=update,
        )
        return await ensure(project, wanted)


def _senders(page: RcsSenderList) -> builtins.list[RcsSender] | None:
    return page.senders
