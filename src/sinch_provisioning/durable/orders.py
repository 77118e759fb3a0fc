"""Writing orders down and reading how they stand."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Literal, cast

from attrs import evolve, field, frozen
from dbos import DBOS, SetWorkflowID

from .. import ConfigurationError, ProvisioningClient, ProvisioningError
from ..desired import Change, DesiredState, Wanted, list_channels, load, raise_if_all_failed, resolve
from ..lifecycle.polling import Polling
from ..lifecycle.status import LAUNCHED
from .engine import engine, new_executor_id, open_queues
from .order import REVIEW_POLLING, Order, Record
from .workflow import NAME, SENDERS, reconcile

_BATCH = 500
State = Literal["queued", "under way", "done", "failed", "stopped"]
_STATES: dict[str, State] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "under way",
    "SUCCESS": "done",
    "ERROR": "failed",
}


@frozen
class Standing:
    """How one order stands: its workflow's state, and what it came to."""

    workflow_id: str
    state: State
    status: str | None = None
    problem: str | None = None

    def to_dict(self) -> Record:
        """Give it ready for JSON."""
        return {"id": self.workflow_id, "state": self.state, "status": self.status, "problem": self.problem}


@frozen
class Ordered:
    """What came of writing orders: new ones, those that were written already, what was as wanted, what can't be."""

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
    """Order whatever a file wants and is missing, one workflow for each sender; doing it again orders nothing twice.

    `polling` is how often a sender under review is asked for, its pauses written down with the order. Workflows that
    ended are ordered anew where something is missing again. Raises `ProvisioningError`.
    """
    state = (desired if isinstance(desired, DesiredState) else load(desired)).of(sinch.project_id)
    wanted = resolve(sinch, state)
    listings = await list_channels(wanted)
    raise_if_all_failed(listings)
    projects = {project.project_id: project for project in state.projects}
    orders: list[Order] = []
    blocked: list[Change] = []
    unchanged = 0
    for each in wanted:
        listing = listings[each.channel]
        change = each.compare(listing)
        if change.problem is not None:
            blocked.append(change)
        if change.actions or _in_review(each, change):
            found = () if isinstance(listing, ProvisioningError) else listing.found.get(each.sender.name, ())
            order = Order.of(projects[change.project_id], change.project_id, each.sender)
            orders.append(evolve(order, found=tuple(found), polling=polling))
        elif change.problem is None:
            unchanged += 1
    async with engine(url, role="producer", executor_id=new_executor_id()):
        new, known = await asyncio.to_thread(_write, orders)
    return Ordered(new, known, unchanged, blocked)


def _in_review(wanted: Wanted, change: Change) -> bool:
    return wanted.sender.launch and change.problem is None and change.status != LAUNCHED


def _write(orders: list[Order]) -> tuple[list[str], list[str]]:
    open_queues(None)
    new: list[str] = []
    known: list[str] = []
    for start in range(0, len(orders), _BATCH):
        batch = orders[start : start + _BATCH]
        there = DBOS.list_workflows(
            workflow_ids=[order.workflow_id for order in batch], load_input=False, load_output=False
        )
        active = {each.workflow_id for each in there if _STATES.get(each.status) in ("queued", "under way")}
        ended = [each.workflow_id for each in there if each.workflow_id not in active]
        if ended:
            # The same sender again, so the same id: the old account makes room for the new one.
            DBOS.delete_workflows(ended, delete_children=True)
        for order in batch:
            if order.workflow_id in active:
                known.append(order.workflow_id)
                continue
            with SetWorkflowID(order.workflow_id):
                DBOS.enqueue_workflow(SENDERS, reconcile, order.to_dict())
            new.append(order.workflow_id)
    return new, known


async def standings(url: str) -> list[Standing]:
    """Return how every order stands, the oldest first."""
    _check_exists(url)
    async with engine(url, role="producer", executor_id=new_executor_id()):
        found = await asyncio.to_thread(DBOS.list_workflows, name=NAME, load_input=False)
        return [
            _standing(each.workflow_id, each.status, cast("Record | None", each.output)) for each in found
        ]


def _check_exists(url: str) -> None:
    """Refuse to make a database only to find nothing in it."""
    if url.startswith("sqlite") and not Path(url.partition("///")[2].partition("?")[0]).exists():
        raise ConfigurationError("there is no such database: order something with `apply --durable` first")


def _standing(workflow_id: str, status: str, ended: Record | None) -> Standing:
    state = _STATES.get(status, "stopped")
    if ended is None:
        return Standing(workflow_id, state, None, "an unexpected error" if state == "failed" else None)
    problem = cast("str | None", ended["problem"])
    state = "failed" if ended["state"] == "failed" else state
    return Standing(workflow_id, state, cast("str | None", ended["status"]), problem)


def totals(found: list[Standing]) -> dict[str, int]:
    """Count orders by state."""
    counted = Counter(each.state for each in found)
    return {state: counted[state] for state in ("queued", "under way", "done", "failed", "stopped")}
