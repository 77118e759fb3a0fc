"""One channel of one project, through the client that opens it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from attrs import frozen

from sinch_provisioning_api.models import RcsSender, Sender

from .. import ProvisioningClient
from ..channels.senders import SenderChannel
from .state import Channel, DesiredProject, DesiredSender

AnySender = RcsSender | Sender


@frozen
class Place:
    """Where senders of one kind live."""

    client: ProvisioningClient
    channel: Channel

    @property
    def project_id(self) -> str:
        """The project's id."""
        return self.client.project_id

    async def list(self, names: Collection[str]) -> dict[str, list[AnySender]]:
        """Return the senders that bear one of `names`, by name; one listing, whatever their number."""
        channel = self.client.rcs if self.channel == "rcs" else self._other()
        found: defaultdict[str, list[AnySender]] = defaultdict(list)
        for sender in await channel.list():
            name = name_of(sender)
            if name is not None and name in names:
                found[name].append(sender)
        return found

    async def create(self, wanted: DesiredSender) -> AnySender:
        """Create a sender, reading its secrets now."""
        # The file's schema is made of the same models; what does not fit them is a TypeError, sent to nobody.
        fields = cast("Mapping[str, Any]", wanted.arguments())
        if self.channel == "rcs":
            return await self.client.rcs.create(**fields)
        return await self._other().create(**fields)

    async def update(
        self, sender_id: str | None, wanted: DesiredSender, differing: Sequence[str]
    ) -> AnySender:
        """Send the differing fields of an RCS sender."""
        fields = cast("Mapping[str, Any]", {name: wanted.fields[name] for name in differing})
        return await self.client.rcs.update(sender_id, **fields)

    async def launch(self, sender_id: str | None) -> AnySender:
        """Submit an RCS sender for approval."""
        return await self.client.rcs.launch(sender_id)

    def _other(self) -> SenderChannel:
        channels: dict[Channel, SenderChannel] = {
            "kakaotalk": self.client.kakaotalk,
            "line": self.client.line,
            "telegram": self.client.telegram,
        }
        return channels[self.channel]


def places(client: ProvisioningClient, project: DesiredProject) -> dict[Channel, Place]:
    """Open a project's channels that senders are wanted on."""
    view = client
    credentials = project.credentials()
    if credentials is not None or project.project_id not in (None, client.project_id):
        view = client.for_project(project.project_id or client.project_id, credentials)
    opened: dict[Channel, Place] = {}
    for sender in project.senders:
        if sender.channel not in opened:
            opened[sender.channel] = Place(view, sender.channel)
    return opened


def name_of(sender: AnySender) -> str | None:
    """Return a sender's natural key."""
    return sender.display_name if isinstance(sender, RcsSender) else sender.name
