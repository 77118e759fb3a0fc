"""A worker: one workflow of the engine (DBOS) for each project channel with open orders.

A workflow is round, pause, round, pause until all orders of the channel have ended. All that matters is in the tables
and in the API, so a round may be cut off anywhere, and the workflow of a dead worker is replaced by a new one.
APPLICATION_VERSION names the order of steps of the workflow: give it a new value when that changes, and workers of the
new version start workflows of their own for every channel that no living worker owns.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import sqlalchemy as sa
from attrs import define, field
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import exc

from .. import ConfigurationError, ProvisioningClient
from .channel_round import CALL_TIMEOUT, Worker, never, run_round
from .database import POSTGRESQL_ARGUMENTS, Database, channels
from .limiter import Limiter, Pace
from .membership import LEASE, Beat, Watch, beat, forget, join, new_worker_id, release
from .sqlite_clock import SQLITE_ARGUMENTS
from .upgrade import adopt_old_orders

APPLICATION: Final = "sinch-provisioning"
APPLICATION_VERSION: Final = "2"
TAKE_OVER_EVERY: Final = 1.0
_QUEUE: Final = "sinch-provisioning-channels"
_EVERY: Final = 1.0
_DRAIN: Final = CALL_TIMEOUT + 5.0
_AFTER_A_BUG: Final = 60.0


class _Current:
    """The worker of this process: the engine finds workflows by name, so they can't be handed it."""

    worker: Worker | None = None


@DBOS.workflow(name="sinch_provisioning.channel")
async def reconcile_channel(channel_id: str) -> None:
    """Work on a channel until all its orders have ended."""
    while (pause := await DBOS.run_step_async({"name": "round"}, _round, channel_id)) is not None:
        await DBOS.recv_async(timeout_seconds=pause)


async def _round(channel_id: str) -> float | None:
    worker = _Current.worker
    if worker is None or worker.stopping:
        await never()
    assert worker is not None, "never() does not return"
    try:
        return await run_round(worker, channel_id)
    # A workflow that failed would leave its orders to nobody.
    except Exception as error:
        worker.notify(f"channel {channel_id}: unexpected {type(error).__name__}: {error}")
        return _AFTER_A_BUG


async def work(
    connect: Callable[[], ProvisioningClient],
    url: str,
    *,
    pace: Pace | None = None,
    stop: asyncio.Event | None = None,
    take_over_every: float = TAKE_OVER_EVERY,
    observer: Callable[[str], None] | None = None,
) -> None:
    """Carry out orders until `stop` is set, then let the requests under way end; one worker per process.

    `connect` makes the client, which lives and is closed in the engine's own event loop. What is left is done by other
    workers, or after the next start. A database that fails for a while is waited for; raises `ConfigurationError` if
    it can't be used at the start.
    """
    if _Current.worker is not None:
        raise ConfigurationError("this process already runs a worker: start another process")
    stopping = asyncio.Event() if stop is None else stop
    database = Database.open(url)
    notify = _ignore if observer is None else observer
    started = False
    try:
        while not stopping.is_set():
            worker = Worker(new_worker_id(), database, Limiter(), connect, notify)
            try:
                session = _Session(worker, url, take_over_every)
                await session.run(Pace() if pace is None else pace, stopping)
            except (ConfigurationError, exc.SQLAlchemyError):
                if not started:
                    raise
                await asyncio.sleep(_EVERY)
            started = True
            if not stopping.is_set():
                notify(f"worker {worker.id} lost contact with the database: starting again")
    finally:
        database.engine.dispose()


def _ignore(_: str) -> None:
    """Take the place of an observer."""


@asynccontextmanager
async def _engine(url: str, worker_id: str) -> AsyncGenerator[None]:
    """Run the engine on threads and an event loop of its own; workflows under way are cancelled at the end.

    Its calls belong in `asyncio.to_thread`: the asynchronous ones would replace this loop's thread pool.
    """
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": worker_id,
        "log_level": "CRITICAL",
    }
    arguments = SQLITE_ARGUMENTS if url.startswith("sqlite") else dict(POSTGRESQL_ARGUMENTS)
    config["db_engine_kwargs"] = {"connect_args": arguments}

    def launch() -> str:
        try:
            DBOS(config=config)
            DBOS.launch()
            DBOS.register_queue(_QUEUE, polling_interval_sec=_EVERY, on_conflict="always_update")
        # The drivers' own exceptions, whose messages may quote the URL, and with it a password.
        except Exception as error:
            return type(error).__name__
        return ""

    try:
        if reason := await asyncio.to_thread(launch):
            raise ConfigurationError(
                f"can't use the database ({reason}): check its URL, and that it is running"
            )
        yield
    finally:
        await asyncio.to_thread(DBOS.destroy)


