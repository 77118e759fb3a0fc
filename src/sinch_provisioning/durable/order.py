"""What one workflow is asked for, as it is written into the database: references to secrets, never secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, cast

from attrs import evolve, frozen

from sinch_provisioning_api.models import RcsSender, Sender

from .. import ConfigurationError
from ..desired import Channel, DesiredProject, DesiredSender, SecretReference
from ..lifecycle.polling import Polling
from ..lifecycle.status import status_of

AnySender = RcsSender | Sender
Record = dict[str, object]

# Carriers take days. Asking sooner costs the requests that others wait to be launched with: see docs/scaling.md.
REVIEW_POLLING: Final = Polling(first_pause=600.0, longest_pause=14_400.0)


@frozen
class Order:
    """One sender of one project, the key that opens it if it is not the worker's own, and what was there."""

    project_id: str
    sender: DesiredSender
    key: tuple[str | SecretReference, SecretReference] | None = None
    found: tuple[AnySender, ...] = ()
    polling: Polling = REVIEW_POLLING

    @property
    def workflow_id(self) -> str:
        """The sender's natural key over all projects, so that ordering it twice is one workflow."""
        return f"{self.project_id}/{self.sender.channel}/{self.sender.name}"

    @classmethod
    def of(cls, project: DesiredProject, project_id: str, sender: DesiredSender) -> Order:
        """Order a sender; raises `ConfigurationError` where a secret would end up in the database."""
        key = None
        if project.key_id is not None and project.key_secret is not None:
            key = (project.key_id, _referred("key_secret", project.key_secret))
        for name, value in (sender.channel_credentials or {}).items():
            if name not in _PUBLIC:
                _referred(name, value)
        return cls(project_id, sender, key)

    def project(self) -> DesiredProject:
        """Return the project, with its key to be read where the worker runs."""
        key_id, key_secret = self.key or (None, None)
        return DesiredProject((self.sender,), self.project_id, key_id, key_secret)

    def to_dict(self) -> Record:
        """Give the order as data that any version of Python can read back."""
        credentials = self.sender.channel_credentials
        return {
            "project_id": self.project_id,
            "channel": self.sender.channel,
            "fields": dict(self.sender.fields),
            "launch": self.sender.launch,
            "credentials": None if credentials is None else {k: _written(v) for k, v in credentials.items()},
            "key": None if self.key is None else [_written(each) for each in self.key],
            "found": [recorded(each) for each in self.found],
            "polling": [self.polling.first_pause, self.polling.longest_pause, self.polling.growth],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Order:
        """Read an order back."""
        credentials = cast("dict[str, object] | None", data["credentials"])
        key = cast("list[object] | None", data["key"])
        channel = cast("Channel", data["channel"])
        sender = DesiredSender(
            channel,
            cast("dict[str, object]", data["fields"]),
            data["launch"] is True,
            None if credentials is None else {name: _read(value) for name, value in credentials.items()},
        )
        found = tuple(restored(channel, each) for each in cast("list[Record]", data["found"]))
        polling = Polling(*cast("list[float]", data["polling"]))
        order = cls(str(data["project_id"]), sender, None, found, polling)
        if key is None:
            return order
        return evolve(order, key=(_read(key[0]), cast("SecretReference", _read(key[1]))))


_PUBLIC: Final = frozenset({"kakaotalk_plus_friend_id"})


def _referred(name: str, value: str | SecretReference) -> SecretReference:
    if isinstance(value, SecretReference):
        return value
    raise ConfigurationError(f"{name} would be written into the database: refer to it with env or file")


def _written(value: str | SecretReference) -> object:
    return value.to_dict() if isinstance(value, SecretReference) else value


def _read(value: object) -> str | SecretReference:
    if isinstance(value, str):
        return value
    [(kind, where)] = cast("dict[str, str]", value).items()
    return SecretReference("env" if kind == "env" else "file", where)


def recorded(sender: AnySender) -> Record:
    """Return what of a sender is written down: what the document knows, without credentials."""
    kept = evolve(sender, additional_properties={}).to_dict()
    kept.pop("channelCredentials", None)
    if isinstance(sender, RcsSender):
        kept["status"] = status_of(sender)
    return kept


def restored(channel: Channel, data: Record) -> AnySender:
    """Return a sender that was written down."""
    return RcsSender.from_dict(data) if channel == "rcs" else Sender.from_dict(data)


def environment_url() -> str:
    """Return the database that holds the orders: SINCH_PROVISIONING_DATABASE, or a SQLite file right here."""
    return os.environ.get("SINCH_PROVISIONING_DATABASE", "sqlite:///sinch-provisioning.sqlite")
