"""Databases of release 0.1, where each sender was a workflow of its own: their orders become rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

import sqlalchemy as sa
from dbos import DBOS

from .database import Database, channels, orders

_OLD_SENDER: Final = "sinch_provisioning.sender"
_OLD_CALL: Final = "sinch_provisioning.call"
_ACTIVE: Final = ("ENQUEUED", "DELAYED", "PENDING")
_BATCH: Final = 500


def adopt_old_orders(database: Database) -> int:
    """Turn sender workflows into orders and end them; returns their number. The old workers must have been stopped.

    One that may have a request under way is "sending", so that it is left alone until that request has ended.
    """
    adopted = 0
    while found := DBOS.list_workflows(name=_OLD_SENDER, limit=_BATCH):
        ids = [each.workflow_id for each in found]
        active = [each.workflow_id for each in found if each.status in _ACTIVE]
        if active:
            DBOS.cancel_workflows(active)
        database.transact(
            _insert, [(each.workflow_id, each.status, each.input, each.output) for each in found]
        )
        DBOS.delete_workflows(ids, delete_children=True)
        adopted += len(ids)
    while calls := DBOS.list_workflows(name=_OLD_CALL, limit=_BATCH, load_input=False, load_output=False):
        DBOS.delete_workflows([each.workflow_id for each in calls])
    return adopted


def _insert(connection: sa.Connection, found: list[tuple[str, str, Any, Any]]) -> None:
    there = sa.select(orders.c.id).where(orders.c.id.in_([each[0] for each in found]))
    known = set(connection.execute(there).scalars())
    rows: list[dict[str, object]] = []
    opened: dict[str, dict[str, object]] = {}
    for workflow_id, status, given, output in found:
        if workflow_id in known:
            continue
        data = cast("Mapping[str, Any]", given["args"][0])
        channel_id = f"{data['project_id']}/{data['channel']}"
        row = _row(workflow_id, channel_id, status, data, output)
        rows.append(row)
        if row["state"] in ("queued", "sending"):
            key = None if data["key"] is None else json.dumps(data["key"])
            polling = json.dumps(data["polling"])
            opened[channel_id] = {"id": channel_id, "credentials": key, "polling": polling, "is_open": 1}
    if rows:
        connection.execute(sa.insert(orders), rows)
    there = sa.select(channels.c.id).where(channels.c.id.in_(list(opened)))
    for channel_id in set(connection.execute(there).scalars()):
        connection.execute(sa.update(channels).where(channels.c.id == channel_id).values(is_open=1, wake=1))
        del opened[channel_id]
    if opened:
        # Owned by nobody alive, so that whoever takes it over waits for the old worker's requests to end.
        connection.execute(sa.insert(channels), [row | {"owner": None} for row in opened.values()])


def _row(
    workflow_id: str, channel_id: str, status: str, data: Mapping[str, Any], output: Any
) -> dict[str, object]:
    ended = cast("Mapping[str, Any]", output or {})
    states = {"PENDING": "sending", "ENQUEUED": "queued", "DELAYED": "queued", "SUCCESS": "done"}
    state = "failed" if ended.get("state") == "failed" else states.get(status, "failed")
    content = {"fields": data["fields"], "launch": data["launch"], "credentials": data["credentials"]}
    return {
        "id": workflow_id,
        "channel_id": channel_id,
        "content": json.dumps(content, sort_keys=True, separators=(",", ":")),
        "state": state,
        "sender_id": ended.get("id"),
        "status": ended.get("status"),
        "problem": ended.get("problem"),
        "done": ",".join(ended.get("done", ())),
    }
