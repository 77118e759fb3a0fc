"""What is wanted: senders per project and channel, as values."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from attrs import Attribute, evolve, field, frozen

from sinch_provisioning_api import SecretMapping

from .. import ConfigurationError, OAuth2ClientCredentials
from .references import SecretReference, reveal

Channel = Literal["rcs", "kakaotalk", "line", "telegram"]
CHANNELS: Final[tuple[Channel, ...]] = ("rcs", "kakaotalk", "line", "telegram")
CREDENTIALS: Final = "channel_credentials"


def natural_key(channel: Channel) -> str:
    """Return the field that tells one sender of a channel from another."""
    return "display_name" if channel == "rcs" else "name"


@frozen
class DesiredSender:
    """One sender as it is wanted; `fields` bear the names of `create`'s keywords.

    `channel_credentials` are kept apart from them: each value is a reference, or the secret itself.
    """

    channel: Channel
    fields: Mapping[str, object]
    launch: bool = False
    channel_credentials: Mapping[str, str | SecretReference] | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.fields.get(natural_key(self.channel)), str) or not self.name:
            raise ConfigurationError(f"a {self.channel} sender needs its {natural_key(self.channel)}")
        if self.launch and self.channel != "rcs":
            raise ConfigurationError(f"{self.name!r}: only RCS senders are launched")

    @property
    def name(self) -> str:
        """The natural key: no two senders of a project's channel may share it."""
        return str(self.fields[natural_key(self.channel)])

    def arguments(self, environment: Mapping[str, str] = os.environ) -> dict[str, object]:
        """Return `create`'s keywords, with the secrets read; raises `ConfigurationError` where one can't be."""
        if self.channel_credentials is None:
            return dict(self.fields)
        secrets = {name: reveal(value, environment) for name, value in self.channel_credentials.items()}
        return {**self.fields, CREDENTIALS: SecretMapping(secrets)}


def _unique(
    project: object, _: Attribute[tuple[DesiredSender, ...]], senders: tuple[DesiredSender, ...]
) -> None:
    counted = Counter((sender.channel, sender.name) for sender in senders)
    for (channel, name), times in counted.items():
        if times > 1:
            raise ConfigurationError(
                f"{times} {channel} senders are called {name!r}: a name is a sender's key"
            )


@frozen
class DesiredProject:
    """The senders of one project; without an id it is the client's own, without a key it is opened by the client's."""

    senders: tuple[DesiredSender, ...] = field(converter=tuple[DesiredSender, ...], validator=_unique)
    project_id: str | None = None
    key_id: str | SecretReference | None = None
    key_secret: str | SecretReference | None = field(default=None, repr=False)

    def credentials(self, environment: Mapping[str, str] = os.environ) -> OAuth2ClientCredentials | None:
        """Return the project's own key, None where it has none; raises `ConfigurationError`."""
        if self.key_id is None or self.key_secret is None:
            return None
        return OAuth2ClientCredentials(reveal(self.key_id, environment), reveal(self.key_secret, environment))


def _distinct(
    state: object, _: Attribute[tuple[DesiredProject, ...]], projects: tuple[DesiredProject, ...]
) -> None:
    ids = [project.project_id for project in projects]
    if len(set(ids)) != len(ids):
        raise ConfigurationError("a project is listed twice: put all its senders in one place")


@frozen
class DesiredState:
    """Everything that is wanted."""

    projects: tuple[DesiredProject, ...] = field(converter=tuple[DesiredProject, ...], validator=_distinct)

    def __len__(self) -> int:
        return sum(len(project.senders) for project in self.projects)

    def __iter__(self) -> Iterator[DesiredSender]:
        return (sender for project in self.projects for sender in project.senders)

    def of(self, project_id: str) -> DesiredState:
        """Return the same with `project_id` in place of an absent one."""
        named = [
            project if project.project_id is not None else evolve(project, project_id=project_id)
            for project in self.projects
        ]
        return DesiredState(named)
