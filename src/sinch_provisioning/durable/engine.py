"""The workflow engine in this process: opened on a database, with its queues, and closed again."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, Literal

from attrs import Attribute, field, frozen
from dbos import DBOS, DBOSConfig

from .. import ConfigurationError
from .calls import CALLS, LATEST
from .workflow import SENDERS

APPLICATION: Final = "sinch-provisioning"
# Workflows of another version are left to workers of that version; see `workflow`.
APPLICATION_VERSION: Final = "1"
DEFAULT_RATE: Final = 5.0
# A new sender needs about so many requests before it waits for the carriers.
_CALLS_PER_START: Final = 3
_GROUPS: Final = 4
_POLL: Final = 0.1


def _positive(_: object, attribute: Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{attribute.name} must be a positive number")


@frozen
class Pace:
    """Requests that all workers together may send in any one second.

    The engine's limiter counts starts, and a request leaves up to `LATEST` later (one that would leave later is
    started anew). So the starts of 1 + `LATEST` seconds must not exceed the rate; and they are let go in small
    groups, since those leave sooner than large ones.
    """

    rate: float = field(default=DEFAULT_RATE, validator=_positive)

    @property
    def limit(self) -> int:
        """Starts in any one `period`."""
        return max(1, int(self.rate / _GROUPS))

    @property
    def period(self) -> float:
        """Seconds."""
        seconds = 1 / self.rate + LATEST if self.rate < 1 else (1 + LATEST) / int(self.rate / self.limit)
        return math.ceil(seconds * 1000) / 1000  # the engine counts in whole milliseconds


@asynccontextmanager
async def engine(url: str, *, role: Literal["worker", "producer"], executor_id: str) -> AsyncGenerator[None]:
    """Run the engine on threads and an event loop of its own; a producer only writes orders and reads them.

    Make its blocking calls in `asyncio.to_thread`: its asynchronous ones would replace this loop's thread pool with
    the engine's, which ends with it. Workflows under way are cancelled at the end, and stay resumable.
    """
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor_id,
        "log_level": "ERROR",
    }

    def launch() -> str:
        try:
            DBOS(config=config)
            if role == "producer":
                DBOS.listen_queues([])
            DBOS.launch()
        except Exception as error:
            # What it says may quote the URL, and with it a password.
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


def open_queues(pace: Pace | None) -> None:
    """Make the queues; a worker's pace becomes that of all, and who has none leaves it as it is."""
    given = Pace() if pace is None else pace
    conflict: Literal["never_update", "always_update"] = "never_update" if pace is None else "always_update"
    starts = max(1, given.limit // _CALLS_PER_START)
    start_period = starts * _CALLS_PER_START / given.limit * given.period
    for name, limit, period in ((CALLS, given.limit, given.period), (SENDERS, starts, start_period)):
        DBOS.register_queue(
            name,
            limiter={"limit": limit, "period": period},
            polling_interval_sec=_POLL,
            on_conflict=conflict,
        )


def new_executor_id() -> str:
    """Return a name for this process that no other process ever had or has."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
