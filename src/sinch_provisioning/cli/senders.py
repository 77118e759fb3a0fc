"""`senders list|get|launch|watch`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal, get_args

from attrs import fields

from sinch_provisioning_api.models import RcsSender, Sender

from ..lifecycle.status import FAILED, LAUNCHED, status_of
from . import output
from .app import Flag, Json, Project, Timeout, senders_app
from .connection import connect

Channel = Literal["rcs", "kakaotalk", "line", "telegram"]
AnySender = RcsSender | Sender

# These may hold secrets: credentials, and properties that the document does not know.
_HIDDEN = ("channel_credentials", "additional_properties")


def shown(channel: str, sender: AnySender) -> dict[str, object]:
    """Return the fields of a sender that hold no secrets."""
    found: dict[str, object] = {"channel": channel}
    for each in fields(type(sender)):
        value = getattr(sender, each.name)
        if each.name not in _HIDDEN:
            found[each.name] = value.isoformat() if isinstance(value, dt.datetime) else value
    if isinstance(sender, RcsSender):
        found["status"] = status_of(sender)
    return found


@senders_app.command(name="list")
async def list_senders(
    channel: Channel | None = None, *, project: Project = None, as_json: Json = False
) -> int:
    """List senders.

    Parameters
    ----------
    channel
        Only this channel (default: all).
    """
    found: list[dict[str, object]] = []
    async with connect(project) as sinch:
        channels: dict[str, Callable[[], Awaitable[Sequence[AnySender]]]] = {
            "rcs": sinch.rcs.list,
            "kakaotalk": sinch.kakaotalk.list,
            "line": sinch.line.list,
            "telegram": sinch.telegram.list,
        }
        for name in get_args(Channel) if channel is None else (channel,):
            found += [shown(name, sender) for sender in await channels[name]()]
    if as_json:
        output.as_json(found)
        return 0
    rows = [
        (
            each["channel"],
            each["id"],
            each.get("display_name", each.get("name")),
            each["status"],
            each["create_time"],
        )
        for each in found
    ]
    output.records(("channel", "id", "name", "status", "created"), rows)
    return 0


@senders_app.command(name="get")
async def get(sender_id: str, *, project: Project = None, as_json: Json = False) -> int:
    """Show one RCS sender."""
    async with connect(project) as sinch:
        return _show(await sinch.rcs.get(sender_id), as_json=as_json)


@senders_app.command(name="launch")
async def launch(
    sender_id: str,
    *,
    project: Project = None,
    wait: Annotated[bool, Flag] = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> int:
    """Launch one RCS sender, unless it is already launching or launched.

    Parameters
    ----------
    wait
        Wait until the sender is launched.
    """
    async with connect(project) as sinch:
        sender = await sinch.launch_rcs_sender(sender_id, wait=wait, timeout=timeout)
    return _show(sender, as_json=as_json)


@senders_app.command(name="watch")
async def watch(
    sender_id: str, *, project: Project = None, timeout: Timeout = None, as_json: Json = False
) -> int:
    """Print the status of an RCS sender now and at each change, until it is launched or has failed."""
    status = None
    async with connect(project) as sinch:
        async for sender in sinch.rcs.watch(sender_id, timeout=timeout):
            status = status_of(sender)
            if as_json:
                output.as_json(shown("rcs", sender))
            else:
                output.line(dt.datetime.now().astimezone().isoformat(timespec="seconds"), sender.id, status)
    return 1 if status in FAILED and status != LAUNCHED else 0


def _show(sender: RcsSender, *, as_json: bool) -> int:
    found = shown("rcs", sender)
    if as_json:
        output.as_json(found)
    else:
        output.records(
            ("field", "value"), [(name, value) for name, value in found.items() if value is not None]
        )
    return 0
