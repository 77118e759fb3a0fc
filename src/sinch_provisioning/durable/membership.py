"""The workers: who is alive, and how many of the rate's slots each holds.

A worker counts its beat up once a second. Others take it for dead when its process is seen to have ended, or when the
count has stood still for LEASE seconds of their own clocks; a worker whose beats do not get through stops sending LEASE
seconds after the last one by its own clock. No two clocks are compared.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from typing import Final

import sqlalchemy as sa
from attrs import define, field, frozen

from .database import channels, settings, upsert, workers
from .limiter import Limiter, Pace, fair_share

LEASE: Final = 10.0
# Seconds until the requests of a dead worker have arrived, and the rate is free again.
_COOLING: Final = 3.0
_LEFT: Final = -1
_TURN: Final = 15


def join(connection: sa.Connection, worker_id: str, pace: Pace) -> None:
    """Register a worker; its pace becomes that of all."""
    upsert(connection, settings, [{"name": "rate", "value": str(pace.rate)}])
    connection.execute(sa.insert(workers).values(id=worker_id))


def leave(connection: sa.Connection, worker_id: str) -> None:
    """Let others take over at once; no request is under way any more."""
    connection.execute(sa.update(channels).where(channels.c.owner == worker_id).values(owner=None))
    gone = sa.update(workers).where(workers.c.id == worker_id)
    connection.execute(gone.values(beat=_LEFT, demand=0, slots=0))


def new_worker_id() -> str:
    """Return a name that no other worker ever has, and that tells where its process is."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def _has_ended(worker_id: str) -> bool:
    """Whether the process of a worker on this machine has ended; False where that can't be told."""
    host, pid, _ = worker_id.rsplit(":", 2)
    if os.name != "posix" or host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@frozen
class Beat:
    """What a beat found: every worker's count, and who buries it; and the slots that are this worker's now."""

    workers: dict[str, tuple[int, str | None]]
    slots: int
    period: float


def beat(connection: sa.Connection, worker_id: str, limiter: Limiter) -> Beat | None:
    """Show this worker as alive and settle its slots; None if others have taken it for dead."""
    rows = connection.execute(sa.select(workers).order_by(workers.c.id).with_for_update()).all()
    found = {row.id: row for row in rows}
    own = found.get(worker_id)
    if own is None or own.dead_by is not None:
        return None
    rate = connection.execute(sa.select(settings.c.value).where(settings.c.name == "rate")).scalar_one()
    pace = Pace(float(rate))
    demand = limiter.demand
    demands = {row.id: row.demand for row in rows if row.dead_by is None} | {worker_id: demand}
    turn = max(row.beat for row in rows) // _TURN
    others = sum(row.slots for row in rows if row.id != worker_id)
    share = max(0, min(fair_share(pace.slots, demands, worker_id, turn), pace.slots - others))
    # Slots are given up in the database only when no request holds them any more.
    held = max(share, limiter.lower(share))
    changed = sa.update(workers).where(workers.c.id == worker_id)
    connection.execute(changed.values(beat=own.beat + 1, demand=demand, slots=held))
    return Beat({row.id: (row.beat, row.dead_by) for row in rows}, share, pace.period)


def channels_at_rest(
    connection: sa.Connection, worker_id: str
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return the channels to start and those to wake, with their generations."""
    unowned = sa.and_(channels.c.is_open == 1, channels.c.owner.is_(None))
    woken = sa.and_(channels.c.owner == worker_id, channels.c.wake == 1)
    rows = connection.execute(sa.select(channels).where(sa.or_(unowned, woken))).all()
    to_wake = [(row.id, row.generation) for row in rows if row.owner is not None]
    if to_wake:
        named = channels.c.id.in_([channel_id for channel_id, _ in to_wake])
        connection.execute(sa.update(channels).where(named).values(wake=0))
    return [(row.id, row.generation) for row in rows if row.owner is None], to_wake


@define
class Watch:
    """One worker's view of the others."""

    own: str
    _seen: dict[str, tuple[int, float]] = field(factory=dict[str, tuple[int, float]])
    _buried: dict[str, float] = field(factory=dict[str, float])
    _last: float = 0.0

    def suspects(self, found: Beat) -> list[str]:
        """Return the workers that look dead, or whose burial by a dead one was left unfinished."""
        now = time.monotonic()
        if now - self._last > LEASE / 2:
            self._seen.clear()  # who did not look can't tell who was silent
        self._last = now
        dead: list[str] = []
        for worker_id, (count, dead_by) in found.workers.items():
            if worker_id == self.own or worker_id in self._buried:
                continue
            if dead_by is not None:
                if dead_by == self.own or found.workers.get(dead_by, (0, ""))[1] is not None:
                    dead.append(worker_id)
                continue
            if self._seen.get(worker_id, (None, 0.0))[0] != count:
                self._seen[worker_id] = (count, now)
            silent = now - self._seen[worker_id][1]
            if count == _LEFT or silent >= LEASE or _has_ended(worker_id):
                dead.append(worker_id)
        return dead

    def declare_dead(self, connection: sa.Connection, worker_id: str, found: Beat) -> bool:
        """Declare a worker dead, unless it has shown a sign of life; True makes this worker bury it."""
        count, dead_by = found.workers[worker_id]
        same = [workers.c.id == worker_id, workers.c.beat == count]
        same.append(workers.c.dead_by.is_(None) if dead_by is None else workers.c.dead_by == dead_by)
        declared = connection.execute(sa.update(workers).where(*same).values(dead_by=self.own, demand=0))
        return declared.rowcount == 1

    def buried(self, worker_id: str) -> None:
        """Note that its workflows are with others; its slots become free a little later."""
        self._buried[worker_id] = time.monotonic()

    def forget(self, connection: sa.Connection) -> None:
        """Remove workers whose last requests have arrived."""
        now = time.monotonic()
        for worker_id, since in list(self._buried.items()):
            if now - since > _COOLING:
                connection.execute(sa.delete(workers).where(workers.c.id == worker_id))
                del self._buried[worker_id]
