"""Placing, changing and cancelling orders, reading how they stand, and taking webhooks."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, cast

import sqlalchemy as sa
from attrs import astuple, field, frozen

from .. import ConfigurationError
from ..desired import AnyClient, Change, DesiredState, load, plan
from ..lifecycle.next_step import Situation, next_step, phase_of
from ..lifecycle.polling import Polling
from ..lifecycle.status import Progress, progress_at, refusals
from .database import OPEN_STATES, Database, channels, counters, orders, update, upsert

if TYPE_CHECKING:
    from sinch_provisioning_v1_2_api.models import RcsSender

    from ..webhooks import WebhookEvent

_DROPPED: Final = "dropped events"
# Review takes days, and polling sooner costs requests: see docs/scaling.md.
REVIEW_POLLING: Final = Polling(first_pause=600.0, longest_pause=14_400.0)
State = Literal["queued", "under way", "done", "failed", "stopped"]
_UNDER_WAY: Final = ("sending", "in review")
_NEW: Final = {"state": "queued", "problem": None, "tries": 0, "done": "", "revision": 0}


def _shown(state: str) -> State:
    return "under way" if state in _UNDER_WAY else cast("State", state)


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
        names = ("id", "state", "status", "problem", "tries")
        return dict(zip(names, astuple(self), strict=True))


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
    sinch: AnyClient,
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
    keys = {project.project_id: project.credentials_json() for project in state.projects}
    pauses = json.dumps(astuple(polling))
    asked: dict[str, dict[str, object]] = {}
    opened: dict[str, dict[str, object]] = {}
    needed: set[str] = set()
    unchanged, blocked = 0, list[Change]()
    for sender, change in zip(state, (await plan(sinch, state)).changes, strict=True):
        channel_id = f"{change.project_id}/{change.channel}"
        # The natural key over all projects, so that ordering a sender twice is one order.
        order_id = f"{channel_id}/{sender.name}"
        opened[channel_id] = {"id": channel_id, "credentials": keys[change.project_id], "polling": pauses}
        file, position = (None, None) if sender.source is None else astuple(sender.source)
        place = {"channel_id": channel_id, "file": file, "position": position, "content": sender.to_json()}
        asked[order_id] = {"id": order_id, **place, **_NEW}
        if change.actions or change.is_waiting:
            needed.add(order_id)
        unchanged += change.problem is None and order_id not in needed
        blocked += [] if change.problem is None else [change]
    database = Database.at(url)
    await database.prepare()
    new, known = await database.run(partial(_place, asked=asked, needed=needed, opened=opened))
    return Ordered(new, known, unchanged, blocked)


def _place(
    connection: sa.Connection,
    asked: Mapping[str, dict[str, object]],
    needed: Collection[str],
    opened: Mapping[str, dict[str, object]],
) -> tuple[list[str], list[str]]:
    """Write what is new or differs from its open order; returns those ids, and those of orders that are as asked."""
    still_open = (orders.c.channel_id.in_(opened), orders.c.state.in_(OPEN_STATES))
    chosen = sa.select(orders.c.id, orders.c.content, orders.c.file, orders.c.position).where(*still_open)
    present = {row.id: row for row in connection.execute(chosen) if row.id in asked}
    changed = [order_id for order_id, row in present.items() if row.content != asked[order_id]["content"]]
    for order_id in changed:
        row, file = present[order_id], asked[order_id]["file"]
        if file is not None and row.file not in (None, file):
            raise ConfigurationError(
                f"{file}:{asked[order_id]['position']}: {order_id} is ordered differently by "
                f"{row.file}:{row.position}: remove one of the two, or cancel that order: "
                f"sinch-provisioning cancel '{order_id}'"
            )
    writing = {*changed, *(order_id for order_id in needed if order_id not in present)}
    new = [order_id for order_id in asked if order_id in writing]
    touched = {asked[order_id]["channel_id"] for order_id in new}
    # Before the orders: a worker that closes the channel meanwhile holds its row.
    woken = [row | {"is_open": 1, "wake": 1} for channel_id, row in opened.items() if channel_id in touched]
    upsert(connection, channels, woken)
    upsert(connection, orders, [asked[order_id] for order_id in new], revision=orders.c.revision + 1)
    return new, [order_id for order_id in asked if order_id in present and order_id not in writing]


async def cancel(url: str, order_ids: Collection[str]) -> list[str]:
    """Cancel open orders and return their ids; what was sent already stays as it is."""
    return await Database.at(url).run_on_orders(partial(_cancel, order_ids=list(order_ids)))


def _cancel(connection: sa.Connection, order_ids: list[str]) -> list[str]:
    named = (orders.c.id.in_(order_ids), orders.c.state.in_(OPEN_STATES))
    owners = sa.select(orders.c.channel_id).where(*named)
    update(connection, channels, channels.c.id.in_(owners), wake=1)
    stopped = sa.update(orders).where(*named).values(state="stopped", revision=orders.c.revision + 1)
    return sorted(connection.execute(stopped.returning(orders.c.id)).scalars())


async def standings(url: str, states: Collection[State] = ()) -> list[Standing]:
    """Return how the orders stand: all of them, or those in `states`."""
    return await Database.at(url).run_on_orders(partial(_standings, states=states))


def _standings(connection: sa.Connection, states: Collection[State]) -> list[Standing]:
    chosen = sa.select(orders.c.id, orders.c.state, orders.c.status, orders.c.problem, orders.c.tries)
    if states:
        stored = {*states, *(_UNDER_WAY if "under way" in states else ())}
        chosen = chosen.where(orders.c.state.in_(stored))
    rows = connection.execute(chosen.order_by(orders.c.id))
    return [Standing(row.id, _shown(row.state), row.status, row.problem, row.tries) for row in rows]


async def project_totals(url: str) -> dict[str, dict[str, int]]:
    """Return the number of orders in each state, by project, with one query."""
    return await Database.at(url).run_on_orders(_project_totals)


def _project_totals(connection: sa.Connection) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    grouped = sa.select(orders.c.channel_id, orders.c.state, sa.func.count().label("number"))
    rows = connection.execute(grouped.group_by(orders.c.channel_id, orders.c.state))
    for row in sorted(rows, key=lambda row: str(row.channel_id)):
        zeros = {"queued": 0, "under way": 0, "done": 0, "failed": 0, "stopped": 0}
        project = totals.setdefault(row.channel_id.rsplit("/", 1)[0], zeros)
        project[_shown(row.state)] += row.number
    return totals


async def deliver(url: str, event: WebhookEvent) -> bool:
    """Hand a verified webhook to the workers; returns whether it is about an open order.

    Any other is counted and dropped. Once webhooks come in for a channel, its workers poll less often.
    """
    progress = progress_at(event.current_state)
    if getattr(event.sender, "country_status", None):
        from ..v1_2.progress import progress_of  # noqa: PLC0415 - for those who have webhooks

        progress = progress_of(cast("RcsSender", event.sender))
    if event.sender_id is None or progress.status is None:
        return False
    work = partial(_deliver, sender_id=event.sender_id, progress=progress, project_id=event.project_id)
    return await Database.at(url).run_on_orders(work)


def _deliver(connection: sa.Connection, sender_id: str, progress: Progress, project_id: str | None) -> bool:
    found = Situation(phase_of(progress), progress.status, refusals=refusals(progress))
    step = next_step(found, launch=True, done=["launch"])
    ended = orders.c.state == "in review" if step.kind in ("done", "failed") else sa.false()
    named = [orders.c.sender_id == sender_id, orders.c.state.in_(_UNDER_WAY)]
    if project_id is not None:
        named.append(orders.c.channel_id.startswith(f"{project_id}/", autoescape=True))
    values: dict[str, object] = {
        "status": progress.status,
        "state": sa.case((ended, step.kind), else_=orders.c.state),
        "problem": sa.case((ended, step.problem), else_=orders.c.problem),
        # A new revision, so that no older view of a round overwrites it.
        "revision": sa.case((ended, orders.c.revision + 1), else_=orders.c.revision),
    }
    heard = sa.select(channels.c.webhooks).where(channels.c.id == orders.c.channel_id).scalar_subquery()
    changed = sa.update(orders).where(*named).values(**values).returning(orders.c.channel_id, heard)
    row = connection.execute(changed).first()
    if row is not None and not row[1]:
        update(connection, channels, channels.c.id == row.channel_id, webhooks=1)
    if row is None:
        counted = {"id": _DROPPED, "number": 1}
        upsert(connection, counters, [counted], number=counters.c.number + 1)
    return row is not None


async def dropped_events(url: str) -> int:
    """Return how many webhooks were about a sender that nobody has ordered, or whose order had ended."""
    number = sa.select(counters.c.number).where(counters.c.id == _DROPPED)
    return await Database.at(url).run_on_orders(lambda connection: connection.scalar(number) or 0)
