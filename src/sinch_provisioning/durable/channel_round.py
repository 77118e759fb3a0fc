"""One round of a project channel: list it, do what its open orders need, record the outcomes, say when to come again.

Before a sender is written to, its order is marked as "sending" in the database, a block of orders at a time. A worker
that takes the channel over therefore knows which few senders may have a request under way: it leaves them alone until
that request has ended for sure, and goes on with all others at once. A worker that has lost the channel can mark
nothing, so it sends nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from attrs import define, field

from .. import NotFoundError, OutcomeUnknownError, ProvisioningError
from ..desired import (
    PAGE_SIZE,
    AnySender,
    DesiredSender,
    Outcome,
    ProjectChannel,
    SenderTask,
    Wanted,
    may_pass,
    name_of,
    requested_pause,
)
from ..lifecycle.next_step import Action
from .limiter import LimiterClosed
from .order import Order
from .ownership import OpenChannel, end_round, read_actions, take_channel, write_orders
from .worker_client import CALL_TIMEOUT, WorkerClient, never

CONCURRENCY: Final = 20
_BLOCK: Final = 40
_FLUSH_EVERY: Final = 0.5
_MAX_TRIES: Final = 20
_PAGE_TRIES: Final = 5
_STREAK: Final = 2 * CONCURRENCY
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0
# A longer pause that a server asks for ends the round instead of holding it up.
_SHORT: Final = 10.0
_DAY: Final = 86_400.0
# Webhooks tell of every change, so polling only makes up for one that was lost.
_WEBHOOK_FACTOR: Final = 6.0

_T = TypeVar("_T")


async def run_round(worker: WorkerClient, channel_id: str) -> float | None:
    """Work on a channel; returns the seconds until the next round, None if all its orders have ended."""
    while True:
        opened = await worker.database.run_patiently(take_channel, channel_id, worker.id)
        if opened is not None:
            break
        # Its owner counts as alive, or this worker as dead: the one passes, the other ends this engine.
        await asyncio.sleep(1.0)
    polls = opened.polls
    pause = 0.0
    if opened.orders:
        running = ChannelRound(worker, channel_id, opened)
        worker.rounds += 1
        worker.limiter.want(1)
        try:
            pause = await running.run()
        finally:
            worker.limiter.want(-1)
            worker.rounds -= 1
        polls = running.polls
    is_open = None
    if not worker.stopping:
        is_open = await worker.database.run_patiently(end_round, channel_id, worker.id, polls)
    if is_open is None:
        await never()
    return pause if is_open else None


@define(eq=False)
class _OrderTask:
    order_id: str
    revision: int
    task: SenderTask
    state: str
    in_doubt: bool

    def row(self) -> dict[str, object]:
        task = self.task
        return {
            "id": self.order_id,
            "revision": self.revision,
            "state": self.state if task.state == "left" else task.state,
            "sender_id": task.sender_id,
            "status": task.status,
            "problem": task.problem,
            "tries": task.tries,
            "done": ",".join(task.done),
        }


@define(eq=False)
class ChannelRound:
    """The open orders of a channel, in memory for one round."""

    worker: WorkerClient
    channel_id: str
    opened: OpenChannel
    polls: int = 0
    _tasks: list[_OrderTask] = field(factory=list[_OrderTask])
    _changed: dict[str, _OrderTask] = field(factory=dict[str, _OrderTask])
    _work: deque[tuple[_OrderTask, Action]] = field(factory=deque[tuple[_OrderTask, Action]])
    _claimed: deque[tuple[_OrderTask, Action]] = field(factory=deque[tuple[_OrderTask, Action]])
    _claiming: asyncio.Lock = field(factory=asyncio.Lock)
    _flushing: asyncio.Lock = field(factory=asyncio.Lock)
    _ended: asyncio.Event = field(factory=asyncio.Event)
    _streak: int = 0
    _writes: int = 0
    _pause: float = 0.0

    def _doubt_left(self) -> float:
        return self.worker.doubt_until.get(self.channel_id, 0.0) - time.monotonic()

    async def run(self) -> float:
        """Do everything that can be done now; returns the pause until the next round."""
        if self.opened.taken_over:
            self.worker.doubt_until[self.channel_id] = time.monotonic() + CALL_TIMEOUT
        channel = self._open_tasks()
        if channel is not None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_flushing())
                with suppress(LimiterClosed):
                    await self._look(channel)
                    await self._write_all(channel)
                self._ended.set()
            await self._flush()
        return self._next_pause()

    def _open_tasks(self) -> ProjectChannel | None:
        channel: ProjectChannel | None = None
        for row in self.opened.orders:
            sender = Order.read(self.channel_id, row.content).sender
            if channel is None:
                try:
                    channel = self.worker.channel(self.channel_id, self.opened.credentials, sender)
                except ProvisioningError:
                    # A secret that this worker lacks: it may come, or another worker may have it.
                    self._pause = _LONGEST_PAUSE
                    return None
            self._tasks.append(self._task(row, channel, sender))
        return channel

    def _task(self, row: sa.Row[Any], channel: ProjectChannel, sender: DesiredSender) -> _OrderTask:
        def notify(_: object, __: Outcome) -> None:
            self._changed[row.id] = entry

        task = SenderTask(Wanted(channel, sender), wait=True, notify=notify)
        task.max_tries, task.max_pause = _MAX_TRIES, _DAY
        task.done = read_actions(row.done)
        task.sender_id, task.status, task.tries = row.sender_id, row.status, row.tries
        task.state = "in review" if row.state == "in review" else "left"
        entry = _OrderTask(
            row.id, row.revision, task, row.state, row.state == "sending" and self._doubt_left() > 0
        )
        return entry

    async def _look(self, channel: ProjectChannel) -> None:
        """Get senders under review one by one if they are few; otherwise list the channel."""
        waiting = [each for each in self._tasks if each.task.is_waiting and each.task.sender_id]
        pages = self.worker.pages.get(self.channel_id, 1)
        try:
            if len(waiting) == len(self._tasks) <= pages:
                for each in waiting:
                    sender_id = each.task.sender_id
                    action = each.task.read(await self._ask(partial(channel.get, sender_id)))
                    if action is not None:
                        self._work.append((each, action))
                return
            found = await self._list(channel)
        except ProvisioningError as error:
            self._note_pause(error)
            self._pause = max(self._pause, _FIRST_PAUSE)
            if not may_pass(error, _DAY):
                for each in self._tasks:
                    each.task.fail(str(error))
            return
        for each in self._tasks:
            senders = found.get(each.task.wanted.sender.name, [])
            if not senders and "create" in each.task.done:
                senders = await self._created(channel, each.task)
            action = each.task.listed(senders)
            if action is not None and not each.in_doubt:
                self._work.append((each, action))

    async def _list(self, channel: ProjectChannel) -> dict[str, list[AnySender]]:
        names = {each.task.wanted.sender.name for each in self._tasks}
        found: dict[str, dict[str | None, AnySender]] = {}
        token: str | None = None
        total = 0
        while True:
            senders, token = await self._ask(partial(channel.page, token))
            total += len(senders)
            for sender in senders:
                if (name := name_of(sender)) is not None and name in names:
                    found.setdefault(name, {})[sender.id] = sender
            if token is None:
                self.worker.pages[self.channel_id] = 1 + total // PAGE_SIZE
                return {name: [*senders.values()] for name, senders in found.items()}

    async def _created(self, channel: ProjectChannel, task: SenderTask) -> list[AnySender]:
        """Read back a sender of an earlier round that the listing lacks: it lags behind, or the sender is gone."""
        if channel.channel == "rcs" and task.sender_id is not None:
            try:
                return [await self._ask(partial(channel.get, task.sender_id))]
            except NotFoundError:
                pass
        task.done.clear()
        return []

    async def _ask(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Make a call that changes nothing, and make it again if it fails for the moment."""
        for tried in range(1, _PAGE_TRIES + 1):
            try:
                async with self.worker.limiter.request():
                    return await call()
            except ProvisioningError as error:
                pause = max(requested_pause(error), 2.0 ** (tried - 3))
                if tried == _PAGE_TRIES or not error.retryable or pause > _SHORT:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _write_all(self, channel: ProjectChannel) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(CONCURRENCY, len(self._work))):
                group.create_task(self._write_some(channel))

    async def _write_some(self, channel: ProjectChannel) -> None:
        while (item := await self._claim()) is not None:
            entry, action = item
            try:
                await self._write(channel, entry.task, action)
            except LimiterClosed:
                return
            # A bug or a field that the client refuses ends this order and no other.
            except Exception as error:
                entry.task.fail(f"unexpected {type(error).__name__}: {error}")

    async def _claim(self) -> tuple[_OrderTask, Action] | None:
        """Return the next order to work on, marked in the database."""
        async with self._claiming:
            while not self._claimed and self._work:
                if self.worker.stopping or self._streak >= _STREAK or self._pause > _SHORT:
                    return None
                block = [self._work.popleft() for _ in range(min(_BLOCK, len(self._work)))]
                for entry, _ in block:
                    entry.state = "sending"
                    self._changed[entry.order_id] = entry
                written = await self._flush()
                self._claimed.extend(item for item in block if item[0].order_id in written)
            return self._claimed.popleft() if self._claimed and not self.worker.stopping else None

    async def _write(self, channel: ProjectChannel, task: SenderTask, action: Action | None) -> None:
        while action is not None and not self.worker.stopping:
            try:
                async with self.worker.limiter.request():
                    sender = await channel.write(action, task.wanted.sender, task.sender_id, task.differing)
            except ProvisioningError as error:
                self._streak += may_pass(error, _DAY)
                task.failed(error, action)
                self._note_pause(error)
                if 0 < (pause := requested_pause(error)) <= _SHORT:
                    await asyncio.sleep(pause)
                return
            self._streak, self._writes = 0, self._writes + 1
            action = task.wrote(action, sender)

    def _note_pause(self, error: ProvisioningError) -> None:
        pause = requested_pause(error)
        if isinstance(error, OutcomeUnknownError) and error.attempts and error.attempts[-1].status is None:
            # A slow server may still do it, so it is not looked for too soon.
            slow = "Timeout" in str(error.attempts[-1].cause) or "Deadline" in str(error.attempts[-1].cause)
            pause = CALL_TIMEOUT if slow else pause
        self._pause = max(self._pause, pause)

    async def _keep_flushing(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_EVERY):
                    await self._ended.wait()
            await self._flush()

    async def _flush(self) -> set[str]:
        """Record what has changed; returns the orders that were written, and does not return without the channel."""
        async with self._flushing:
            changed, self._changed = self._changed, {}
            if not changed:
                return set()
            rows = [entry.row() for entry in changed.values()]
            written = await self.worker.database.run_patiently(
                write_orders, self.channel_id, self.worker.id, rows
            )
        if written is None:
            await never()
        return written or set()

    def _next_pause(self) -> float:
        unsettled = [each for each in self._tasks if each.task.is_open and not each.task.is_waiting]
        counts = self.worker.no_progress
        if unsettled or self._pause:
            tried = counts[self.channel_id] = 0 if self._writes else counts.get(self.channel_id, 0) + 1
            pause = max(self._pause, min(_FIRST_PAUSE * 2.0 ** min(tried, 10), _LONGEST_PAUSE))
            if any(each.in_doubt for each in self._tasks):
                pause = max(_FIRST_PAUSE, self._doubt_left())
            return pause
        counts.pop(self.channel_id, None)
        polling = self.opened.polling
        self.polls = 0 if self._writes else self.opened.polls + 1
        pause = min(polling.first_pause * polling.growth**self.polls, polling.longest_pause)
        if self.opened.webhooks and self.polls:
            pause = max(pause, _WEBHOOK_FACTOR * polling.longest_pause)
        return pause
