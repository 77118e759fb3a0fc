"""Desired state over days and machines: workers that share the orders of a database (extra `durable`).

`enqueue` orders what a file's senders need, `work` carries it out in any number of processes, `standings` says how it
stands. The database is SQLite on one machine, PostgreSQL on several.
"""

from typing import TYPE_CHECKING

from ..desired import Pace
from .database import environment_url
from .orders import (
    Ordered,
    Standing,
    cancel,
    deliver,
    dropped_events,
    enqueue,
    project_totals,
    standings,
)

if TYPE_CHECKING:
    from .worker import work

__all__ = [
    "Ordered",
    "Pace",
    "Standing",
    "cancel",
    "deliver",
    "dropped_events",
    "enqueue",
    "environment_url",
    "project_totals",
    "standings",
    "work",
]


def __getattr__(name: str) -> object:
    """Import the engine only where there is work to do: it takes longer than to ask ten thousand orders' status."""
    if name != "work":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .worker import work  # noqa: PLC0415

    return work
