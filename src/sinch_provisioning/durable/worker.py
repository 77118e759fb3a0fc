"""A worker: carries out orders, and takes over those of workers that died."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from dbos import DBOS

from .. import ConfigurationError, ProvisioningClient
from .calls import CALL, CUT_OFF
from .engine import Pace, engine, new_executor_id, open_queues
from .liveness import Liveness, liveness_for
from .worker_client import worker_client

TAKE_OVER_EVERY: Final = 10.0
_DRAIN: Final = 35.0


async def work(
    connect: Callable[[], ProvisioningClient],
    url: str,
    *,
    pace: Pace | None = None,
    stop: asyncio.Event | None = None,
    take_over_every: float = TAKE_OVER_EVERY,
    observer: Callable[[str], None] | None = None,
) -> None:
    """Carry out orders until `stop`, then let the requests under way end; one worker for each process.

    `connect` makes the client, which lives and is closed in the engine's own event loop. Workflows that wait are
    left as they are, for other workers or the next start. Raises `ConfigurationError` where the database can't be
    used, or this worker was cut off from it.
    """
    stopping = asyncio.Event() if stop is None else stop
    notify = _ignore if observer is None else observer
    executor_id = new_executor_id()
    liveness = liveness_for(url)
    # Alive before the first workflow is taken, so that nobody ever takes a living worker for dead.
    await asyncio.to_thread(liveness.hold, executor_id)
    worker_client.open(connect)
    try:
        async with engine(url, role="worker", executor_id=executor_id):
            await asyncio.to_thread(open_queues, Pace() if pace is None else pace)
            notify(f"worker {executor_id} is ready")
            try:
                await _watch(liveness, executor_id, stopping, take_over_every, notify)
            finally:
                await worker_client.close(_DRAIN)
    finally:
        liveness.close()


def _ignore(_: str) -> None:
    """Take the place of an observer."""


async def _watch(
    liveness: Liveness, own: str, stop: asyncio.Event, every: float, notify: Callable[[str], None]
) -> None:
    while not stop.is_set():
        if not await asyncio.to_thread(liveness.is_held):
            raise ConfigurationError("cut off from the database, so others may have taken over: start again")
        for count, executor_id in await asyncio.to_thread(take_over, liveness, own):
            notify(f"took over {count} workflow(s) of {executor_id}")
        try:
            async with asyncio.timeout(every):
                await stop.wait()
        except TimeoutError:
            continue


def take_over(liveness: Liveness, own: str) -> list[tuple[int, str]]:
    """Give every dead worker's workflows back to their queues; returns how many, and whose."""
    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    suspects = {each.executor_id for each in pending if each.executor_id is not None} - {own}
    taken: list[tuple[int, str]] = []
    for executor_id in sorted(suspects):
        with liveness.claim_if_dead(executor_id) as dead:
            if dead and (count := _requeue(executor_id)):
                taken.append((count, executor_id))
    return taken


def _requeue(executor_id: str) -> int:
    # Listed again, now that this worker alone takes them over: some may have ended since.
    left = DBOS.list_workflows(status="PENDING", executor_id=executor_id, load_input=False, load_output=False)
    queues: defaultdict[str | None, list[str]] = defaultdict(list)
    for each in left:
        queues[each.queue_name].append(each.workflow_id)
        if each.name == CALL:
            DBOS.update_workflow_attributes(each.workflow_id, {CUT_OFF: True})
    for queue, ids in queues.items():
        # Back to its own queue, where the limiter counts it again.
        DBOS.resume_workflows(ids, queue_name=queue)
    return len(left)
