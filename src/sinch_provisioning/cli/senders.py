"""`senders list|get|launch|watch`."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, cast

from sinch_provisioning_api import is_secret_name

from ..config import resolve_api
from ..desired import Channel, kind_of, kinds
from ..lifecycle.status import FAILED, LAUNCHED, status_of
from . import output
from .app import Api, Flag, Json, Project, Timeout, senders_app
from .connection import connect_to


def shown(channel: str, sender: Any) -> dict[str, object]:
    """Return the fields of a sender that hold no secrets, by their Python names."""
    body = cast("dict[str, object]", sender.to_dict())
    found: dict[str, object] = {"channel": channel}
    for name, wire_name in cast("Mapping[str, str]", sender.__wire_names__).items():
        if not is_secret_name(wire_name):
            found[name] = body.get(wire_name)
    return found | {"status": status_of(sender)}


@senders_app.command(name="list")
async def list_senders(
    channel: Channel | None = None, *, api: Api = None, project: Project = None, as_json: Json = False
) -> int:
    """List senders.

    Parameters
    ----------
    channel
        Only this channel (default: all).
    """
    version = resolve_api(api)
    chosen = kinds(version).values() if channel is None else [kind_of(version, channel)]
    async with connect_to(version, project) as sinch:
        found = [(kind, sender) for kind in chosen for sender in await getattr(sinch, kind.channel).list()]
    if as_json:
        output.as_json([shown(kind.channel, sender) for kind, sender in found])
        return 0
    rows = [
        (kind.channel, kind.id_of(sender), kind.title_of(sender), status_of(sender), _created(sender))
        for kind, sender in found
    ]
    output.records(("channel", "id", "name", "status", "created"), rows)
    return 0


def _created(sender: object) -> object:
    return next((getattr(sender, name) for name in ("create_time", "created") if hasattr(sender, name)), None)


@senders_app.command(name="get")
async def get(sender_id: str, *, api: Api = None, project: Project = None, as_json: Json = False) -> int:
    """Show one RCS sender."""
    async with connect_to(api, project) as sinch:
        return _show(await sinch.rcs.get(sender_id), as_json=as_json)


@senders_app.command(name="launch")
async def launch(
    sender_id: str,
    *,
    api: Api = None,
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
    async with connect_to(api, project) as sinch:
        sender = await sinch.launch_rcs_sender(sender_id, wait=wait, timeout=timeout)
    return _show(sender, as_json=as_json)


@senders_app.command(name="watch")
async def watch(
    sender_id: str,
    *,
    api: Api = None,
    project: Project = None,
    timeout: Timeout = None,
    as_json: Json = False,
) -> int:
    """Print the status of an RCS sender now and at each change, until it is launched or has failed."""
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
