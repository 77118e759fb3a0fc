"""A worker: a workflow of the engine (DBOS) for each project channel that it owns.

A workflow is round, pause, round, pause until all orders of the channel have ended. All that matters is in the tables
and in the API, so a round may be cut off anywhere; whoever takes the channel over starts a workflow of its own.

No workflow is ever continued by another process. So its steps may change from release to release, workers of two
releases may share a database, and APPLICATION_VERSION stays as it is. What they share are the tables: a release may add
columns with defaults, and must neither drop one nor change what one means.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Final

from attrs import define, field
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from .. import ConfigurationError
from ..desired import AnyClient, Limiter, Pace
from .database import POSTGRESQL_ARGUMENTS, Database
from .membership import BEAT_EVERY, LEASE, beat, join, leave, new_worker_id
from .owned_channel import CALL_TIMEOUT, OwnedChannel
from .sqlite_clock import SQLITE_ARGUMENTS
from .upgrade import adopt_old_orders

APPLICATION: Final = "sinch-provisioning"
APPLICATION_VERSION: Final = "2"
_DRAIN: Final = CALL_TIMEOUT + 5.0
_only_one: Final = threading.Lock()
# The engine stores what a workflow is started with, so that it can't be handed this.
_channel: Final[ContextVar[OwnedChannel]] = ContextVar("channel")


@DBOS.workflow(name="sinch_provisioning.channel")
async def reconcile_channel(channel_id: str) -> None:
    """Work on a channel until all its orders have ended, or it is somebody else's."""
    channel = _channel.get()
    while (pause := await DBOS.run_step_async({"name": "round"}, channel.round)) is not None:
        await DBOS.recv_async(timeout_seconds=pause)


async def work(
    connect: Callable[[], AnyClient],
    url: str,
    *,
    pace: Pace | None = None,
    stop: asyncio.Event | None = None,
    take_over_every: float = BEAT_EVERY,
    observer: Callable[[str], None] = lambda _: None,
) -> None:
    """Carry out orders until `stop` is set, then let the requests under way end; one worker per process.

    `connect` makes the client, which is closed at the end. What is left is done by other workers, or after the next
    start. A database that fails for a while is waited for; raises `ConfigurationError` if it can't be used at the
    start. Meanwhile the event loop's thread pool is the engine's.
    """
    stopping = asyncio.Event() if stop is None else stop
    database = Database.at(url)
    if not _only_one.acquire(blocking=False):
        raise ConfigurationError("this process already runs a worker: start another process")
    try:
        await database.prepare()
        async with connect() as client, _engine(url):
            await adopt_old_orders(database)
            while not stopping.is_set():
                session = _Session(database, client, observer, stopping)
                await session.run(Pace() if pace is None else pace, min(take_over_every, BEAT_EVERY))
    finally:
        _only_one.release()


@asynccontextmanager
async def _engine(url: str) -> AsyncGenerator[None]:
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        # One that no other process ever has, so that the engine continues no workflow of another one.
        "executor_id": new_worker_id(),
        "log_level": "CRITICAL",
    }
    arguments = SQLITE_ARGUMENTS if url.startswith("sqlite") else dict(POSTGRESQL_ARGUMENTS)
    config["db_engine_kwargs"] = {"connect_args": arguments}

    try:
        reason = ""
        try:
            DBOS(config=config)
            DBOS.listen_queues([])
            await asyncio.to_thread(DBOS.launch)
        # The drivers' own exceptions, whose messages may quote the URL, and with it a password.
        except Exception as error:
            reason = type(error).__name__
        if reason:
            raise ConfigurationError(
                f"the engine can't use the database ({reason}): check that it is running"
            )
        yield
    finally:
        # The engine ends its threads, which the loop has used too.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        await asyncio.to_thread(DBOS.destroy)


@define(eq=False)
class _Session:
    """A worker from joining the others until it is stopped, or taken for dead by them."""

    database: Database
    client: AnyClient
    notify: Callable[[str], None]
    stopping: asyncio.Event
    id: str = field(factory=new_worker_id)
    limiter: Limiter = field(factory=Limiter)
    _lost: bool = False
    _owned: dict[str, OwnedChannel] = field(factory=dict[str, OwnedChannel])
    _tasks: dict[str, asyncio.Task[None]] = field(factory=dict[str, "asyncio.Task[None]"])

    async def run(self, pace: Pace, beat_every: float) -> None:
        """Join, then beat once a second, and at once where the need for slots changes."""
        changed, joined = self.limiter.changed, False
        told = asyncio.ensure_future(self.stopping.wait())
        told.add_done_callback(lambda _: changed.set())
        try:
            while not self.stopping.is_set() and not self._lost:
                changed.clear()
                with suppress(ConfigurationError, SQLAlchemyError):  # an outage, in which the lease runs out
                    if not joined:
                        await self.database.run(partial(join, worker_id=self.id, pace=pace))
                        joined = True
                        self.notify(f"worker {self.id} is ready")
                    await self._beat()
                with suppress(TimeoutError):
                    async with asyncio.timeout(beat_every):
                        await changed.wait()
        finally:
            told.cancel()
            await self._drain()

    async def _beat(self) -> None:
        limiter, began = self.limiter, self.limiter.monotonic()
        demand, held, owned = limiter.demand, limiter.held, [*self._owned]
        found = await self.database.run(
            partial(beat, worker_id=self.id, demand=demand, held=held, working_on=owned)
        )
        if found is None:
            self._lost = True
            self.notify(f"worker {self.id} was taken for dead: joining again")
            return
        limiter.period = found.period
        limiter.grant(found.slots, began + LEASE)
        for name in found.dead:
            self.notify(f"took over from {name}")
        for row in found.taken:
            self._owned[row.id] = OwnedChannel(self.id, row, self.database, limiter, self.client, self.notify)
            self._tasks[row.id] = asyncio.create_task(self._work_on(self._owned[row.id]))
        for name in found.woken:
            if (known := self._owned.get(name)) is not None and not known.is_awake:
                await DBOS.send_async(known.workflow_id, "wake")
                known.is_awake = True

    async def _work_on(self, channel: OwnedChannel) -> None:
        name, generation = channel.row.id, channel.row.generation
        _channel.set(channel)
        try:
            # What its last owner has left behind.
            await DBOS.delete_workflows_async([f"{name}#{generation}"])
            with SetWorkflowID(channel.workflow_id):
                await reconcile_channel(name)
        # The channel is still this worker's, so the next beat takes it again.
        except Exception as error:
            self.notify(f"channel {name}: {type(error).__name__} in the engine")
        finally:
            del self._owned[name], self._tasks[name]

    async def _drain(self) -> None:
        """Start no further request, let those under way end, and leave."""
        self.limiter.close()
        tasks = dict(self._tasks)
        for name, task in tasks.items():
            if self._lost or not self._owned[name].is_awake:
                task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks.values(), timeout=_DRAIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        if not self._lost:
            arrived = self.limiter.held == 0
            with suppress(ConfigurationError):  # an outage: the others wait until the lease has run out
                await self.database.run(partial(leave, worker_id=self.id, arrived=arrived))
