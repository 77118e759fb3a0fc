"""Databases of release 0.1, where each sender was a workflow of its own: their orders become rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS

from .database import Database, channels, orders, upsert

_ACTIVE: Final = {"ENQUEUED": "queued", "DELAYED": "queued", "PENDING": "sending"}
_BATCH: Final = 500


async def adopt_old_orders(database: Database) -> None:
    """Turn sender workflows into orders and end them; the old workers must have been stopped."""
    listed = partial(DBOS.list_workflows, name="sinch_provisioning.sender", limit=_BATCH)
    while found := await asyncio.to_thread(listed):
        active = [each.workflow_id for each in found if each.status in _ACTIVE]
        await asyncio.to_thread(DBOS.cancel_workflows, active)
        await database.run(partial(_insert, found=found))
        ids = [each.workflow_id for each in found]
        await asyncio.to_thread(DBOS.delete_workflows, ids, delete_children=True)


def _insert(connection: sa.Connection, found: Sequence[Any]) -> None:
    rows: list[dict[str, object]] = []
    opened: dict[str, dict[str, object]] = {}
    for each in found:
        data: dict[str, Any] = each.input["args"][0]
        ended: dict[str, Any] = each.output or {}
        channel_id = f"{data['project_id']}/{data['channel']}"
        content = {"fields": data["fields"], "launch": data["launch"], "credentials": data["credentials"]}
        row: dict[str, object] = {
            "id": each.workflow_id,
            "channel_id": channel_id,
            "content": json.dumps(content, sort_keys=True),
            "state": _ACTIVE.get(each.status) or ("done" if ended.get("state") == "done" else "failed"),
            "sender_id": ended.get("id"),
            "status": ended.get("status"),
            "problem": ended.get("problem"),
            "done": ",".join(ended.get("done", ())),
        }
        rows.append(row)
        if each.status in _ACTIVE:
            # The old worker's last requests may still be under way.
            key = None if data["key"] is None else json.dumps(data["key"])
            about = {"id": channel_id, "credentials": key, "polling": json.dumps(data["polling"])}
            opened[channel_id] = {**about, "is_open": 1, "doubt": 1}
    upsert(connection, channels, [*opened.values()])
    upsert(connection, orders, rows, only_if=lambda _: sa.false())
