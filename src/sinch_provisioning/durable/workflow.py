"""The engine: one workflow for each project channel that has open orders, on DBOS.

A workflow is round, pause, round, pause until all orders have ended. All that matters is in the tables and in the API,
so a round may be cut off anywhere and run again. APPLICATION_VERSION names the order of steps of the workflow, not
the tables: give it a new value when that order changes. Workers of a new version end workflows of an old one when no
worker runs them any more, and start their own for the same orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID

from .. import ConfigurationError
from .channel_round import run_round
from .database import POSTGRESQL_ARGUMENTS, Database, channels
from .worker_client import CurrentWorker, never

APPLICATION: Final = "sinch-provisioning"
APPLICATION_VERSION: Final = "2"
QUEUE: Final = "sinch-provisioning-channels"
_POLL: Final = 1.0
_AFTER_A_BUG: Final = 60.0


@DBOS.workflow(name="sinch_provisioning.channel", max_recovery_attempts=1_000_000)
async def reconcile_channel(channel_id: str) -> None:
    """Work on a channel until all its orders have ended."""
    while True:
        pause = await DBOS.run_step_async({"name": "round"}, _round, channel_id)
        if pause is None:
            return
        if pause > 0:
            await DBOS.recv_async(timeout_seconds=pause)


async def _round(channel_id: str) -> float | None:
    worker = CurrentWorker.worker
    if worker is None or worker.stopping:
        await never()
    assert worker is not None, "never() does not return"
    try:
        return await run_round(worker, channel_id)
    # A workflow that failed would leave its orders to nobody.
    except Exception as error:
        worker.notify(f"channel {channel_id}: unexpected {type(error).__name__}: {error}")
        return _AFTER_A_BUG


@asynccontextmanager
async def engine(url: str, executor_id: str) -> AsyncGenerator[None]:
    """Run the engine on threads and an event loop of its own.

    Make its blocking calls in `asyncio.to_thread`: its asynchronous ones would replace this loop's thread pool with
    the engine's, which ends with it. Workflows under way are cancelled at the end, and stay resumable.
    """
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor_id,
        "log_level": "CRITICAL",
        "notification_listener_polling_interval_sec": _POLL,
    }
    if not url.startswith("sqlite"):
        config["db_engine_kwargs"] = {"connect_args": dict(POSTGRESQL_ARGUMENTS)}

    def launch() -> str:
        try:
            DBOS(config=config)
            DBOS.launch()
            DBOS.register_queue(QUEUE, polling_interval_sec=_POLL, on_conflict="always_update")
        except Exception as error:
            # The message may quote the URL, and with it a password.
            return type(error).__name__
        return ""

    try:
        reason = await asyncio.to_thread(launch)
        if reason:
            raise ConfigurationError(
                f"can't use the database ({reason}): check its URL, and that it is running"
            )
        yield
    finally:
        await asyncio.to_thread(DBOS.destroy)


def start_channel(database: Database, channel_id: str, generation: int) -> None:
    """Start the workflow of a channel without an owner, unless it is queued."""
    workflow_id = f"{channel_id}#{generation}"
    there: Any = DBOS.get_workflow_status(workflow_id)
    if there is None:
        with SetWorkflowID(workflow_id):
            DBOS.enqueue_workflow(QUEUE, reconcile_channel, channel_id)
    elif there.status not in ("ENQUEUED", "PENDING") or there.app_version != APPLICATION_VERSION:
        DBOS.cancel_workflow(workflow_id)
        database.transact(_next_generation, channel_id, generation)


def _next_generation(connection: sa.Connection, channel_id: str, generation: int) -> None:
    same = (channels.c.id == channel_id, channels.c.generation == generation, channels.c.owner.is_(None))
    connection.execute(sa.update(channels).where(*same).values(generation=generation + 1))


def wake_channel(channel_id: str, generation: int) -> None:
    """End the pause of a channel's workflow."""
    DBOS.send(f"{channel_id}#{generation}", "wake")


def requeue_workflows(database: Database, executor_id: str) -> int:
    """Give the workflows of a dead worker to the others; returns their number."""
    left = DBOS.list_workflows(status="PENDING", executor_id=executor_id, load_input=False, load_output=False)
    ours = [each.workflow_id for each in left if each.app_version == APPLICATION_VERSION]
    if ours:
        DBOS.resume_workflows(ours, queue_name=QUEUE)
    # Those of another version are started anew.
    database.transact(
        _release, executor_id, [each.workflow_id for each in left if each.workflow_id not in ours]
    )
    return len(left)


def _release(connection: sa.Connection, executor_id: str, workflow_ids: list[str]) -> None:
    named = channels.c.id + "#" + sa.cast(channels.c.generation, sa.Text)
    connection.execute(
        sa.update(channels)
        .where(channels.c.owner == executor_id, named.in_(workflow_ids))
        .values(owner=None, generation=channels.c.generation + 1)
    )
