"""The senders that exist, indexed by id and by collection."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Protocol, overload

from ..openapi.error_replies import EmulatorError
from ..openapi.messages import JsonObject
from .clock import Clock
from .lifecycle import Verdict
from .sender import Sender, SenderHistory, SenderRules

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Journal(Protocol):
    """Where changes are recorded before the reply that reports them."""

    def sender(self, sender: Sender, deleted: bool) -> None:
        """A sender was written or deleted."""
        ...

    def delivery(self, stored: JsonObject) -> None:
        """A webhook delivery was queued or sent."""
        ...

    def verdict(self, name: str, verdict: Verdict) -> None:
        """A verdict was announced for a name."""
        ...

    def clock(self) -> None:
        """The clock was moved."""
        ...

    def emptied(self) -> None:
        """Every sender was deleted."""
        ...


class Senders(Sequence[Sender]):
    """All senders, oldest first; `senders["01J..."]` looks one up by id."""

    def __init__(self, rules: SenderRules, clock: Clock) -> None:
        """`rules` computes their statuses."""
        self.rules = rules
        self._clock = clock
        self.journal: Journal | None = None
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
        status: str | None = None,
        sender_id: str | None = None,
    ) -> Sender:
        """Create a sender, under an id of its own unless one is given; `status` is fixed until it is launched."""
        now = self._clock.time()
        sender = self.put(
            Sender(
                id=ulid(now) if sender_id is None else sender_id,
                project_id=project_id,
                channel=channel,
                collection=collection,
                fields=fields,
                history=SenderHistory(created=now, changed=now, pinned=status),
                position=self._count + 1,
                rules=self.rules,
            )
        )
        self.save(sender)
        return sender

    def save(self, sender: Sender) -> None:
        """Record that a sender has changed."""
        sender.revision += 1
        if self.journal is not None:
            self.journal.sender(sender, False)

    def put(self, sender: Sender) -> Sender:
        """Store a sender as it is, unrecorded."""
        self._count = max(self._count, sender.position)
        self._collections.setdefault(sender.collection, {})[sender.id] = sender
        self._all[sender.id] = sender
        return sender

    def remove(self, sender: Sender) -> None:
        """Delete a sender."""
        self._collections[sender.collection].pop(sender.id, None)
        self._all.pop(sender.id, None)
        if self.journal is not None:
            self.journal.sender(sender, True)

    def clear(self) -> None:
        """Delete all senders."""
        self._collections.clear()
        self._all.clear()

    def sort(self) -> None:
        """Restore the order of creation."""
        for sender in sorted(self._all.values(), key=lambda sender: sender.position):
            for held in (self._all, self._collections[sender.collection]):
                held[sender.id] = held.pop(sender.id)

    def find(self, collection: str, sender_id: str) -> Sender | None:
        """Return the sender with that id in one project's collection."""
        return self._collections.get(collection, {}).get(sender_id)

    def within(self, collection: str) -> list[Sender]:
        """Return one project's collection, oldest first."""
        return list(self._collections.get(collection, {}).values())

    def get(self, sender_id: str) -> Sender | None:
        """Return the sender with that id, in any project."""
        return self._all.get(sender_id)

    @overload
    def __getitem__(self, index: int | str) -> Sender: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sender]: ...
    def __getitem__(self, index: int | str | slice) -> Sender | Sequence[Sender]:
        """Return one by position or id, or a slice."""
        if isinstance(index, str):
            found = self._all.get(index)
            if found is None:
                raise EmulatorError(f"no sender has the id {index!r}")
            return found
        return list(self._all.values())[index]

    def __reversed__(self) -> Iterator[Sender]:
        """Iterate from the newest."""
        return reversed(list(self._all.values()))

    def __iter__(self) -> Iterator[Sender]:
        """Iterate over a copy, from the oldest."""
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def __repr__(self) -> str:
        """Show the count only."""
        return f"<Senders: {len(self)}>"


def ulid(now: float) -> str:
    """Return a new ULID: 48 bits of time and 80 random ones, in Crockford's base 32."""
    number = (int(now * 1000) & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
