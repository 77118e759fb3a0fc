"""One round of a project channel: look at it, do what its open orders need, record the outcomes.

Before a sender is written to, its order is marked as "sending" in the database, a block of orders at a time. A worker
that takes the channel over therefore knows which few senders may have a request under way: it leaves them alone until
that request has ended for sure, and goes on with all others at once. A worker that has lost the channel can mark
nothing, so it sends nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from attrs import define, field, frozen

from .. import ProvisioningClient, ProvisioningError, RetryPolicy
from ..desired import DesiredProject, DesiredSender, ProjectChannel, Rounds, SenderTask, Wanted, open_channels
from ..lifecycle.polling import Polling
from .database import OPEN_STATES, Database, channels, orders, read_actions, upsert, workers
from .limiter import Limiter

CONCURRENCY: Final = 20
# Seconds. Whoever takes a channel over waits this long before repeating what its last owner may have sent.
CALL_TIMEOUT: Final = 10.0
_ONE_ATTEMPT: Final = RetryPolicy(max_attempts=1, deadline=CALL_TIMEOUT)
_FLUSH_EVERY: Final = 0.5
_MAX_TRIES: Final = 20
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0
_DAY: Final = 86_400.0
# Webhooks tell of every change, so polling only makes up for lost ones.
_WEBHOOK_FACTOR: Final = 6.0


@define(eq=False)
class Worker:
    """What the rounds of one worker share; the client is made in the event loop of the workflows."""

    id: str
    database: Database
    limiter: Limiter
    connect: Callable[[], ProvisioningClient]
    notify: Callable[[str], None]
    stopping: bool = False
    rounds: int = 0
    client: ProvisioningClient | None = None
    loop: asyncio.AbstractEventLoop | None = None
    totals: dict[ProjectChannel, int] = field(factory=dict[ProjectChannel, int])
    no_progress: dict[str, int] = field(factory=dict[str, int])
    doubt_until: dict[str, float] = field(factory=dict[str, float])
    _opened: dict[tuple[str, str | None], ProjectChannel] = field(
        factory=dict[tuple[str, str | None], ProjectChannel]
    )

    def open(self, channel_id: str, credentials: str | None, sender: DesiredSender) -> ProjectChannel:
        """Return a project channel, opened once for each key."""
        if self.client is None:
            self.client, self.loop = self.connect(), asyncio.get_running_loop()
        known = self._opened.get((channel_id, credentials))
        if known is None:
            client = self.client.with_options(timeout=CALL_TIMEOUT, retry=_ONE_ATTEMPT)
            project = DesiredProject.from_json([sender], channel_id.rsplit("/", 1)[0], credentials)
            known = open_channels(client, project, self.limiter.slot)[sender.channel]
            self._opened[channel_id, credentials] = known
        return known


async def never() -> None:
    """Wait for the end of the engine, so that a worker that may not go on records nothing."""
    await asyncio.Event().wait()


async def run_round(worker: Worker, channel_id: str) -> float | None:
    """Work on a channel; returns the seconds until the next round, None if all its orders have ended."""
    opened: _Opened | None = None
    while opened is None:  # owned by another worker, or this one was declared dead
        opened = await worker.database.run_patiently(_take, channel_id, worker.id)
        await asyncio.sleep(0.0 if opened else 1.0)
    pause, polls = 0.0, 0
    if opened.orders:
        worker.rounds += 1
        worker.limiter.want(1)
        try:
            pause, polls = await _Round(worker, channel_id, opened).run()
        finally:
            worker.limiter.want(-1)
            worker.rounds -= 1
    if worker.stopping:
        await never()
    is_open = await worker.database.run_patiently(_end, channel_id, worker.id, polls)
    if is_open is None:
        await never()
    return pause if is_open else None


@frozen
class _Opened:
    row: sa.Row[Any]
    orders: Sequence[sa.Row[Any]]


def _take(connection: sa.Connection, channel_id: str, worker_id: str) -> _Opened | None:
    """Make a living worker the owner of a channel that has no other one, and read the open orders."""
    row = connection.execute(
        sa.select(channels).where(channels.c.id == channel_id).with_for_update()
    ).one_or_none()
    alive = connection.execute(sa.select(workers.c.id).where(workers.c.id == worker_id, workers.c.dead == 0))
    if row is None or row.owner not in (None, worker_id) or alive.first() is None:
        return None
    mine = sa.update(channels).where(channels.c.id == channel_id)
    connection.execute(mine.values(owner=worker_id, doubt=0))
    open_orders = sa.select(orders).where(orders.c.channel_id == channel_id, orders.c.state.in_(OPEN_STATES))
    return _Opened(row, connection.execute(open_orders.order_by(orders.c.id)).all())


def _owns(connection: sa.Connection, channel_id: str, worker_id: str) -> bool:
    held = sa.select(channels.c.id).where(channels.c.id == channel_id, channels.c.owner == worker_id)
    return connection.execute(held.with_for_update()).first() is not None


def _write(
    connection: sa.Connection, channel_id: str, worker_id: str, rows: Sequence[dict[str, object]]
) -> set[str] | None:
    """Write rows that were not changed meanwhile, returning their ids; None if the channel was lost."""
    if not _owns(connection, channel_id, worker_id):
        return None
    return upsert(connection, orders, rows, only_if=lambda new: orders.c.revision == new.revision)


def _end(connection: sa.Connection, channel_id: str, worker_id: str, polls: int) -> bool | None:
    """End a round, and close a channel without open orders; returns whether it is open, None if it was lost."""
    if not _owns(connection, channel_id, worker_id):
        return None
    left = sa.select(orders.c.id).where(orders.c.channel_id == channel_id, orders.c.state.in_(OPEN_STATES))
    is_open = connection.execute(left.limit(1)).first() is not None
    closed = {"is_open": 0, "owner": None, "polls": 0, "generation": channels.c.generation + 1}
    values: dict[str, Any] = {"polls": polls} if is_open else closed
    connection.execute(sa.update(channels).where(channels.c.id == channel_id).values(**values))
    return is_open


@define(eq=False)
class _Round:
    """The open orders of a channel, in memory for one round."""

    worker: Worker
    channel_id: str
    opened: _Opened
    _rows: dict[SenderTask, dict[str, object]] = field(factory=dict[SenderTask, dict[str, object]])
    _changed: set[SenderTask] = field(factory=set[SenderTask])
    _flushing: asyncio.Lock = field(factory=asyncio.Lock)

    async def run(self) -> tuple[float, int]:
        """Do what can be done now; returns the pause until the next round, and the polls without a change."""
        worker = self.worker
        if self.opened.row.doubt:
            worker.doubt_until[self.channel_id] = time.monotonic() + CALL_TIMEOUT
        try:
            for row in self.opened.orders:
                self._add(row)
        except ProvisioningError as error:
            # A secret that this worker lacks; it may come, or another worker may have it.
            worker.notify(f"channel {self.channel_id}: {error}")
            return _LONGEST_PAUSE, 0
        rounds = Rounds([*self._rows], CONCURRENCY, lambda: worker.stopping, self._claim, worker.totals)
        flushing = asyncio.ensure_future(self._keep_flushing())
        await rounds.look()
        await rounds.write()
        flushing.cancel()
        await self._flush()
        return self._pause(rounds)

    def _add(self, row: sa.Row[Any]) -> None:
        sender = DesiredSender.from_json(self.channel_id.rsplit("/", 1)[1], row.content)
        channel = self.worker.open(self.channel_id, self.opened.row.credentials, sender)
        task = SenderTask(Wanted(channel, sender), True, lambda _, __: self._changed.add(task))
        task.max_tries, task.max_pause, task.tries = _MAX_TRIES, _DAY, row.tries
        task.done, task.sender_id, task.status = read_actions(row.done), row.sender_id, row.status
        task.state = "in review" if row.state == "in review" else "left"
        task.held = row.state == "sending" and self._doubt_left() > 0
        self._rows[task] = {"id": row.id, "revision": row.revision, "state": row.state}

    def _doubt_left(self) -> float:
        return self.worker.doubt_until.get(self.channel_id, 0.0) - time.monotonic()

    async def _claim(self, tasks: Sequence[SenderTask]) -> set[SenderTask]:
        for task in tasks:
            self._rows[task]["state"] = "sending"
        self._changed.update(tasks)
        written = await self._flush()
        return {task for task in tasks if self._rows[task]["id"] in written}

    async def _keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY)
            await asyncio.shield(self._flush())

    async def _flush(self) -> set[str]:
        """Record what has changed, and return the orders that were written; never returns without the channel."""
        async with self._flushing:
            changed, self._changed = self._changed, set()
            rows = [self._row(task) for task in changed]
            worker = self.worker
            written = await worker.database.run_patiently(_write, self.channel_id, worker.id, rows)
        if written is None:
            await never()
        return written or set()

    def _row(self, task: SenderTask) -> dict[str, object]:
        state = self._rows[task]["state"] if task.state == "left" else task.state
        return self._rows[task] | {
            "state": state,
            "sender_id": task.sender_id,
            "status": task.status,
            "problem": task.problem,
            "tries": task.tries,
            "done": ",".join(task.done),
        }

    def _pause(self, rounds: Rounds) -> tuple[float, int]:
        counts = self.worker.no_progress
        unsettled = any(task.is_open and not task.is_waiting for task in self._rows)
        if unsettled or rounds.unlisted:
            tried = counts[self.channel_id] = 0 if rounds.successes else counts.get(self.channel_id, 0) + 1
            pause = max(rounds.requested, min(_FIRST_PAUSE * 2.0 ** min(tried, 10), _LONGEST_PAUSE))
            if any(task.held for task in self._rows):
                pause = max(_FIRST_PAUSE, self._doubt_left())
            return pause, 0
        counts.pop(self.channel_id, None)
        polling = Polling(*json.loads(self.opened.row.polling))
        polls = 0 if rounds.successes else self.opened.row.polls + 1
        pause = min(polling.first_pause * polling.growth**polls, polling.longest_pause)
        if self.opened.row.webhooks and polls:
            pause = max(pause, _WEBHOOK_FACTOR * polling.longest_pause)
        return pause, polls
