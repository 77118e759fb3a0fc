"""Who works on a project channel: statements that hold under any number of workers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, cast

import sqlalchemy as sa
from attrs import frozen

from ..lifecycle.next_step import Action
from ..lifecycle.polling import Polling
from .database import channels, orders, upsert, workers

OPEN_STATES: Final = ("queued", "sending", "in review")

_alive = workers.c.dead_by.is_(None)


def read_actions(text: str | None) -> list[Action]:
    """Return the writes that have succeeded, as they are stored."""
    return cast("list[Action]", (text or "").split(",")) if text else []


@frozen
class OpenChannel:
    """A channel as its owner finds it; `taken_over` from a worker whose last requests may still be under way."""

    credentials: str | None
    polling: Polling
    polls: int
    webhooks: bool
    taken_over: bool
    orders: Sequence[sa.Row[Any]]


def take_channel(connection: sa.Connection, channel_id: str, worker_id: str) -> OpenChannel | None:
    """Make a living worker the owner, unless another living one is; returns the channel with its open orders."""
    mine = sa.select(workers.c.id).where(workers.c.id == worker_id, _alive).exists()
    alive_owner = sa.select(workers.c.id).where(workers.c.id == channels.c.owner, _alive).exists()
    row = connection.execute(
        sa.select(channels).where(channels.c.id == channel_id).with_for_update()
    ).one_or_none()
    taken = connection.execute(
        sa.update(channels)
        .where(channels.c.id == channel_id, mine)
        .where(sa.or_(channels.c.owner == worker_id, channels.c.owner.is_(None), ~alive_owner))
        .values(owner=worker_id)
    )
    if row is None or not taken.rowcount:
        return None
    found = connection.execute(
        sa.select(orders)
        .where(orders.c.channel_id == channel_id, orders.c.state.in_(OPEN_STATES))
        .order_by(orders.c.id)
    ).all()
    return OpenChannel(
        row.credentials,
        Polling(*json.loads(row.polling)),
        row.polls,
        bool(row.webhooks),
        row.owner is not None and row.owner != worker_id,
        found,
    )


def write_orders(
    connection: sa.Connection, channel_id: str, worker_id: str, rows: Sequence[dict[str, object]]
) -> set[str] | None:
    """Write rows that were not changed meanwhile, returning their ids; None if the worker is no longer the owner."""
    if not _owns(connection, channel_id, worker_id):
        return None
    return upsert(connection, orders, rows, only_if=lambda new: orders.c.revision == new.revision)


def _owns(connection: sa.Connection, channel_id: str, worker_id: str) -> bool:
    held = sa.select(channels.c.id).join(workers, workers.c.id == channels.c.owner)
    held = held.where(channels.c.id == channel_id, workers.c.id == worker_id, _alive)
    return connection.execute(held.with_for_update(of=channels)).one_or_none() is not None


def end_round(connection: sa.Connection, channel_id: str, worker_id: str, polls: int) -> bool | None:
    """Count polls, and close a channel without open orders; returns whether it is open, None if it was lost."""
    if not _owns(connection, channel_id, worker_id):
        return None
    still_open = sa.select(orders.c.id).where(
        orders.c.channel_id == channel_id, orders.c.state.in_(OPEN_STATES)
    )
    if connection.execute(still_open.limit(1)).first() is not None:
        connection.execute(sa.update(channels).where(channels.c.id == channel_id).values(polls=polls))
        return True
    connection.execute(
        sa.update(channels)
        .where(channels.c.id == channel_id)
        .values(is_open=0, owner=None, polls=0, generation=channels.c.generation + 1)
    )
    return False
