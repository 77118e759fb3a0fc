"""The kinds of senders, as one table: each API's channels, and how they differ from one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from attrs import NOTHING, fields_dict, frozen

from sinch_provisioning_api import models

from ..channels.readiness import LAUNCH_REQUIREMENTS, readiness
from ..client import ProvisioningClient
from ..errors import ConfigurationError
from ..lifecycle.status import Progress, progress_of

if TYPE_CHECKING:
    from .. import v1_2

AnyClient: TypeAlias = "ProvisioningClient | v1_2.ProvisioningClient"
Api = Literal["1.0", "1.2"]
Channel = Literal["rcs", "kakaotalk", "line", "telegram"]
DEFAULT_API: Final[Api] = "1.0"


def at(fields: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field of a nested body, by its dotted name; None if there is none."""
    found: Any = fields
    for part in name.split("."):
        found = cast("Mapping[str, Any]", found).get(part) if isinstance(found, Mapping) else None
    return found


def _text(sender: Any, name: str) -> str | None:
    found = sender
    for part in name.split("."):
        found = getattr(found, part, None)
    return cast("str | None", found)


def _as_replied(sender: Any) -> Mapping[str, object]:
    return cast("Mapping[str, object]", sender.to_dict())


@frozen(eq=False)
class Kind:
    """One channel of one API. Names of fields are Python's, dotted inside of nested bodies.

    - `client` has the channel under its name; `path` is the one of its list within a project.
    - `key` is the natural key, `id` what other calls address a sender by, `title` what people read where not the key.
    - `create` and `update` (None: never) are models of requests, `listed` that of a list, `fields` the keywords of
      `create`.
    - `page_size` is asked for where it is given.
    - `instructions` are keywords that say what to do and are no property of the sender.
    - `read` returns a sender's properties as replies spell them, `may_change` whether its state lets a field change.
    - `progress` judges a launch by the wanted fields (None: there are no launches), `missing` what it still needs.
    """

    api: Api
    channel: Channel
    client: type[AnyClient]
    path: str
    key: str
    create: type[Any]
    fields: type
    listed: type[Any]
    update: type[Any] | None = None
    id: str = "id"
    title: str = ""
    page_size: int | None = None
    instructions: frozenset[str] = frozenset()
    read: Callable[[Any], Mapping[str, object]] = _as_replied
    may_change: Callable[[Any, str], bool] = lambda _, __: True
    progress: Callable[[Any, Mapping[str, object]], Progress] | None = None
    missing: Callable[[Any, Mapping[str, object]], tuple[str, ...]] = lambda _, __: ()

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields without which no sender is created, the natural key first."""
        needed = [name for name, each in fields_dict(self.create).items() if each.default is NOTHING]
        return tuple(dict.fromkeys([self.key, *needed]))

    def id_of(self, sender: Any) -> str | None:
        """Return what other calls address a sender by."""
        return _text(sender, self.id)

    def name_of(self, sender: Any) -> str | None:
        """Return a sender's natural key."""
        return _text(sender, self.key)

    def title_of(self, sender: Any) -> str | None:
        """Return what people call a sender."""
        return _text(sender, self.title or self.key)

    @cached_property
    def updatable(self) -> Set[str]:
        """The keywords of `update`."""
        return set() if self.update is None else fields_dict(self.update).keys()

    def can_update(self, sender: Any, name: str) -> bool:
        """Whether an update of the sender may change a field."""
        return name.partition(".")[0] in self.updatable and self.may_change(sender, name)


def _missing(sender: Any, fields: Mapping[str, object]) -> tuple[str, ...]:
    found = {name: getattr(sender, name, None) for group in LAUNCH_REQUIREMENTS for name in group}
    return readiness(found | dict(fields))


def _vendored() -> Iterator[Kind]:
    """Those of the vendored document."""
    yield Kind(
        "1.0",
        "rcs",
        ProvisioningClient,
        path="rcs",
        key="display_name",
        create=models.CreateRcsSenderRequest,
        fields=models.CreateRcsSenderRequestFields,
        listed=models.RcsSenderList,
        update=models.UpdateRcsSenderRequest,
        progress=lambda sender, _: progress_of(sender),
        missing=_missing,
    )
    others: tuple[tuple[Channel, str], ...] = (
        ("kakaotalk", "kakaoTalk"),
        ("line", "line"),
        ("telegram", "telegram"),
    )
    for channel, path in others:
        yield Kind(
            "1.0",
            channel,
            ProvisioningClient,
            path=path,
            key="name",
            create=models.CreateSenderRequest,
            fields=models.CreateSenderRequestFields,
            listed=models.SenderList,
        )


def _own() -> Iterator[Kind]:
    """Those of Sinch's own API, imported where they are wanted."""
    from sinch_provisioning_v1_2_api import models as own  # noqa: PLC0415 - where wanted

    from ..v1_2 import ProvisioningClient, kakaotalk, progress, rcs  # noqa: PLC0415 - where wanted

    yield Kind(
        "1.2",
        "rcs",
        ProvisioningClient,
        path="rcs",
        key="details.brand.name",
        create=own.CreateRcsSenderRequest,
        fields=own.CreateRcsSenderRequestFields,
        listed=own.RcsSenderList,
        update=own.UpdateRcsSenderRequest,
        page_size=rcs.LARGEST_PAGE,
        read=rcs.read,
        may_change=rcs.may_change,
        progress=lambda sender, fields: progress.progress_of(sender, at(fields, "details.countries")),
    )
    yield Kind(
        "1.2",
        "kakaotalk",
        ProvisioningClient,
        path="kakaotalk",
        key="plus_friend_id",
        create=own.CreateKakaoTalkSenderRequest,
        fields=own.CreateKakaoTalkSenderRequestFields,
        listed=own.KakaoTalkSenderList,
        update=own.UpdateKakaoTalkSenderRequest,
        id="plus_friend_id",
        title="details.name",
        page_size=rcs.LARGEST_PAGE,
        instructions=frozenset({"status", "save_draft_on_failure"}),
        read=kakaotalk.read,
    )


_APIS: Final[Mapping[str, Callable[[], Iterator[Kind]]]] = {"1.0": _vendored, "1.2": _own}
APIS: Final = tuple(_APIS)


@cache
def kinds(api: str) -> Mapping[str, Kind]:
    """Return an API's kinds of senders by channel; raises `ConfigurationError` for an unknown API."""
    if api not in _APIS:
        raise ConfigurationError(f"api must be one of {', '.join(_APIS)}, which {api!r} is not")
    return {kind.channel: kind for kind in _APIS[api]()}


def kind_of(api: str, channel: str) -> Kind:
    """Return the kind of a channel's senders; raises `ConfigurationError` where the API has none."""
    kind = kinds(api).get(channel)
    if kind is None:
        raise ConfigurationError(
            f"API {api} has no {channel} senders, only {', '.join(kinds(api))}; "
            "LINE and Telegram may be channels of a Conversation API app instead"
        )
    return kind
