"""What a webhook delivery says, with every secret masked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, cast

from attrs import field, frozen

from .._json import loads
from ..errors import WebhookSignatureError

if TYPE_CHECKING:
    from sinch_provisioning_v1_2_api.models import KakaoTalkSender, RcsSender

_MASK: Final = "***"


@frozen(kw_only=True)
class WebhookEvent:
    """One event: its `type` is the trigger's name, such as RCS_SENDER_STATUS_UPDATED, and may be one not known yet.

    - `sender`: the whole sender at the time of the event, a model of `sinch_provisioning_v1_2_api` for RCS and
      KakaoTalk, a mapping where no model fits, None where the event is about something else.
    - `previous_state`, `current_state`: the sender's, where the trigger is about its state.
    - `project_id`: None where the delivery does not name the project.
    - `received` and `sent`: by this machine's clock, and by the signature's timestamp.
    - `raw`: the decoded JSON as it came. Secrets are `***` here as in `sender`: call `get` for a sender's token.
    """

    type: str
    received: dt.datetime
    sender: RcsSender | KakaoTalkSender | Mapping[str, Any] | None = field(
        default=None, repr=False, hash=False
    )
    previous_state: str | None = None
    current_state: str | None = None
    comment: str | None = field(default=None, repr=False)
    project_id: str | None = None
    sent: dt.datetime | None = None
    raw: Mapping[str, object] = field(factory=dict[str, object], repr=False, hash=False)

    def __await__(self) -> Generator[None, None, Self]:
        """Return itself: `await verifier.verify(...)` is the same whether its replays wait for something or not."""
        return self
        yield  # Makes this a generator.

    @property
    def sender_id(self) -> str | None:
        """What the API calls the sender: a KakaoTalk sender's plusFriendId, any other's id."""
        return _text_of(self.sender, "plus_friend_id", "plusFriendId") or _text_of(self.sender, "id", "id")

    @classmethod
    def parse(cls, body: bytes, *, received: dt.datetime, sent: dt.datetime | None = None) -> Self:
        """Read a delivery's body; raises WebhookSignatureError (reason "body") for what is not an event."""
        try:
            raw = _masked(loads(body))
        except (ValueError, RecursionError):
            raw = None
        return cls._read(raw, received, sent)

    def to_dict(self) -> dict[str, object]:
        """Return the event as JSON types, for a queue or a database; it holds no secret."""
        return {
            "received": self.received.isoformat(),
            "sent": None if self.sent is None else self.sent.isoformat(),
            "raw": self.raw,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the event that `to_dict` returned."""
        sent = data["sent"]
        return cls._read(
            data["raw"],
            dt.datetime.fromisoformat(data["received"]),
            None if sent is None else dt.datetime.fromisoformat(sent),
        )

    @classmethod
    def _read(cls, raw: object, received: dt.datetime, sent: dt.datetime | None) -> Self:
        delivery = _object(raw)
        kind = None if delivery is None else _string(delivery, "type")
        if delivery is None or not kind:
            raise WebhookSignatureError(
                "webhook delivery refused: its body is signed, but is not a JSON object with a type",
                reason="body",
            )
        return cls(
            type=kind,
            received=received,
            sender=_sender(kind, delivery.get("payload")),
            previous_state=_string(delivery, "previousState"),
            current_state=_string(delivery, "currentState"),
            comment=_string(delivery, "comment"),
            project_id=_string(delivery, "projectId"),
            sent=sent,
            raw=delivery,
        )


class _Model(Protocol):
    def from_dict(self, data: object, /) -> RcsSender | KakaoTalkSender: ...


@cache
def _models() -> Mapping[str, _Model]:
    # Loaded at the first event about a sender: whoever imports this package for its name does not wait for it.
    from sinch_provisioning_v1_2_api.models import KakaoTalkSender, RcsSender  # noqa: PLC0415

    return {"RCS_SENDER_": RcsSender, "KAKAOTALK_SENDER_": KakaoTalkSender}


def _sender(kind: str, payload: object) -> RcsSender | KakaoTalkSender | Mapping[str, Any] | None:
    """Return the payload as a model, as a mapping where it fits none, or None where it is not a sender."""
    sender = _object(payload)
    if "_SENDER_" not in kind or sender is None:
        return None
    for prefix, model in _models().items():
        if kind.startswith(prefix):
            try:
                return model.from_dict(sender)
            except ValueError:
                # A property changed its type; what the event says is still worth having.
                break
    return sender


def _masked(value: object) -> object:
    """Mask every property that bears a secret's name: a delivery has the sender's live token."""
    if isinstance(value, dict):
        return {
            name: _MASK if item is not None and _is_secret(name) else _masked(item)
            for name, item in cast("dict[str, object]", value).items()
        }
    return [_masked(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    # Loaded at the first event, as the models are.
    from sinch_provisioning_v1_2_api import is_secret_name  # noqa: PLC0415

    return is_secret_name(name)


def _object(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def _string(source: Mapping[str, object], name: str) -> str | None:
    value = source.get(name)
    return value if isinstance(value, str) else None


def _text_of(sender: object, attribute: str, name: str) -> str | None:
    source = _object(sender)
    value: object = getattr(sender, attribute, None) if source is None else source.get(name)
    return None if value is None or value == "" else str(value)
