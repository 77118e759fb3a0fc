"""`senders list|get|launch|watch`."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, cast, get_args

from sinch_provisioning_api import is_secret_name

from ..errors import ConfigurationError
from ..lifecycle.status import FAILED, LAUNCHED, status_of
from . import output
from .connection import AnyClient, connect_to

Channel = Literal["rcs", "kakaotalk", "line", "telegram"]

# Where the APIs keep what a list shows: a column's value is the first of these that a sender has.
_COLUMNS: Final = {
    "id": ("plus_friend_id", "id"),
    "name": ("display_name", "name"),
    "created": ("create_time", "created"),
}


def shown(channel: str, sender: Any) -> dict[str, object]:
    """Return the fields of a sender that hold no secrets, by their Python names."""
    body = cast("dict[str, object]", sender.to_dict())
    found: dict[str, object] = {"channel": channel}
    for name, wire_name in cast("Mapping[str, str]", sender.__wire_names__).items():
        if not is_secret_name(wire_name):
            found[name] = body.get(wire_name)
    return found | {"status": status_of(sender)}


async def list_senders(
    channel: Channel | None, *, api: str | None, project: str | None, as_json: bool
) -> int:
    """List the senders of one channel or of all."""
    found: list[dict[str, object]] = []
    async with connect_to(api, project) as sinch:
        for name in _channels(sinch) if channel is None else (channel,):
            found += [shown(name, sender) for sender in await _list(sinch, name)()]
    if as_json:
        output.as_json(found)
        return 0
    rows = [
        (
            each["channel"],
            _first(each, "id"),
            _first(each, "name") or _brand_name(each),
            each["status"],
            _first(each, "created"),
        )
        for each in found
    ]
    output.records(("channel", "id", "name", "status", "created"), rows)
    return 0


def _channels(sinch: AnyClient) -> tuple[Channel, ...]:
    return tuple(name for name in get_args(Channel) if hasattr(sinch, name))


def _list(sinch: AnyClient, channel: Channel) -> Callable[[], Awaitable[Sequence[object]]]:
    if channel not in _channels(sinch):
        raise ConfigurationError(
            f"Sinch's own API has no {channel} senders: they are set up as channels of a Conversation API app"
        )
    return cast("Callable[[], Awaitable[Sequence[object]]]", getattr(sinch, channel).list)


def _first(sender: Mapping[str, object], column: str) -> object:
    return next((sender[name] for name in _COLUMNS[column] if sender.get(name) is not None), None)


def _brand_name(sender: Mapping[str, object]) -> object:
    details = cast("Mapping[str, Any]", sender.get("details") or {})
    return cast("Mapping[str, object]", details.get("brand") or details).get("name")


async def get_sender(sender_id: str, *, api: str | None, project: str | None, as_json: bool) -> int:
    """Show one RCS sender."""
    async with connect_to(api, project) as sinch:
        return _show(await sinch.rcs.get(sender_id), as_json=as_json)


async def launch_sender(
    sender_id: str, *, api: str | None, project: str | None, wait: bool, timeout: float | None, as_json: bool
) -> int:
    """Launch one RCS sender, unless it is launching or launched."""
    async with connect_to(api, project) as sinch:
        sender = await sinch.launch_rcs_sender(sender_id, wait=wait, timeout=timeout)
    return _show(sender, as_json=as_json)


async def watch_sender(
    sender_id: str, *, api: str | None, project: str | None, timeout: float | None, as_json: bool
) -> int:
    """Print the status now and at each change; 1 if the launch fails."""
    status = None
    async with connect_to(api, project) as sinch:
        states: AsyncIterator[Any] = sinch.rcs.watch(sender_id, timeout=timeout)
        async for sender in states:
            status = status_of(sender)
            if as_json:
                output.as_json(shown("rcs", sender))
            else:
                output.line(dt.datetime.now().astimezone().isoformat(timespec="seconds"), sender.id, status)
    return 1 if status in FAILED and status != LAUNCHED else 0


def _show(sender: object, *, as_json: bool) -> int:
    found = shown("rcs", sender)
    if as_json:
        output.as_json(found)
    else:
        output.records(
            ("field", "value"), [(name, value) for name, value in found.items() if value is not None]
        )
    return 0
