"""A worker: carries out orders, and takes over those of workers that died."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from attrs import define, field
from sqlalchemy import exc

from .. import ConfigurationError, ProvisioningClient
from .database import Database
from .limiter import Limiter, Pace
from .membership import LEASE, Beat, Watch, beat, channels_at_rest, join, leave, new_worker_id
from .upgrade import adopt_old_orders
from .worker_client import CALL_TIMEOUT, CurrentWorker, WorkerClient
from .workflow import engine, requeue_workflows, start_channel, wake_channel

TAKE_OVER_EVERY: Final = 2.0
_BEAT_EVERY: Final = 1.0
_LOOK_EVERY: Final = 1.0
_RETRY_EVERY: Final = 1.0
_DRAIN: Final = CALL_TIMEOUT + 5.0


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
    if CurrentWorker.worker is not None:
        raise ConfigurationError("this process already runs a worker: start another process")
    stopping = asyncio.Event() if stop is None else stop
    notify = _ignore if observer is None else observer
    database = Database.open(url)
    started = False
    try:
        while not stopping.is_set():
            worker_id = new_worker_id()
            worker = WorkerClient(worker_id, database, Limiter(), connect, notify)
            try:
                await _Session(worker, url, Pace() if pace is None else pace, take_over_every).run(stopping)
            except (ConfigurationError, exc.SQLAlchemyError):
                if not started:
                    raise
                await asyncio.sleep(_RETRY_EVERY)
            started = True
            if not stopping.is_set():
                notify(f"worker {worker_id} lost contact with the database: starting again")
    finally:
        database.close()


def _ignore(_: str) -> None:
    """Take the place of an observer."""


@define(eq=False)
class _Session:
    """A worker from joining the others to its end, or until they take it for dead."""

    worker: WorkerClient
    url: str
    pace: Pace
    every: float
    _lost: bool = False
    _found: Beat | None = None
    _ending: threading.Event = field(factory=threading.Event)

    async def run(self, stopping: asyncio.Event) -> None:
        worker, database = self.worker, self.worker.database
        await database.prepare()
        try:
            await database.run(join, worker.id, self.pace)
            CurrentWorker.worker = worker
            async with engine(self.url, worker.id):
                await asyncio.to_thread(adopt_old_orders, database)
                beating = asyncio.ensure_future(asyncio.to_thread(self._beat))
                worker.notify(f"worker {worker.id} is ready")
                try:
                    await self._watch(stopping)
                finally:
                    await worker.close(0.0 if self._lost else _DRAIN)
                    self._ending.set()
                    worker.limiter.changed.set()
                    await beating
            if not self._lost:
                await database.run(leave, worker.id)
        finally:
            CurrentWorker.worker = None

    def _beat(self) -> None:
        """Keep this worker alive in the eyes of the others, from a thread that no event loop holds up."""
        limiter = self.worker.limiter
        while not self._ending.is_set():
            limiter.changed.clear()
            began = limiter.monotonic()
            found: Beat | None = None
            with suppress(exc.SQLAlchemyError):  # an outage, during which the lease runs out
                found = self.worker.database.transact(beat, self.worker.id, limiter)
                self._lost = found is None
            self._found = found
            if found is not None:
                limiter.period = found.period
                limiter.grant(found.slots, began + LEASE)
            elif self._lost:
                return
            limiter.changed.wait(_BEAT_EVERY)

    async def _watch(self, stopping: asyncio.Event) -> None:
        watch = Watch(self.worker.id)
        database = self.worker.database
        while not stopping.is_set() and not self._lost:
            with suppress(ConfigurationError, exc.SQLAlchemyError):  # an outage; looked at again below
                await self._start_channels()
                found = self._found
                for worker_id in [] if found is None else watch.suspects(found):
                    if found is not None and await database.run(watch.declare_dead, worker_id, found):
                        count = await asyncio.to_thread(requeue_workflows, database, worker_id)
                        watch.buried(worker_id)
                        self.worker.notify(f"took over {count} channel(s) of {worker_id}")
                await database.run(watch.forget)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await stopping.wait()

    async def _start_channels(self) -> None:
        worker = self.worker
        to_start, to_wake = await worker.database.run(channels_at_rest, worker.id)
        for channel_id, generation in to_start:
            await asyncio.to_thread(start_channel, worker.database, channel_id, generation)
        for channel_id, generation in to_wake:
            await asyncio.to_thread(wake_channel, channel_id, generation)
