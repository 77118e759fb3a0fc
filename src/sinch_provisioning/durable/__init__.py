"""Desired state over days and machines: one durable workflow for each sender, on DBOS (extra `durable`).

`enqueue` writes down what a file is missing, `work` carries it out in as many processes as there are, `standings`
tells how it stands. The database is SQLite on one machine, PostgreSQL on more.
"""

from .engine import Pace
from .order import environment_url
from .orders import Ordered, Standing, enqueue, standings, totals
from .worker import work

__all__ = ["Ordered", "Pace", "Standing", "enqueue", "environment_url", "standings", "totals", "work"]
