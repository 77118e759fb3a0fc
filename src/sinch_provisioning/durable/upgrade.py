"""Databases of release 0.1, where each sender was a workflow of its own: their orders become rows."""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS

from .database import Database, channels, orders, upsert

_ACTIVE: Final = {"ENQUEUED": "queued", "DELAYED": "queued", "PENDING": "sending"}
_BATCH: Final = 500


def adopt_old_orders(database: Database) -> None:
    """Turn sender workflows into orders and end them; the old workers must have been stopped."""
    while found := DBOS.list_workflows(name="sinch_provisioning.sender", limit=_BATCH):
        if active := [each.workflow_id for each in found if each.status in _ACTIVE]:
            DBOS.cancel_workflows(active)
        database.transact(_insert, found)
        DBOS.delete_workflows([each.workflow_id for each in found], delete_children=True)


def _insert(connection: sa.Connection, found: list[Any]) -> None:
    there = sa.select(orders.c.id).where(orders.c.id.in_([each.workflow_id for each in found]))
    known = set(connection.execute(there).scalars())
    rows: list[dict[str, object]] = []
    opened: dict[str, dict[str, object]] = {}
    for each in found:
        data: Any = each.input["args"][0]
        ended: Any = each.output or {}
        channel_id = f"{data['project_id']}/{data['channel']}"
        state = _ACTIVE.get(each.status) or ("done" if ended.get("state") == "done" else "failed")
        content = {"fields": data["fields"], "launch": data["launch"], "credentials": data["credentials"]}
        row: dict[str, object] = {
            "id": each.workflow_id,
            "channel_id": channel_id,
            "content": json.dumps(content, sort_keys=True),
            "state": state,
            "sender_id": ended.get("id"),
            "status": ended.get("status"),
            "problem": ended.get("problem"),
            "done": ",".join(ended.get("done", ())),
        }
        if each.workflow_id not in known:
            rows.append(row)
            if each.status in _ACTIVE:
                key = None if data["key"] is None else json.dumps(data["key"])
                polling = json.dumps(data["polling"])
                # The old worker's last requests may still be under way.
                opened[channel_id] = {"id": channel_id, "credentials": key, "polling": polling, "doubt": 1}
    upsert(connection, channels, [row | {"is_open": 1, "wake": 1} for row in opened.values()])
    upsert(connection, orders, rows)
