"""The workers: who is alive, who owns which channel, and how many of the rate's slots each holds.

A worker beats once a second: in one transaction it notes the time, by the database's clock, and settles its slots and
channels. By its own clock it sends nothing LEASE seconds after the last beat that got through. The others take it for
dead when it has been silent for so long that its last requests have arrived; sooner, if its process on the same
machine has ended. A dead worker's row is deleted, its channels and slots are free, and it can't beat again.
"""

from __future__ import annotations

import math
import os
import socket
import uuid
from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa
from attrs import frozen

from ..desired import LATEST_ARRIVAL, Pace
from .database import channels, clock, update, upsert, workers

LEASE: Final = 10.0
BEAT_EVERY: Final = 1.0
# Seconds after which the remainder of the slots goes to other workers.
_TURN: Final = 30


def new_worker_id() -> str:
    """Return a name that no other worker ever has, and that tells where its process is."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def has_ended(worker_id: str) -> bool:
    """Whether the process of a worker on this machine has ended; False where that can't be told."""
    host, pid, _ = worker_id.rsplit(":", 2)
    if os.name != "posix" or host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def join(connection: sa.Connection, worker_id: str, pace: Pace) -> None:
    """Register a worker; its pace becomes that of all."""
    upsert(connection, workers, [{"id": worker_id, "beat": clock(connection)}])
    update(connection, workers, sa.true(), rate=pace.rate)


def leave(connection: sa.Connection, worker_id: str, *, doubt: int = 0, arrived: bool = True) -> None:
    """End a worker's ownership; `doubt` says that its requests may be under way, `arrived` that its slots are free."""
    update(connection, workers, workers.c.id == worker_id, demand=0)
    if arrived:
        connection.execute(sa.delete(workers).where(workers.c.id == worker_id))
    update(connection, channels, channels.c.owner == worker_id, owner=None, doubt=doubt)


@frozen
class Beat:
    """What a beat came to: the slots, the channels that are this worker's now or have new orders, and the dead."""

    slots: int
    period: float
    taken: Sequence[sa.Row[Any]]
    woken: Sequence[str]
    dead: Sequence[str]


def beat(
    connection: sa.Connection, worker_id: str, *, demand: int, held: int, working_on: Collection[str]
) -> Beat | None:
    """Show a worker as alive, and settle its slots and channels; None if it was taken for dead.

    `demand` says whether it has requests to send, `held` how many slots it may be using.
    """
    rows = connection.execute(sa.select(workers).order_by(workers.c.id).with_for_update())
    others = {row.id: row for row in rows}
    own, now = others.pop(worker_id, None), clock(connection)
    if own is None:
        return None
    pace, dead = Pace(own.rate), list[str]()
    if now - own.beat > LEASE / 2:
        # The database was away, so the silence of the others means nothing.
        update(connection, workers, sa.true(), beat=now)
    else:
        silent = {name: now - row.beat - LATEST_ARRIVAL - pace.period for name, row in others.items()}
        dead = [each for each in silent if silent[each] >= (BEAT_EVERY if has_ended(each) else LEASE)]
    for name in dead:
        leave(connection, name, doubt=1)
        del others[name]
    busy = [name for name, row in others.items() if row.demand] + [worker_id] * (demand > 0)
    free = pace.slots - sum(row.slots for row in others.values())
    share = max(0, min(fair_share(pace.slots, sorted(busy), worker_id, int(now) // _TURN), free))
    # Slots are given up in the database only when no request holds them any more.
    mine = workers.c.id == worker_id
    update(connection, workers, mine, beat=now, demand=demand, slots=max(share, held))
    at_rest = sa.or_(channels.c.owner.is_(None), channels.c.owner == worker_id)
    chosen = sa.select(channels).where(at_rest, channels.c.is_open == 1).order_by(channels.c.id)
    found = connection.execute(chosen.with_for_update(skip_locked=True)).all()
    idle = [row for row in found if row.id not in working_on]
    taken = idle[: math.ceil(len(idle) / (1 + len(others)))]
    if taken:
        settled: dict[str, Any] = {"owner": worker_id, "doubt": 0, "generation": channels.c.generation + 1}
        update(connection, channels, channels.c.id.in_([row.id for row in taken]), **settled)
    woken = [row.id for row in found if row.id in working_on and row.wake]
    return Beat(share, pace.period, taken, woken, dead)


def fair_share(total: int, busy: list[str], own: str, turn: int) -> int:
    """Return how many of `total` slots a worker may hold: an equal part, the remainder going round with `turn`."""
    if own not in busy:
        return 0
    share, remainder = divmod(total, len(busy))
    return share + ((busy.index(own) + turn) % len(busy) < remainder)
