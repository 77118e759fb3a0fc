"""Desired senders, by project and channel, as values."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import methodcaller
from typing import Any, Final, cast

from attrs import Attribute, evolve, field, frozen

from sinch_provisioning_api import SecretMapping

from ..credentials import OAuth2ClientCredentials
from ..errors import ConfigurationError
from .kinds import DEFAULT_API, Api, Channel, Kind, at, kind_of
from .references import SecretReference, read_secret, reveal, stored_secret

CREDENTIALS: Final = "channel_credentials"


@frozen
class Source:
    """Where in a file a sender is: `line:column`."""

    file: str
    position: str

    def __str__(self) -> str:
        return f"{self.file}:{self.position}"


@frozen
class DesiredSender:
    """One desired sender of an API; `fields` are named as the keywords of `create`, nested ones in mappings.

    Each value of `channel_credentials` is a reference, or the secret itself.
    """

    channel: Channel
    fields: Mapping[str, object]
    launch: bool = False
    channel_credentials: Mapping[str, str | SecretReference] | None = field(default=None, repr=False)
    source: Source | None = field(default=None, eq=False, repr=False)
    api: Api = DEFAULT_API

    def __attrs_post_init__(self) -> None:
        kind = self.kind
        for name in kind.required:
            if at(self.fields, name) in (None, ""):
                raise ConfigurationError(
                    f"{name!r} is missing: a {self.channel} sender of API {self.api} needs it"
                )
        if not isinstance(at(self.fields, kind.key), str):
            raise ConfigurationError(f"{kind.key!r} must be text")
        if self.launch and kind.progress is None:
            raise ConfigurationError(f"{self.name!r}: only RCS senders can be launched; remove launch")

    @property
    def kind(self) -> Kind:
        """What is known of senders of this channel."""
        return kind_of(self.api, self.channel)

    @property
    def name(self) -> str:
        """The natural key, unique within a project's channel."""
        return str(at(self.fields, self.kind.key))

    def arguments(self, environment: Mapping[str, str] = os.environ) -> dict[str, object]:
        """Return the keywords of `create` with secrets resolved; raises `ConfigurationError` if one is missing."""
        if self.channel_credentials is None:
            return dict(self.fields)
        secrets = {name: reveal(value, environment) for name, value in self.channel_credentials.items()}
        return {**self.fields, CREDENTIALS: SecretMapping(secrets)}

    def to_json(self) -> str:
        """Return the sender as text to be stored; raises `ConfigurationError` for a secret given literally."""
        secrets = self.channel_credentials
        stored = None if secrets is None else {name: stored_secret(name, secrets[name]) for name in secrets}
        content = {"fields": dict(self.fields), "launch": self.launch, "credentials": stored}
        # Orders of a release that knew one API say nothing about it.
        about = {} if self.api == DEFAULT_API else {"api": self.api}
        return json.dumps(content | about, sort_keys=True, default=methodcaller("isoformat"))

    @classmethod
    def from_json(cls, channel: str, text: str) -> DesiredSender:
        """Return a stored sender."""
        data: dict[str, Any] = json.loads(text)
        stored = cast("dict[str, object] | None", data["credentials"])
        secrets = None if stored is None else {name: read_secret(value) for name, value in stored.items()}
        api = cast("Api", data.get("api", DEFAULT_API))
        return cls(cast("Channel", channel), data["fields"], data["launch"] is True, secrets, api=api)


def _unique(
    project: object, _: Attribute[tuple[DesiredSender, ...]], senders: tuple[DesiredSender, ...]
) -> None:
    counted = Counter((sender.channel, sender.name) for sender in senders)
    for (channel, name), times in counted.items():
        if times > 1:
            raise ConfigurationError(f"{times} {channel} senders are called {name!r}: names must be unique")


@frozen
class DesiredProject:
    """The senders of one project; id and key default to the client's."""

    senders: tuple[DesiredSender, ...] = field(converter=tuple[DesiredSender, ...], validator=_unique)
    project_id: str | None = None
    key_id: str | SecretReference | None = None
    key_secret: str | SecretReference | None = field(default=None, repr=False)

    def credentials(self, environment: Mapping[str, str] = os.environ) -> OAuth2ClientCredentials | None:
        """Return the project's own key, None if it has none; raises `ConfigurationError`."""
        if self.key_id is None or self.key_secret is None:
            return None
        return OAuth2ClientCredentials(reveal(self.key_id, environment), reveal(self.key_secret, environment))

    def credentials_json(self) -> str | None:
        """Return references to the project's own key as text to be stored, None if it has none."""
        if self.key_id is None or self.key_secret is None:
            return None
        return json.dumps(
            [stored_secret("key_id", self.key_id), stored_secret("key_secret", self.key_secret)]
        )

    @classmethod
    def from_json(
        cls, senders: Iterable[DesiredSender], project_id: str, credentials: str | None
    ) -> DesiredProject:
        """Return a project with a stored key."""
        if credentials is None:
            return cls(tuple(senders), project_id)
        key_id, key_secret = map(read_secret, json.loads(credentials))
        return cls(tuple(senders), project_id, key_id, key_secret)


def _distinct(
    state: object, _: Attribute[tuple[DesiredProject, ...]], projects: tuple[DesiredProject, ...]
) -> None:
    ids = [project.project_id for project in projects]
    if len(set(ids)) != len(ids):
        raise ConfigurationError("a project is listed twice: merge the two")


@frozen
class DesiredState:
    """All desired senders."""

    projects: tuple[DesiredProject, ...] = field(converter=tuple[DesiredProject, ...], validator=_distinct)

    def __len__(self) -> int:
        return sum(len(project.senders) for project in self.projects)

    def __iter__(self) -> Iterator[DesiredSender]:
        return (sender for project in self.projects for sender in project.senders)

    def of(self, project_id: str) -> DesiredState:
        """Return this state with `project_id` where a project has none."""
        named = [
            project if project.project_id is not None else evolve(project, project_id=project_id)
            for project in self.projects
        ]
        return DesiredState(named)
