"""Senders: what has been created, kept by collection and found by id."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import overload

import attrs

from .lifecycle import Life, Lifecycle
from .problems import EmulatorError
from .schemas import Schema
from .wire import JsonObject, dump

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NAMES = ("displayName", "name")
"""Properties that hold the natural key of a sender, in the order in which they count."""


@attrs.define(eq=False)
class Sender:
    """One sender as it is now: its fields in the document's names, its status as of the emulator's clock."""

    id: str
    project_id: str
    channel: str
    collection: str
    fields: JsonObject = attrs.field(repr=False)
    life: Life
    launchable: bool
    position: int
    lifecycle: Lifecycle = attrs.field(repr=False)
    _shown: tuple[Schema, str, float, bytes] | None = attrs.field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """Display name or name."""
        return next((str(self.fields[key]) for key in NAMES if key in self.fields), "")

    @property
    def status(self) -> str:
        """The present status."""
        return self._state()[0]

    @property
    def create_time(self) -> datetime:
        """When it was created, by the emulator's clock."""
        return datetime.fromtimestamp(self.life.created, UTC)

    @property
    def update_time(self) -> datetime:
        """When its fields or its status last changed."""
        return datetime.fromtimestamp(max(self.life.changed, self._state()[1]), UTC)

    def _state(self) -> tuple[str, float]:
        return self.lifecycle.status(
            self.life, channel=self.channel, name=self.name, launchable=self.launchable
        )

    def belongs_to(self, template: str) -> bool:
        """Whether a collection of the document, parameters open, is the one it lies in."""
        own, wanted = self.collection.split("/"), template.split("/")
        return len(own) == len(wanted) and all(
            word.startswith("{") or word == segment for word, segment in zip(wanted, own, strict=True)
        )

    def properties(self) -> JsonObject:
        """Everything known of it, under the document's names."""
        status = self.status
        return {
            **self.fields,
            "id": self.id,
            "status": status,
            "state": status,
            "createTime": timestamp(self.create_time),
            "updateTime": timestamp(self.update_time),
        }

    def rendered(self, shape: Schema) -> bytes:
        """Its JSON as a reply of that shape shows it; kept until it changes, for long lists."""
        status = self.status
        kept = self._shown
        if kept is None or kept[0] is not shape or kept[1] != status or kept[2] != self.life.changed:
            kept = (shape, status, self.life.changed, dump(shape.completed(self.properties())))
            self._shown = kept
        return kept[3]


class Senders(Sequence[Sender]):
    """All senders there are, oldest first; `senders["01J..."]` finds one by id."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        """`lifecycle` says what status each of them has."""
        self.lifecycle = lifecycle
        self._collections: dict[str, dict[str, Sender]] = {}
        self._all: dict[str, Sender] = {}
        self._count = 0

    def add(
        self,
        fields: JsonObject,
        *,
        project_id: str,
        channel: str,
        collection: str,
        launchable: bool,
        status: str | None = None,
    ) -> Sender:
        """Create a sender; `status` pins it to one until it is launched."""
        now = self.lifecycle.clock.time()
        return self.put(
            Sender(
                id=_ulid(now),
                project_id=project_id,
                channel=channel,
                collection=collection,
                fields=fields,
                life=Life(created=now, changed=now, pinned=status),
                launchable=launchable,
                position=self._count + 1,
                lifecycle=self.lifecycle,
            )
        )

    def put(self, sender: Sender) -> Sender:
        """Take in a sender as it is."""
        self._count = max(self._count, sender.position)
        self._collections.setdefault(sender.collection, {})[sender.id] = sender
        self._all[sender.id] = sender
        return sender

    def remove(self, sender: Sender) -> None:
        """Delete a sender."""
        self._collections[sender.collection].pop(sender.id, None)
        self._all.pop(sender.id, None)

    def clear(self) -> None:
        """Delete all senders."""
        self._collections.clear()
        self._all.clear()

    def settle(self) -> None:
        """Put them in the order in which they were created."""
        for sender in sorted(self._all.values(), key=lambda sender: sender.position):
            for held in (self._all, self._collections[sender.collection]):
                held[sender.id] = held.pop(sender.id)

    def find(self, collection: str, sender_id: str) -> Sender | None:
        """The sender of that id in one collection of one project."""
        return self._collections.get(collection, {}).get(sender_id)

    def within(self, collection: str) -> list[Sender]:
        """The senders of one collection of one project, oldest first."""
        return list(self._collections.get(collection, {}).values())

    def get(self, sender_id: str) -> Sender | None:
        """The sender of that id in any project."""
        return self._all.get(sender_id)

    @overload
    def __getitem__(self, index: int | str) -> Sender: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sender]: ...
    def __getitem__(self, index: int | str | slice) -> Sender | Sequence[Sender]:
        """One by its place or its id, or a slice."""
        if isinstance(index, str):
            found = self._all.get(index)
            if found is None:
                raise EmulatorError(f"there is no sender {index!r}")
            return found
        return list(self._all.values())[index]

    def __reversed__(self) -> Iterator[Sender]:
        """Newest first."""
        return reversed(list(self._all.values()))

    def __iter__(self) -> Iterator[Sender]:
        """Oldest first; changes meanwhile do no harm."""
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    def __repr__(self) -> str:
        """A count, for a look in a debugger."""
        return f"<Senders: {len(self)}>"


def timestamp(moment: datetime) -> str:
    """A time as the live API writes it: milliseconds, UTC, a small t."""
    return moment.strftime("%Y-%m-%dt%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _ulid(now: float) -> str:
    """An id as the live API gives them: 48 bits of time, 80 of chance, in Crockford's base 32."""
    number = (int(now * 1000) & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
