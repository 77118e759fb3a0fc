"""Placing, changing and cancelling orders, reading how they stand, and taking webhooks."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar, cast

import sqlalchemy as sa
from attrs import astuple, field, frozen

from .. import ConfigurationError, ProvisioningClient
from ..desired import Change, DesiredState, list_channels, load, raise_if_all_failed, resolve
from ..lifecycle.next_step import Situation, next_step
from ..lifecycle.polling import Polling
from ..lifecycle.status import FAILED, LAUNCHED
from .database import Database, channels, orders, upsert
from .order import REVIEW_POLLING, Order, project_credentials
from .ownership import OPEN_STATES, read_actions

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BATCH: Final = 500
State = Literal["queued", "under way", "done", "failed", "stopped"]
_STATES: Final[Mapping[str, State]] = {
    "queued": "queued",
    "sending": "under way",
    "in review": "under way",
    "done": "done",
    "failed": "failed",
    "stopped": "stopped",
}


@frozen
class Standing:
    """How one order stands; `tries` counts the failures in a row behind its `problem`."""

    workflow_id: str
    state: State
    status: str | None = None
    problem: str | None = None
    tries: int = 0

    @property
    def project_id(self) -> str:
        """The sender's project."""
        return self.workflow_id.partition("/")[0]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {
            "id": self.workflow_id,
            "state": self.state,
            "status": self.status,
            "problem": self.problem,
            "tries": self.tries,
        }


@frozen
class Ordered:
    """Orders that are new or were changed, orders that are known already, and senders that need none or are blocked."""

    new: tuple[str, ...] = field(converter=tuple[str, ...])
    known: tuple[str, ...] = field(converter=tuple[str, ...])
    unchanged: int
    blocked: tuple[Change, ...] = field(converter=tuple[Change, ...])

    def counts(self) -> dict[str, int]:
        """Return the four numbers."""
        return {
            "ordered": len(self.new),
            "already_ordered": len(self.known),
            "unchanged": self.unchanged,
            "blocked": len(self.blocked),
        }


async def enqueue(
    sinch: ProvisioningClient,
    desired: DesiredState | str | os.PathLike[str],
    url: str,
    *,
    polling: Polling = REVIEW_POLLING,
) -> Ordered:
    """Order whatever a file's senders need; ordering it again changes only what the file says differently now.

    `polling` is how often senders under review are looked at. Orders that have ended are placed anew where something
    is missing again. Raises `ProvisioningError`, also where another file has an open order for the same sender that
    says something else; nothing is ordered then.
    """
    state = (desired if isinstance(desired, DesiredState) else load(desired)).of(sinch.project_id)
    wanted = resolve(sinch, state)
    listings = await list_channels(wanted)
    raise_if_all_failed(listings)
    asked: list[_Asked] = []
    blocked: list[Change] = []
    for each in wanted:
        change = each.compare(listings[each.channel])
        if change.problem is not None:
            blocked.append(change)
        in_review = each.sender.launch and change.problem is None and change.status != LAUNCHED
        order = Order(change.project_id, each.sender)
        asked.append(_Asked(order, order.content(), bool(change.actions) or in_review))
    keys = {str(each.project_id): project_credentials(each) for each in state.projects}
    database = Database.open(url)
    try:
        await database.prepare()
        new, known = await database.run(_place, asked, keys, polling)
    finally:
        database.close()
    unchanged = len(asked) - len(blocked) - len(set(new) | set(known))
    return Ordered(new, known, max(0, unchanged), blocked)


@frozen
class _Asked:
    order: Order
    content: str
    needed: bool


def _place(
    connection: sa.Connection, asked: Sequence[_Asked], keys: Mapping[str, str | None], polling: Polling
) -> tuple[list[str], list[str]]:
    rows: list[dict[str, object]] = []
    touched: dict[str, dict[str, object]] = {}
    known: list[str] = []
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        same = sa.select(orders).where(orders.c.id.in_([each.order.id for each in batch]))
        there = {row.id: row for row in connection.execute(same)}
        for each in batch:
            row = there.get(each.order.id)
            is_open = row is not None and row.state in OPEN_STATES
            if is_open and row is not None and row.content == each.content:
                known.append(row.id)
                continue
            if is_open and row is not None:
                _refuse_another_file(row, each.order)
            if is_open or each.needed:
                rows.append(_row(each, 0 if row is None else row.revision + 1))
                project_id = each.order.project_id
                touched[each.order.channel_id] = {
                    "id": each.order.channel_id,
                    "credentials": keys.get(project_id),
                    "polling": json.dumps(astuple(polling)),
                    "is_open": 1,
                    "wake": 1,
                    "polls": 0,
                }
    # Before the orders: a worker that closes the channel meanwhile holds its row.
    upsert(connection, channels, list(touched.values()))
    for start in range(0, len(rows), _BATCH):
        upsert(connection, orders, rows[start : start + _BATCH])
    return [str(row["id"]) for row in rows], known


def _row(asked: _Asked, revision: int) -> dict[str, object]:
    source = asked.order.sender.source
    return {
        "id": asked.order.id,
        "channel_id": asked.order.channel_id,
        "revision": revision,
        "content": asked.content,
        "file": None if source is None else source.file,
        "position": None if source is None else source.position,
        "state": "queued",
        "problem": None,
        "tries": 0,
        "done": "",
    }


