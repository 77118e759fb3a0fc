"""What one order asks for, as it is written into the database: references to secrets, never secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from attrs import frozen

from .. import ConfigurationError
from ..desired import Channel, DesiredProject, DesiredSender, SecretReference
from ..lifecycle.polling import Polling

# Review takes days, and polling sooner costs requests: see docs/scaling.md.
REVIEW_POLLING: Final = Polling(first_pause=600.0, longest_pause=14_400.0)
# The one value of channel credentials that is no secret.
_PUBLIC: Final = frozenset({"kakaotalk_plus_friend_id"})


@frozen
class Order:
    """One sender of one project."""

    project_id: str
    sender: DesiredSender

    @property
    def id(self) -> str:
        """The sender's natural key over all projects, so that ordering it twice is one order."""
        return f"{self.channel_id}/{self.sender.name}"

    @property
    def channel_id(self) -> str:
        """The project channel, which is the unit of work."""
        return f"{self.project_id}/{self.sender.channel}"

    def content(self) -> str:
        """Return the order as JSON; raises `ConfigurationError` if a secret would end up in the database."""
        secrets = self.sender.channel_credentials
        for name, value in (secrets or {}).items():
            if name not in _PUBLIC:
                _require_reference(name, value)
        data = {
            "fields": dict(self.sender.fields),
            "launch": self.sender.launch,
            "credentials": None if secrets is None else {k: _written(v) for k, v in secrets.items()},
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    @classmethod
    def read(cls, channel_id: str, content: str) -> Order:
        """Read an order back."""
        project_id, channel = channel_id.rsplit("/", 1)
        data = json.loads(content)
        secrets = cast("dict[str, object] | None", data["credentials"])
        return cls(
            project_id,
            DesiredSender(
                cast("Channel", channel),
                cast("dict[str, object]", data["fields"]),
                data["launch"] is True,
                None if secrets is None else {name: _read(value) for name, value in secrets.items()},
            ),
        )


def project_credentials(project: DesiredProject) -> str | None:
    """Return a project's key as JSON, None if it has none of its own."""
    if project.key_id is None or project.key_secret is None:
        return None
    _require_reference("key_secret", project.key_secret)
    return json.dumps([_written(project.key_id), _written(project.key_secret)])


def read_project(channel_id: str, credentials: str | None, sender: DesiredSender) -> DesiredProject:
    """Return the project of a channel, with references to its key."""
    project_id, _ = channel_id.rsplit("/", 1)
    key_id, key_secret = (None, None) if credentials is None else map(_read, json.loads(credentials))
    return DesiredProject([sender], project_id, key_id, key_secret)


def _require_reference(name: str, value: str | SecretReference) -> None:
    if not isinstance(value, SecretReference):
        raise ConfigurationError(
            f"{name} would be stored in the database: use {{env: NAME}} or {{file: PATH}}"
        )


def _written(value: str | SecretReference) -> object:
    return value.to_dict() if isinstance(value, SecretReference) else value


def _read(value: object) -> str | SecretReference:
    if isinstance(value, str):
        return value
    [(kind, where)] = cast("Mapping[str, str]", value).items()
    return SecretReference("env" if kind == "env" else "file", where)
