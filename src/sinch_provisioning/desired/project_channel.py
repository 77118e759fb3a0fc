"""One channel of one project, through the client that opens it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from attrs import frozen

from sinch_provisioning_api.models import RcsSender, Sender

from ..client import ProvisioningClient
from ..lifecycle.next_step import Action
from .state import Channel, DesiredProject, DesiredSender

AnySender = RcsSender | Sender
PAGE_SIZE = 50
"""Senders in one page of a list, which is one request."""


@frozen
class ProjectChannel:
    """The senders of one kind in one project."""

    client: ProvisioningClient
    channel: Channel

    @property
    def project_id(self) -> str:
        """The project's id."""
        return self.client.project_id

    async def list(self) -> list[AnySender]:
        """Return every sender."""
        if self.channel == "rcs":
            return [*await self.client.rcs.list()]
        return [*await getattr(self.client, self.channel).list()]

    async def get(self, sender_id: str | None) -> AnySender:
        """Return one RCS sender."""
        return await self.client.rcs.get(sender_id)

    async def write(
        self, action: Action, wanted: DesiredSender, sender_id: str | None, differing: Sequence[str]
    ) -> AnySender:
        """Create a sender, update its differing fields, or launch it; secrets are read now."""
        if action == "launch":
            return await self.client.rcs.launch(sender_id)
        # The schema of a file is made from the same models, so a wrong keyword is a TypeError of Python code.
        fields = cast("Mapping[str, Any]", wanted.arguments())
        if action == "update":
            return await self.client.rcs.update(sender_id, **{name: fields[name] for name in differing})
        if self.channel == "rcs":
            return await self.client.rcs.create(**fields)
        return cast("Sender", await getattr(self.client, self.channel).create(**fields))


def open_channels(client: ProvisioningClient, project: DesiredProject) -> dict[Channel, ProjectChannel]:
    """Open the channels of a project that its senders belong to."""
    view = client
    credentials = project.credentials()
    if credentials is not None or project.project_id not in (None, client.project_id):
        view = client.for_project(project.project_id or client.project_id, credentials)
    return {sender.channel: ProjectChannel(view, sender.channel) for sender in project.senders}


def name_of(sender: AnySender) -> str | None:
    """Return a sender's natural key."""
    return sender.display_name if isinstance(sender, RcsSender) else sender.name


def by_name(senders: Sequence[AnySender], names: Collection[str]) -> dict[str, list[AnySender]]:
    """Group the senders that have one of `names`."""
    found: defaultdict[str, list[AnySender]] = defaultdict(list)
    for sender in senders:
        name = name_of(sender)
        if name is not None and name in names:
            found[name].append(sender)
    return found