def _refuse_another_file(row: sa.Row[Any], order: Order) -> None:
    source = order.sender.source
    if source is not None and row.file is not None and row.file != source.file:
        raise ConfigurationError(
            f"{source}: {order.id} is ordered differently by {row.file}:{row.position}: "
            f"remove one of them, or cancel the order with `sinch-provisioning cancel {order.id}`"
        )


async def cancel(url: str, order_ids: Collection[str]) -> list[str]:
    """Cancel open orders and return their ids; what was sent already stays as it is."""
    return await _read(url, _cancel, list(order_ids))


def _cancel(connection: sa.Connection, order_ids: list[str]) -> list[str]:
    named = (orders.c.id.in_(order_ids), orders.c.state.in_(OPEN_STATES))
    owners = sa.select(orders.c.channel_id).where(*named)
    connection.execute(sa.update(channels).where(channels.c.id.in_(owners)).values(wake=1))
    stopped = sa.update(orders).where(*named).values(state="stopped", revision=orders.c.revision + 1)
    return sorted(connection.execute(stopped.returning(orders.c.id)).scalars())


async def standings(url: str, states: Collection[State] = ()) -> list[Standing]:
    """Return how the orders stand, all or those in `states`."""
    return await _read(url, _standings, states)


async def project_totals(url: str) -> dict[str, dict[str, int]]:
    """Return the number of orders in each state, by project, with one query."""
    return await _read(url, _project_totals)


async def _read(
    url: str, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Run `work` on a database that has orders."""
    database = Database.open(url)
    try:
        if database.file is None or database.file.exists():
            there = await database.run(lambda connection: sa.inspect(connection).has_table(orders.name))
            if there:
                return await database.run(work, *args, **kwargs)
    finally:
        database.close()
    raise ConfigurationError("no orders in this database: order something with `apply --durable` first")


def _standings(connection: sa.Connection, states: Collection[State]) -> list[Standing]:
    chosen = sa.select(orders.c.id, orders.c.state, orders.c.status, orders.c.problem, orders.c.tries)
    if states:
        chosen = chosen.where(orders.c.state.in_([key for key, value in _STATES.items() if value in states]))
    rows = connection.execute(chosen.order_by(orders.c.id)).all()
    return [Standing(row.id, _STATES[row.state], row.status, row.problem, row.tries) for row in rows]


def _project_totals(connection: sa.Connection) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    grouped = sa.select(orders.c.channel_id, orders.c.state, sa.func.count().label("number"))
    for row in connection.execute(grouped.group_by(orders.c.channel_id, orders.c.state)):
        counted.setdefault(row.channel_id.rsplit("/", 1)[0], Counter())[_STATES[row.state]] += row.number
    return {project: _all_states(counts) for project, counts in sorted(counted.items())}


def totals(found: Sequence[Standing]) -> dict[str, int]:
    """Count orders by state."""
    return _all_states(Counter(each.state for each in found))


def _all_states(counts: Mapping[str, int]) -> dict[str, int]:
    return {state: counts.get(state, 0) for state in ("queued", "under way", "done", "failed", "stopped")}


class SenderEvent(Protocol):
    """What `deliver` reads of a verified webhook."""

    @property
    def sender(self) -> object:
        """The sender: an object or mapping with an `id`."""
        ...

    @property
    def current_state(self) -> str | None:
        """The sender's new state, None in an event that is not about it."""
        ...

    @property
    def project_id(self) -> str | None:
        """The project, if the event names it."""
        ...


async def deliver(url: str, event: SenderEvent) -> bool:
    """Record what a webhook says of a sender under review; returns whether an open order was found.

    Once webhooks come in for a channel, its workers poll less often.
    """
    sender = event.sender
    sender_id = (
        cast("Mapping[str, Any]", sender).get("id")
        if isinstance(sender, Mapping)
        else getattr(sender, "id", None)
    )
    if not isinstance(sender_id, str) or event.current_state is None:
        return False
    return await _read(url, _deliver, sender_id, event.current_state, event.project_id)


def _deliver(connection: sa.Connection, sender_id: str, status: str, project_id: str | None) -> bool:
    found = sa.select(orders, channels.c.webhooks).join(channels, channels.c.id == orders.c.channel_id)
    found = found.where(orders.c.sender_id == sender_id, orders.c.state.in_(("sending", "in review")))
    if project_id is not None:
        found = found.where(orders.c.channel_id == f"{project_id}/rcs")
    row = connection.execute(found).first()
    if row is None:
        return False
    if not row.webhooks:
        connection.execute(sa.update(channels).where(channels.c.id == row.channel_id).values(webhooks=1))
    phase: Any = "launched" if status == LAUNCHED else "rejected" if status in FAILED else "in review"
    launch = json.loads(row.content)["launch"] is True
    step = next_step(Situation(phase, status), launch=launch, done=read_actions(row.done))
    values: dict[str, object] = {"status": status}
    if row.state == "in review" and step.kind in ("done", "failed"):
        # A new revision, so that no older view of a round overwrites it.
        values |= {"state": step.kind, "problem": step.problem, "revision": row.revision + 1}
    connection.execute(sa.update(orders).where(orders.c.id == row.id).values(**values))
    return True
