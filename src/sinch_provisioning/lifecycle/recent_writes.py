"""What the server replied to this client's recent writes.

A list may lag behind creates, and a server may trim, normalize or otherwise respell what it stores. Neither must make
`ensure` create a second sender, or update one again and again.
"""

from __future__ import annotations

import math
import operator
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Final

from attrs import evolve, field, frozen

from ..clock import Clock

# Seconds for which a sender that was created is taken to exist although a list does not show it.
LIST_LAG: Final = 60.0
# Seconds for which an accepted launch is taken to be under way although the sender's status does not show it.
LAUNCH_LAG: Final = 86_400.0
# Senders whose writes are remembered; the oldest are forgotten first.
MOST_SENDERS: Final = 10_000


def normal_name(name: object) -> str | None:
    """Return the form in which names are compared: Unicode NFC, white space trimmed and single; None for no string."""
    return " ".join(unicodedata.normalize("NFC", name).split()) if isinstance(name, str) else None


def is_named(name: object, wanted: str | None, sender_id: object, last_id: object, last_name: object) -> bool:
    """Whether a sender bears the name `wanted`, or is the one created for it under the name that the server made."""
    return normal_name(name) == wanted or (last_id is not None and sender_id == last_id and name == last_name)


@frozen
class Write:
    """The last writes of one sender: its reply as `sender`, and per wire property what was sent and replied."""

    sender: object = field(repr=False)
    created_at: float | None
    properties: Mapping[str, tuple[object, object]] = field(repr=False)


class RecentWrites:
    """Remembers the writes of a client by sender, for all its views; safe in several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._writes: OrderedDict[Hashable, Write] = OrderedDict()
        # When a create was begun whose outcome is not known: it was cancelled, or no reply came.
        self._begun: OrderedDict[Hashable, float] = OrderedDict()

    def begin(self, key: Hashable) -> None:
        """Record that a create for `key` is about to be sent."""
        with self._guard:
            self._begun[key] = self._clock.monotonic()
            if len(self._begun) > MOST_SENDERS:
                self._begun.popitem(last=False)

    def failed(self, key: Hashable) -> None:
        """Record that the create for `key` did not happen."""
        with self._guard:
            self._begun.pop(key, None)

    def is_doubtful(self, key: Hashable) -> bool:
        """Whether a create for `key` may have happened that a list does not show yet."""
        begun = self._begun.get(key)
        return begun is not None and self._clock.monotonic() - begun < LIST_LAG

    def remember(
        self,
        key: Hashable,
        sender: object,
        sent: Mapping[str, object],
        replied: Mapping[str, object],
        *,
        created: bool = False,
    ) -> None:
        """Record what was sent for `key` and what the server made of it; `created`: made, or launched, just now."""
        properties = {name: (value, replied.get(name)) for name, value in sent.items()}
        with self._guard:
            self._begun.pop(key, None)
            last = self._writes.pop(key, Write(sender, None, {}))
            created_at = self._clock.monotonic() if created else last.created_at
            self._writes[key] = evolve(
                last, sender=sender, created_at=created_at, properties={**last.properties, **properties}
            )
            if len(self._writes) > MOST_SENDERS:
                self._writes.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Drop what is known of `key`."""
        with self._guard:
            self._writes.pop(key, None)

    def last(self, key: Hashable, *, within: float = math.inf) -> object | None:
        """Return the sender as last replied; None if `key` was not created or launched `within` the last seconds."""
        write = self._writes.get(key)
        if write is None or write.created_at is None:
            return None
        return write.sender if self._clock.monotonic() - write.created_at < within else None

    def differences(
        self,
        key: Hashable,
        desired: Mapping[str, object],
        actual: Mapping[str, object],
        same: Callable[[object, object], bool] = operator.eq,
    ) -> dict[str, object]:
        """Return the properties of `desired`, by wire name, that `actual` lacks or has with another value.

        A value that is what the server replied when this very value was written does not differ.
        """
        write = self._writes.get(key)
        known: Mapping[str, tuple[object, object]] = {} if write is None else write.properties
        return {
            name: value
            for name, value in desired.items()
            if not same(actual.get(name), value) and known.get(name) != (value, actual.get(name))
        }
