"""A project channel that this worker owns: round after round, it does what the open orders need.

Before a sender is written to, its order is marked as "sending" in the database, a block of orders at a time. A worker
that takes the channel over therefore knows which few senders may have a request under way: it leaves them alone until
that request has ended for sure, and goes on with all others at once. A worker that has lost the channel can mark
nothing, so it sends nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from attrs import define, field

from .. import ConfigurationError, ProvisioningError, RetryPolicy
from ..desired import (
    AnyClient,
    DesiredProject,
    DesiredSender,
    Limiter,
    Pauses,
    ProjectChannel,
    Rounds,
    SenderTask,
    Wanted,
    open_channels,
)
from ..lifecycle.polling import Polling
from .database import OPEN_STATES, Database, channels, orders, update, upsert

_T = TypeVar("_T")

# Seconds. Whoever takes a channel over waits this long before repeating what its last owner may have sent.
CALL_TIMEOUT: Final = 10.0
_ONE_ATTEMPT: Final = RetryPolicy(max_attempts=1, deadline=CALL_TIMEOUT)
_CONCURRENCY: Final = 20
_FLUSH_EVERY: Final = 0.5
_RETRYING: Final = Polling(first_pause=1.0, longest_pause=300.0, growth=2.0)
_AFTER_A_BUG: Final = 60.0
# Webhooks tell of every change, so polling only makes up for lost ones.
_WEBHOOK_FACTOR: Final = 6.0


@define(eq=False)
class OwnedChannel:
    """A channel, from when its worker took it until its orders have ended or it was lost.

    `row` is as it was last read; `is_awake` says that a round is under way, or about to be. `_recorded` are the open
    orders as the database has them, `_changed` those whose tasks are ahead of that.
    """

    owner: str
    row: sa.Row[Any]
    database: Database
    limiter: Limiter
    client: AnyClient
    notify: Callable[[str], None]
    is_awake: bool = True
    workflow_id: str = field(init=False)
    _lost: bool = False
    _doubt_until: float = field(init=False)
    _pauses: Pauses = field(factory=lambda: Pauses(_RETRYING, Polling()))
    _opened: dict[object, ProjectChannel] = field(factory=dict[object, ProjectChannel])
    _totals: dict[ProjectChannel, int] = field(factory=dict[ProjectChannel, int])
    _recorded: dict[SenderTask, dict[str, Any]] = field(factory=dict[SenderTask, dict[str, Any]])
    _changed: set[SenderTask] = field(factory=set[SenderTask])
    _flushing: asyncio.Lock = field(factory=asyncio.Lock)

    def __attrs_post_init__(self) -> None:
        # Each owner has a workflow of its own: one that has ended never runs again.
        self.workflow_id = f"{self.row.id}#{self.row.generation + 1}"
        self._doubt_until = time.monotonic() + (CALL_TIMEOUT if self.row.doubt else 0.0)

    def _is_ending(self) -> bool:
        return self.limiter.is_closed or self._lost

    async def round(self) -> float | None:
        """Do what can be done now; returns the seconds until the next round, None if there is none."""
        self.is_awake = True
        self.limiter.want(1)
        try:
            pause = None if self._is_ending() else await self._work()
        except ProvisioningError as error:
            # A secret that this worker lacks; it may come, or another worker may have it.
            self.notify(f"channel {self.row.id}: {error}")
            pause = _RETRYING.longest_pause
        # A workflow that failed would leave its orders to nobody.
        except Exception as error:
            self.notify(f"channel {self.row.id}: unexpected {type(error).__name__}: {error}")
            pause = _AFTER_A_BUG
        finally:
            self.limiter.want(-1)
            self.is_awake = False
        return None if self._is_ending() else pause

    async def _work(self) -> float | None:
        opened = await self._as_owner(_open_orders)
        if opened is None or not opened[1]:
            return None
        self.row, found = opened
        polling = Polling(*json.loads(self.row.polling))
        if self.row.webhooks:
            polling = Polling(polling.first_pause, _WEBHOOK_FACTOR * polling.longest_pause, 1_000.0)
        self._pauses.reviewing = polling
        self._recorded.clear()
        self._changed.clear()
        await asyncio.to_thread(self._load, found)
        del opened, found  # as large as all the rest
        tasks = [*self._recorded]
        rounds = Rounds(tasks, _CONCURRENCY, self._is_ending, self._claim, self._totals)
        flushing = asyncio.ensure_future(self._keep_flushing())
        await rounds.look()
        await rounds.write()
        flushing.cancel()
        await self._flush()
        pause = self._pauses.after(rounds)
        return max(1.0, self._doubt_left()) if any(task.held for task in tasks) else pause

    def _doubt_left(self) -> float:
        return self._doubt_until - time.monotonic()

    def _load(self, found: Sequence[sa.Row[Any]]) -> None:
        project_id, _, channel = self.row.id.rpartition("/")
        key: str | None = self.row.credentials
        for row in found:
            sender = DesiredSender.from_json(channel, row.content)
            if (place := (key, sender.kind)) not in self._opened:
                client = self.client.with_options(
                    timeout=CALL_TIMEOUT, retry=_ONE_ATTEMPT, rate_limit=self.limiter
                )
                project = DesiredProject.from_json([sender], project_id, key)
                self._opened[place] = open_channels(client, project, self.limiter.slot)[sender.kind]
            task = SenderTask.from_record(Wanted(self._opened[place], sender), row, self._note)
            task.held = row.state == "sending" and self._doubt_left() > 0
            self._recorded[task] = {"id": row.id, "revision": row.revision, "state": row.state}

    def _note(self, _: object, task: SenderTask) -> None:
        self._changed.add(task)

    async def _claim(self, tasks: Sequence[SenderTask]) -> Collection[SenderTask]:
        """Mark orders as "sending"; returns those that were not changed meanwhile, none if the channel was lost."""
        for task in tasks:
            self._recorded[task]["state"] = "sending"
        self._changed.update(tasks)
        written = await self._flush()
        return [task for task in tasks if self._recorded[task]["id"] in written]

    async def _keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY)
            await asyncio.shield(self._flush())

    async def _flush(self) -> set[str]:
        """Record what has changed, and return the orders that were written."""
        async with self._flushing:
            changed, self._changed = self._changed, set()
            rows = [self._recorded[task] | task.record() for task in changed]
            return await self._as_owner(partial(_write, rows=rows)) or set()

    async def _as_owner(self, work: Callable[[sa.Connection, sa.Row[Any]], _T]) -> _T | None:
        """Run `work`, however long the database is away; returns None if the channel is somebody else's now."""
        mine = sa.and_(channels.c.id == self.row.id, channels.c.owner == self.owner)

        def checked(connection: sa.Connection) -> _T | None:
            row = connection.execute(sa.select(channels).where(mine).with_for_update()).one_or_none()
            return None if row is None else work(connection, row)

        while True:
            with suppress(ConfigurationError):
                result = await self.database.run(checked)
                self._lost = self._lost or result is None
                return result
            await asyncio.sleep(_FLUSH_EVERY)


def _open_orders(connection: sa.Connection, row: sa.Row[Any]) -> tuple[sa.Row[Any], Sequence[sa.Row[Any]]]:
    """Return a channel with its open orders, and close it if there are none."""
    still_open = sa.select(orders).where(orders.c.channel_id == row.id, orders.c.state.in_(OPEN_STATES))
    found = connection.execute(still_open.order_by(orders.c.id)).all()
    closed: dict[str, object] = {} if found else {"is_open": 0, "owner": None}
    update(connection, channels, channels.c.id == row.id, wake=0, **closed)
    return row, found


def _write(connection: sa.Connection, _: sa.Row[Any], rows: Sequence[dict[str, Any]]) -> set[str]:
    """Write orders that were not changed meanwhile, and return their ids."""
    return upsert(connection, orders, rows, only_if=lambda new: orders.c.revision == new.revision)