@define(eq=False)
class _Session:
    """A worker from joining the others until it is stopped, or declared dead by them."""

    worker: Worker
    url: str
    take_over_every: float
    _lost: bool = False
    _found: Beat | None = None
    _ending: threading.Event = field(factory=threading.Event)

    async def run(self, pace: Pace, stopping: asyncio.Event) -> None:
        """Work; the beats come from a thread that no event loop holds up."""
        worker = self.worker
        await worker.database.prepare()
        await worker.database.run(join, worker.id, pace)
        _Current.worker = worker
        try:
            async with _engine(self.url, worker.id):
                await asyncio.to_thread(adopt_old_orders, worker.database)
                beating = asyncio.ensure_future(asyncio.to_thread(self._beat))
                worker.notify(f"worker {worker.id} is ready")
                try:
                    await self._watch(stopping)
                finally:
                    await self._drain()
                    self._ending.set()
                    worker.limiter.changed.set()
                    await beating
            if not self._lost:
                await worker.database.run(release, worker.id, doubt=0)
        finally:
            _Current.worker = None

    def _beat(self) -> None:
        limiter = self.worker.limiter
        while not self._ending.is_set() and not self._lost:
            limiter.changed.clear()
            began, self._found = limiter.monotonic(), None
            with suppress(exc.SQLAlchemyError):  # an outage, during which the lease runs out
                found = self.worker.database.transact(beat, self.worker.id, limiter)
                self._found, self._lost = found, found is None
                if found is not None:
                    limiter.period = found.period
                    limiter.grant(found.slots, began + LEASE)
            limiter.changed.wait(_EVERY)

    async def _watch(self, stopping: asyncio.Event) -> None:
        watch, worker = Watch(self.worker.id), self.worker
        last = 0.0
        while not stopping.is_set() and not self._lost:
            found, now = self._found, time.monotonic()
            with suppress(ConfigurationError, exc.SQLAlchemyError):  # an outage; looked at again below
                for workflow_id, channel_id in await worker.database.run(_channels_at_rest, worker.id):
                    await asyncio.to_thread(_start_or_wake, workflow_id, channel_id)
                if found is not None and now - last >= self.take_over_every:
                    last = now
                    for name, count in watch.suspects(found, now).items():
                        if await worker.database.run(release, name, beat=count):
                            worker.notify(f"took over from {name}")
                    for name in watch.cold(found, now):
                        ended = await asyncio.to_thread(_cancel_workflows, name)
                        await worker.database.run(forget, name, ended)
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await stopping.wait()

    async def _drain(self) -> None:
        """Start no further request, let those under way end, and close the client."""
        worker = self.worker
        worker.stopping = True
        worker.limiter.close()
        ends = time.monotonic() + (0.0 if self._lost else _DRAIN)
        while (worker.rounds or worker.limiter.lower(0)) and time.monotonic() < ends:  # noqa: ASYNC110 - counted elsewhere
            await asyncio.sleep(0.02)
        if worker.client is not None and worker.loop is not None:
            closing = asyncio.run_coroutine_threadsafe(worker.client.aclose(), worker.loop)
            await asyncio.wrap_future(closing)


def _channels_at_rest(connection: sa.Connection, worker_id: str) -> list[tuple[str, str | None]]:
    """Return the workflows to start, with their channels, and those of this worker to wake."""
    unowned = sa.and_(channels.c.is_open == 1, channels.c.owner.is_(None))
    woken = sa.and_(channels.c.owner == worker_id, channels.c.wake == 1)
    rows = connection.execute(sa.select(channels).where(sa.or_(unowned, woken))).all()
    if any(row.owner for row in rows):
        connection.execute(sa.update(channels).where(woken).values(wake=0))
    return [
        (f"{row.id}#{row.generation}/{APPLICATION_VERSION}", None if row.owner else row.id) for row in rows
    ]


def _cancel_workflows(worker_id: str) -> list[str]:
    """Cancel the workflows of a dead worker, and return them."""
    left = DBOS.list_workflows(status="PENDING", executor_id=worker_id, load_input=False, load_output=False)
    workflow_ids = [each.workflow_id for each in left]
    if workflow_ids:
        DBOS.cancel_workflows(workflow_ids)
    return workflow_ids


def _start_or_wake(workflow_id: str, channel_id: str | None) -> None:
    if channel_id is None:
        DBOS.send(workflow_id, "wake")
        return
    # A workflow that is queued already is left as it is.
    with SetWorkflowID(workflow_id):
        DBOS.enqueue_workflow(_QUEUE, reconcile_channel, channel_id)
