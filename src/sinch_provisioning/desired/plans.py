"""The plan: what would be done to make what is there what is wanted. Making one changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable

from attrs import field, frozen

from .. import ProvisioningClient, ProvisioningError
from .difference import Change, decide
from .file import load
from .places import AnySender, Place, places
from .state import DesiredSender, DesiredState

Listing = dict[str, list[AnySender]] | ProvisioningError


@frozen
class Plan:
    """One change for each wanted sender, in the order they were given; most may have nothing to do."""

    changes: tuple[Change, ...] = field(converter=tuple[Change, ...])

    @property
    def pending(self) -> tuple[Change, ...]:
        """Those that something would be done for."""
        return tuple(change for change in self.changes if change.actions)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """Those that can't come to what is wanted."""
        return tuple(change for change in self.changes if change.problem is not None)

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it is wanted."""
        return not any(change.actions or change.problem is not None for change in self.changes)

    def counts(self) -> dict[str, int]:
        """Return how many senders would be created, updated, launched, left alone, and can't be."""
        counted = Counter(action for change in self.changes for action in change.actions)
        return {
            "create": counted["create"],
            "update": counted["update"],
            "launch": counted["launch"],
            "unchanged": sum(not change.actions and change.problem is None for change in self.changes),
            "blocked": len(self.blocked),
        }

    def to_dict(self) -> dict[str, object]:
        """Give the plan ready for JSON."""
        return {"summary": self.counts(), "changes": [change.to_dict() for change in self.changes]}


@frozen
class Wanted:
    """A wanted sender and the place it belongs to."""

    place: Place
    sender: DesiredSender

    def compare(self, listing: Listing) -> Change:
        """Decide what to do, given what its place holds."""
        project_id = self.place.project_id
        if isinstance(listing, ProvisioningError):
            return Change(project_id, self.sender.channel, self.sender.name, problem=str(listing))
        return decide(project_id, self.sender, listing.get(self.sender.name, ()))


async def plan(sinch: ProvisioningClient, desired: DesiredState | str | os.PathLike[str]) -> Plan:
    """Compare what is wanted with what is there; one listing for each channel and project, and no write.

    A path is read with `desired.load`. Raises `ProvisioningError` where no project at all could be listed; a single
    one's failure is the problem of its senders.
    """
    wanted = open_all(sinch, desired if isinstance(desired, DesiredState) else load(desired))
    listings = await survey(wanted)
    raise_if_blind(listings)
    return Plan(each.compare(listings[each.place]) for each in wanted)


def open_all(sinch: ProvisioningClient, desired: DesiredState) -> list[Wanted]:
    """Give each wanted sender its place."""
    wanted: list[Wanted] = []
    for project in desired.of(sinch.project_id).projects:
        opened = places(sinch, project)
        wanted.extend(Wanted(opened[sender.channel], sender) for sender in project.senders)
    return wanted


async def survey(wanted: Iterable[Wanted], *, at_once: int = 10) -> dict[Place, Listing]:
    """List every place that senders are wanted in, once; a place that can't be listed gives its error."""
    names: dict[Place, set[str]] = {}
    for each in wanted:
        names.setdefault(each.place, set()).add(each.sender.name)
    slots = asyncio.Semaphore(at_once)

    async def look(place: Place) -> Listing:
        async with slots:
            try:
                return await place.list(names[place])
            except ProvisioningError as error:
                return error

    return dict(zip(names, await asyncio.gather(*map(look, names)), strict=True))


def raise_if_blind(listings: dict[Place, Listing]) -> None:
    """Raise the first error where no place could be listed: then it is no single project's trouble."""
    failures = [listing for listing in listings.values() if isinstance(listing, ProvisioningError)]
    if failures and len(failures) == len(listings):
        raise failures[0]
