"""One sender."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import attrs

from ..openapi.messages import JsonObject, dump
from ..openapi.schemas import Schema
from .lifecycle import Verdict


@attrs.define
class SenderHistory:
    """When things happened to one sender, in seconds since the epoch; `pinned` is a status set by hand."""

    created: float
    changed: float
    launched: float | None = None
    verdict: Verdict | None = None
    decided: float | None = None
    pinned: str | None = None


class SenderRules(Protocol):
    """What an API makes of a sender's fields and history."""

    def name(self, sender: Sender) -> str:
        """Return its natural key."""
        ...

    def status(self, sender: Sender) -> tuple[str, float]:
        """Return its status and when it last changed, in seconds since the epoch."""
        ...

    def properties(self, sender: Sender) -> JsonObject:
        """Return everything known about it, under the document's names."""
        ...


@attrs.define(eq=False)
class Sender:
    """One sender; its fields have the document's names, its status depends on the emulator's clock."""

    id: str
    project_id: str
    channel: str
    collection: str
    fields: JsonObject = attrs.field(repr=False)
    history: SenderHistory
    position: int
    rules: SenderRules = attrs.field(repr=False)
    revision: int = attrs.field(default=0, init=False, repr=False)
    _shown: tuple[Schema, tuple[int, str, float], bytes] | None = attrs.field(
        default=None, init=False, repr=False
    )

    @property
    def name(self) -> str:
        """Return its natural key, such as its display name."""
        return self.rules.name(self)

    @property
    def status(self) -> str:
        """Return its current status."""
        return self.rules.status(self)[0]

    @property
    def create_time(self) -> datetime:
        """Return when it was created, by the emulator's clock."""
        return datetime.fromtimestamp(self.history.created, UTC)

    @property
    def update_time(self) -> datetime:
        """Return when its fields or its status last changed."""
        return datetime.fromtimestamp(max(self.history.changed, self.rules.status(self)[1]), UTC)

    def rendered(self, shape: Schema) -> bytes:
        """Return its JSON in a reply of that schema; cached until it changes, for long lists."""
        version = (self.revision, *self.rules.status(self))
        kept = self._shown
        if kept is None or kept[0] is not shape or kept[1] != version:
            kept = self._shown = (shape, version, dump(shape.completed(self.rules.properties(self))))
        return kept[2]


def timestamp(moment: datetime) -> str:
    """Format a time as the live API does: milliseconds, UTC, lower-case t."""
    return moment.strftime("%Y-%m-%dt%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
