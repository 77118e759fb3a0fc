"""Placing, changing and cancelling orders, reading how they stand, and taking webhooks."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa
from attrs import astuple, field, frozen

from .. import ConfigurationError, ProvisioningClient
from ..desired import Change, DesiredSender, DesiredState, list_channels, load, raise_if_all_failed, resolve
from ..lifecycle.next_step import Phase, Situation, next_step
from ..lifecycle.polling import Polling
from ..lifecycle.status import FAILED, LAUNCHED
from .database import OPEN_STATES, Database, channels, orders, read_actions, upsert

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Review takes days, and polling sooner costs requests: see docs/scaling.md.
REVIEW_POLLING: Final = Polling(first_pause=600.0, longest_pause=14_400.0)
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

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON data."""
        values = {"state": self.state, "status": self.status, "problem": self.problem, "tries": self.tries}
        return {"id": self.workflow_id, **values}


@frozen
class Ordered:
    """New or changed orders, orders known already, and senders that need none or are blocked."""

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
    is missing again. Raises `ProvisioningError`; also if another file has an open order for one of the senders that
    differs, and then nothing is ordered.
    """
    state = (desired if isinstance(desired, DesiredState) else load(desired)).of(sinch.project_id)
    wanted = resolve(sinch, state)
    listings = await list_channels(wanted)
    raise_if_all_failed(listings)
    asked: list[_Asked] = []
    blocked: list[Change] = []
    unchanged = 0
    for each in wanted:
        change = each.compare(listings[each.channel])
        in_review = each.sender.launch and change.problem is None and change.status != LAUNCHED
        needed = bool(change.actions) or in_review
        blocked += [] if change.problem is None else [change]
        unchanged += change.problem is None and not needed
        asked.append(_Asked(f"{change.project_id}/{change.channel}", each.sender, needed))
    keys = {f"{each.project_id}": each.credentials_json() for each in state.projects}
    database = Database.open(url)
    try:
        await database.prepare()
        new, known = await database.run(_place, asked, keys, json.dumps(astuple(polling)))
    finally:
        database.engine.dispose()
    return Ordered(new, known, unchanged, blocked)


@frozen
class _Asked:
    channel_id: str
    sender: DesiredSender
    needed: bool

    @property
    def id(self) -> str:
        """The natural key over all projects, so that ordering a sender twice is one order."""
        return f"{self.channel_id}/{self.sender.name}"


def _place(
    connection: sa.Connection, asked: Sequence[_Asked], keys: Mapping[str, str | None], polling: str
) -> tuple[list[str], list[str]]:
    rows: list[dict[str, object]] = []
    opened: dict[str, dict[str, object]] = {}
    known: list[str] = []
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        same = sa.select(orders).where(orders.c.id.in_([each.id for each in batch]))
        there = {row.id: row for row in connection.execute(same)}
        for each in batch:
            row, content = there.get(each.id), each.sender.to_json()
            is_open = row is not None and row.state in OPEN_STATES
            if row is not None and is_open and json.loads(row.content) == json.loads(content):
                known.append(each.id)
            elif is_open or each.needed:
                rows.append(_row(each, content, row))
                key = keys.get(each.channel_id.rsplit("/", 1)[0])
                values = {"credentials": key, "polling": polling, "is_open": 1, "wake": 1, "polls": 0}
                opened[each.channel_id] = {"id": each.channel_id, **values}
    # Before the orders: a worker that closes the channel meanwhile holds its row.
    upsert(connection, channels, list(opened.values()))
    for start in range(0, len(rows), _BATCH):
        upsert(connection, orders, rows[start : start + _BATCH])
    return [str(row["id"]) for row in rows], known


def _row(asked: _Asked, content: str, present: sa.Row[Any] | None) -> dict[str, object]:
    source = asked.sender.source
    is_open = present is not None and present.state in OPEN_STATES
    if present is not None and is_open and source is not None and present.file not in (None, source.file):
        raise ConfigurationError(
            f"{source}: {asked.id} is ordered differently by {present.file}:{present.position}: "
            f"remove one of the two, or cancel that order: sinch-provisioning cancel '{asked.id}'"
        )
    return {
        "id": asked.id,
        "channel_id": asked.channel_id,
        "revision": 0 if present is None else present.revision + 1,
        "content": content,
        "file": None if source is None else source.file,
        "position": None if source is None else source.position,
        "state": "queued",
        "problem": None,
        "tries": 0,
        "done": "",
    }


async def cancel(url: str, order_ids: Collection[str]) -> list[str]:
    """Cancel open orders and return their ids; what was sent already stays as it is."""
    return await _run(url, _cancel, list(order_ids))


def _cancel(connection: sa.Connection, order_ids: list[str]) -> list[str]:
    named = (orders.c.id.in_(order_ids), orders.c.state.in_(OPEN_STATES))
    owners = sa.select(orders.c.channel_id).where(*named)
    connection.execute(sa.update(channels).where(channels.c.id.in_(owners)).values(wake=1))
    stopped = sa.update(orders).where(*named).values(state="stopped", revision=orders.c.revision + 1)
    return sorted(connection.execute(stopped.returning(orders.c.id)).scalars())


async def standings(url: str, states: Collection[State] = ()) -> list[Standing]:
    """Return how the orders stand: all of them, or those in `states`."""
    return await _run(url, _standings, states)


def _standings(connection: sa.Connection, states: Collection[State]) -> list[Standing]:
    chosen = sa.select(orders.c.id, orders.c.state, orders.c.status, orders.c.problem, orders.c.tries)
    if states:
        chosen = chosen.where(orders.c.state.in_([key for key, value in _STATES.items() if value in states]))
    rows = connection.execute(chosen.order_by(orders.c.id))
    return [Standing(row.id, _STATES[row.state], row.status, row.problem, row.tries) for row in rows]


async def project_totals(url: str) -> dict[str, dict[str, int]]:
    """Return the number of orders in each state, by project, with one query."""
    return await _run(url, _project_totals)


def _project_totals(connection: sa.Connection) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    grouped = sa.select(orders.c.channel_id, orders.c.state, sa.func.count().label("number"))
    for row in connection.execute(grouped.group_by(orders.c.channel_id, orders.c.state)):
        counted.setdefault(row.channel_id.rsplit("/", 1)[0], Counter())[_STATES[row.state]] += row.number
    return {project: _in_all_states(counts) for project, counts in sorted(counted.items())}


def totals(found: Sequence[Standing]) -> dict[str, int]:
    """Count orders by state."""
    return _in_all_states(Counter(each.state for each in found))


def _in_all_states(counts: Mapping[str, int]) -> dict[str, int]:
    return {state: counts.get(state, 0) for state in ("queued", "under way", "done", "failed", "stopped")}


async def _run(
    url: str, work: Callable[Concatenate[sa.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Run `work` on a database that has orders."""
    database = Database.open(url)
    try:
        there = database.file is None or database.file.exists()
        if there and await database.run(lambda connection: sa.inspect(connection).has_table(orders.name)):
            return await database.run(work, *args, **kwargs)
    finally:
        database.engine.dispose()
    raise ConfigurationError("no orders in this database: order something with `apply --durable` first")


