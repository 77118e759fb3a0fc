"""The workers: who is alive, who owns which channel, and how many of the rate's slots each holds.

A worker counts its beat up once a second. Others take it for dead when its process on the same machine has ended, or
when the count has stood still for LEASE seconds of their own clocks; a worker whose beats do not get through sends
nothing LEASE seconds after the last one by its own clock. One that was declared dead owns nothing any more.
"""

from __future__ import annotations

import os
import socket
import uuid
from typing import Final

import sqlalchemy as sa
from attrs import define, field, frozen

from .database import channels, settings, upsert, workers
from .limiter import Limiter, Pace

LEASE: Final = 10.0
# Seconds until the last requests of a dead worker have arrived, and its slots are free.
_COOLING: Final = 3.0
# Beats after which the remainder of the slots goes to other workers.
_TURN: Final = 15


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
    upsert(connection, settings, [{"id": "rate", "value": str(pace.rate)}])
    connection.execute(sa.insert(workers).values(id=worker_id))


def release(connection: sa.Connection, worker_id: str, *, beat: int | None = None, doubt: int = 1) -> bool:
    """End a worker's ownership, of one that left (no `doubt`) or of one that is dead unless it has beaten since."""
    unchanged = [workers.c.id == worker_id, workers.c.dead == 0]
    if beat is not None:
        unchanged.append(workers.c.beat == beat)
    gone: dict[str, int] = {"dead": 1, "demand": 0} | ({} if doubt else {"slots": 0})
    if connection.execute(sa.update(workers).where(*unchanged).values(**gone)).rowcount == 0:
        return False
    connection.execute(
        sa.update(channels)
        .where(channels.c.owner == worker_id)
        .values(owner=None, generation=channels.c.generation + 1, doubt=doubt)
    )
    return True


@frozen
class Beat:
    """What a beat found: the counts of living workers, the dead ones, and the slots that are this worker's now."""

    alive: dict[str, int]
    dead: frozenset[str]
    slots: int
    period: float


def beat(connection: sa.Connection, worker_id: str, limiter: Limiter) -> Beat | None:
    """Show this worker as alive and settle its slots; None if it was declared dead."""
    rows = connection.execute(sa.select(workers).order_by(workers.c.id).with_for_update()).all()
    own = next((row for row in rows if row.id == worker_id and not row.dead), None)
    if own is None:
        return None
    rate = connection.execute(sa.select(settings.c.value).where(settings.c.id == "rate")).scalar_one()
    pace, demand = Pace(float(rate)), limiter.demand
    busy = sorted({row.id for row in rows if row.demand} - {worker_id} | ({worker_id} if demand else set()))
    turn = max(row.beat for row in rows) // _TURN
    free = pace.slots - sum(row.slots for row in rows if row.id != worker_id)
    share = max(0, min(fair_share(pace.slots, busy, worker_id, turn), free))
    # Slots are given up in the database only when no request holds them any more.
    held = max(share, limiter.lower(share))
    changed = sa.update(workers).where(workers.c.id == worker_id)
    connection.execute(changed.values(beat=own.beat + 1, demand=demand, slots=held))
    alive = {row.id: row.beat for row in rows if not row.dead}
    return Beat(alive, frozenset(row.id for row in rows if row.dead), share, pace.period)


def fair_share(total: int, busy: list[str], own: str, turn: int) -> int:
    """Return how many of `total` slots a worker may hold: an equal part, the remainder going round with `turn`."""
    if own not in busy:
        return 0
    share, remainder = divmod(total, len(busy))
    return share + ((busy.index(own) + turn) % len(busy) < remainder)


@define
class Watch:
    """One worker's view of the others, by its own clock."""

    own: str
    _seen: dict[str, tuple[int, float]] = field(factory=dict[str, tuple[int, float]])
    _dead: dict[str, float] = field(factory=dict[str, float])
    _last: float = 0.0

    def suspects(self, found: Beat, now: float) -> dict[str, int]:
        """Return the workers that look dead, with the last beats seen."""
        if now - self._last > LEASE / 2:
            self._seen.clear()  # a worker that did not look can't tell who was silent
        self._last = now
        for worker_id, count in found.alive.items():
            if self._seen.get(worker_id, (None, 0.0))[0] != count:
                self._seen[worker_id] = (count, now)
        silent = {name for name in found.alive if now - self._seen[name][1] >= LEASE or has_ended(name)}
        return {name: found.alive[name] for name in silent - {self.own}}

    def cold(self, found: Beat, now: float) -> list[str]:
        """Return dead workers whose last requests have arrived, so that their slots can be freed."""
        self._dead = {worker_id: self._dead.get(worker_id, now) for worker_id in found.dead}
        return [worker_id for worker_id, since in self._dead.items() if now - since > _COOLING]


def forget(connection: sa.Connection, worker_id: str, workflow_ids: list[str]) -> None:
    """Remove a dead worker, and let workflows that it had started without coming to own the channel be replaced."""
    for workflow_id in workflow_ids:
        channel_id, _, rest = workflow_id.rpartition("#")
        same = sa.and_(channels.c.id == channel_id, channels.c.generation == int(rest.partition("/")[0]))
        unowned = sa.update(channels).where(same, channels.c.owner.is_(None))
        connection.execute(unowned.values(generation=channels.c.generation + 1))
    connection.execute(sa.delete(workers).where(workers.c.id == worker_id))
