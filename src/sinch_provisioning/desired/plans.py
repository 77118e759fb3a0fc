"""The plan: what `apply` would do. Making one changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable

from attrs import field, frozen

from ..errors import ProvisioningError
from .changes import Change, compare
from .file import load
from .kinds import AnyClient
from .project_channel import AnySender, ProjectChannel, by_name, open_channels
from .state import DesiredSender, DesiredState


@frozen
class Listing:
    """The wanted names that a channel has, and how many senders it has in all."""

    found: dict[str, list[AnySender]]
    total: int


Listings = dict[ProjectChannel, Listing | ProvisioningError]


@frozen
class Plan:
    """One change for each wanted sender, in the order given; most may need nothing."""

    changes: tuple[Change, ...] = field(converter=tuple[Change, ...])

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes with something to do."""
        return tuple(change for change in self.changes if change.actions)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """The changes that can't be completed."""
        return tuple(change for change in self.changes if change.problem is not None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not any(change.actions or change.problem is not None for change in self.changes)

    def counts(self) -> dict[str, int]:
        """Return how many senders to create, update and launch, and how many are unchanged or blocked."""
        counted = Counter(action for change in self.changes for action in change.actions)
        return {
            "create": counted["create"],
            "update": counted["update"],
            "launch": counted["launch"],
            "unchanged": sum(not change.actions and change.problem is None for change in self.changes),
            "blocked": len(self.blocked),
        }

    def to_dict(self) -> dict[str, object]:
        """Return the plan as JSON data."""
        return {"summary": self.counts(), "changes": [change.to_dict() for change in self.changes]}


@frozen
class Wanted:
    """A wanted sender and the channel it belongs to."""

    channel: ProjectChannel
    sender: DesiredSender

    def compare(self, listing: Listing | ProvisioningError) -> Change:
        """Return what the sender needs, given what its channel has."""
        sender = self.sender
        if isinstance(listing, ProvisioningError):
            return Change(self.channel.project_id, sender.channel, sender.name, problem=str(listing))
        return compare(self.channel, sender, listing.found.get(sender.name, ()))


async def plan(sinch: AnyClient, desired: DesiredState | str | os.PathLike[str]) -> Plan:
    """Compare what is wanted with what exists, listing each project's channels once.

    A path is read with `desired.load`. Raises `ProvisioningError` if no channel at all could be listed; the failure
    of one is the problem of its senders.
    """
    wanted = resolve(sinch, desired if isinstance(desired, DesiredState) else load(desired))
    listings = await list_channels(wanted)
    raise_if_all_failed(listings)
    return Plan(each.compare(listings[each.channel]) for each in wanted)


def resolve(sinch: AnyClient, desired: DesiredState) -> list[Wanted]:
    """Pair each wanted sender with its channel."""
    wanted: list[Wanted] = []
    for project in desired.of(sinch.project_id).projects:
        opened = open_channels(sinch, project)
        wanted.extend(Wanted(opened[sender.kind], sender) for sender in project.senders)
    return wanted


async def list_channels(wanted: Iterable[Wanted], *, at_once: int = 10) -> Listings:
    """List every channel of the wanted senders once; one that can't be listed has its error instead."""
    names: dict[ProjectChannel, set[str]] = {}
    for each in wanted:
        names.setdefault(each.channel, set()).add(each.sender.name)
    slots = asyncio.Semaphore(at_once)

    async def listed(channel: ProjectChannel) -> Listing | ProvisioningError:
        async with slots:
            try:
                senders = await channel.list()
            except ProvisioningError as error:
                return error
            return Listing(by_name(channel.kind, senders, names[channel]), len(senders))

    return dict(zip(names, await asyncio.gather(*map(listed, names)), strict=True))


def raise_if_all_failed(listings: Listings) -> None:
    """Raise the first error if no channel could be listed: then no single project is at fault."""
    failures = [listing for listing in listings.values() if isinstance(listing, ProvisioningError)]
    if failures and len(failures) == len(listings):
        raise failures[0]