class SenderEvent(Protocol):
    """What `deliver` reads of a verified webhook, such as a `sinch_provisioning.webhooks.WebhookEvent`."""

    @property
    def sender_id(self) -> str | None:
        """The sender that the event is about, if any."""

    @property
    def current_state(self) -> str | None:
        """Its new state, in an event about that."""

    @property
    def project_id(self) -> str | None:
        """Its project, if the event names it."""


async def deliver(url: str, event: SenderEvent) -> bool:
    """Hand a verified webhook to the workers; returns whether it is about an open order.

    Once webhooks come in for a channel, its workers poll less often.
    """
    if event.sender_id is None or event.current_state is None:
        return False
    return await _run(url, _deliver, event.sender_id, event.current_state, event.project_id)


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
    phase: Phase = "launched" if status == LAUNCHED else "rejected" if status in FAILED else "in review"
    launch = json.loads(row.content)["launch"] is True
    step = next_step(Situation(phase, status), launch=launch, done=read_actions(row.done))
    values: dict[str, object] = {"status": status}
    if row.state == "in review" and step.kind in ("done", "failed"):
        # A new revision, so that no older view of a round overwrites it.
        values |= {"state": step.kind, "problem": step.problem, "revision": row.revision + 1}
    connection.execute(sa.update(orders).where(orders.c.id == row.id).values(**values))
    return True
