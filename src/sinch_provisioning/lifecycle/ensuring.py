"""Ensuring a sender by its natural key: found, or created once, then updated where it differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Final, Generic, Protocol, TypeVar, cast

from attrs import field, frozen

from ..errors import NotFoundError, ProvisioningError
from .keyed_locks import Locks
from .properties import same
from .recent_writes import LIST_LAG, RecentWrites, is_named, normal_name
from .reconciling_writer import UNCERTAIN, HasId, ReconcilingWriter, only_one

# Seconds between looks at a list that may lag behind a create of unknown outcome, before it is sent again.
LIST_LAG_PAUSES: Final = (1.0, 2.0, 2.0)

_T = TypeVar("_T", bound=HasId)


class Writes(Protocol):
    """What calls for one sender share."""

    @property
    def locks(self) -> Locks:
        """Keeps calls for one sender from overlapping."""
        ...

    @property
    def writer(self) -> ReconcilingWriter:
        """Looks before it writes again."""
        ...

    @property
    def writes(self) -> RecentWrites:
        """What was written lately."""
        ...


@frozen
class Wanted(Generic[_T]):
    """A sender as it should be, and how to bring it about.

    - `kind`, `key`: the channel and project, and the natural key's value, which `label` names in errors.
    - `properties`: what it should have, by wire name, in the form in which `read` returns those of a sender.
    - `key_of`: the natural key of a sender. `get` reads one by its id, None where the API has no such operation.
    - `update` is given the sender and the properties that differ, and may raise SenderMismatchError.
    """

    kind: tuple[Hashable, ...]
    key: str
    label: str
    properties: Mapping[str, object] = field(repr=False)
    list: Callable[[], Awaitable[list[_T]]]
    get: Callable[[str | None], Awaitable[_T]] | None
    key_of: Callable[[_T], object]
    read: Callable[[_T], Mapping[str, object]]
    create: Callable[[], Awaitable[_T]]
    update: Callable[[_T, dict[str, object]], Awaitable[_T]]


async def ensure(shared: Writes, wanted: Wanted[_T]) -> _T:
    """Return the sender that is wanted; raises SenderMismatchError where several have its natural key."""
    writes = shared.writes
    normal = normal_name(wanted.key)
    key = (*wanted.kind, normal)
    # Pauses between the first looks, where a create of before was cancelled or ended in doubt: it may have happened.
    patience: tuple[float, ...] = ()

    def bears_key(sender: _T, last: _T | None) -> bool:
        last_id, last_key = (None, None) if last is None else (last.id, wanted.key_of(last))
        return is_named(wanted.key_of(sender), normal, sender.id, last_id, last_key)

    async def look() -> _T | None:
        senders = await wanted.list()
        last = cast("_T | None", writes.last(key))
        listed = only_one(
            [sender for sender in senders if bears_key(sender, last)], f"{wanted.label} {wanted.key!r}"
        )
        if listed is not None or last is None or writes.last(key, within=LIST_LAG) is None:
            return listed
        if wanted.get is None:
            return last
        try:
            current = await wanted.get(last.id)
        except NotFoundError:
            current = None
        if current is None or (current.id == last.id and not bears_key(current, last)):
            # Deleted or renamed since.
            writes.forget(key)
            return None
        # A reply that is about no sender, or another one, says nothing about this one.
        return current if current.id == last.id else last

    async def find() -> _T | None:
        nonlocal patience
        found, pauses, patience = await look(), patience, ()
        for pause in pauses:
            if found is None:
                await shared.writer.sleep(pause)
                found = await look()
        return found

    async def create() -> _T:
        writes.begin(key)
        try:
            sender = await wanted.create()
        except ProvisioningError as error:
            if not isinstance(error, UNCERTAIN):
                writes.failed(key)
            raise
        writes.remember(key, sender, wanted.properties, wanted.read(sender), created=True)
        return sender

    async with shared.locks.hold(key):
        if writes.is_doubtful(key):
            patience = LIST_LAG_PAUSES
        sender, _ = await shared.writer.run(find, create, lag=LIST_LAG_PAUSES)
        different = writes.differences(key, wanted.properties, wanted.read(sender), same)
        if different:
            sender = await wanted.update(sender, different)
            writes.remember(key, sender, wanted.properties, wanted.read(sender))
        return sender
