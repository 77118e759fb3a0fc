"""Desired state over days and machines: workers that share the orders of a database (extra `durable`).

`enqueue` orders what a file's senders need, `work` carries it out in any number of processes, `standings` says how it
stands. The database is SQLite on one machine, PostgreSQL on several.
"""

from ..desired import Pace
from .database import environment_url
from .orders import (
    Ordered,
    Standing,
    cancel,
    deliver,
    enqueue,
    project_totals,
    standings,
)
from .worker import work

__all__ = [
    "Ordered",
    "Pace",
    "Standing",
    "cancel",
    "deliver",
    "enqueue",
    "environment_url",
    "project_totals",
    "standings",
    "work",
]
