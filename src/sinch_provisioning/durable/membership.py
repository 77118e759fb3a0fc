"""The workers: who is alive, who owns which channel, and how many of the rate's slots each holds.

A worker beats once a second: it counts its row up, and settles its slots and channels in the same transaction. By its
own clock it sends nothing LEASE seconds after the last beat that got through. Others take it for dead, by their own
clocks, when its count has stood still for so long that its last requests have arrived; or sooner, if its process on
the same machine has ended. A dead worker's row is deleted, its channels and slots are free, and it can't beat again.
"""

from __future__ import annotations

import math
import os
import socket
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from attrs import define, field, frozen

from .database import channels, update, workers
from .limiter import LATEST_ARRIVAL, Pace

LEASE: Final = 10.0
BEAT_EVERY: Final = 1.0
# Beats after which the remainder of the slots goes to other workers.
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


@define(eq=False)
class Watch:
    """The beats of others, by this worker's own clock, looked at once in `every` seconds."""

    every: float = BEAT_EVERY
    _seen: dict[str, tuple[int, float]] = field(factory=dict[str, tuple[int, float]])
    _looked: float = 0.0

    def dead(self, beats: Mapping[str, int], period: float, now: float) -> list[str]:
        """Return those that are dead."""
        if now - self._looked < self.every:
            return []
        if now - self._looked > LEASE / 2:
            self._seen.clear()  # a worker that did not look can't tell who was silent
        self._looked = now
        unchanged = {name: seen for name, seen in self._seen.items() if beats.get(name) == seen[0]}
        self._seen = {name: unchanged.get(name, (count, now)) for name, count in beats.items()}
        silent = {name: now - since - LATEST_ARRIVAL - period for name, (_, since) in self._seen.items()}
        return [
            name
            for name, seconds in silent.items()
            if seconds >= LEASE or (seconds >= BEAT_EVERY and has_ended(name))
        ]


@frozen
class Beat:
    """What a beat came to: the slots, the channels that are this worker's now or have new orders, and the dead."""

    slots: int
    period: float
    taken: Sequence[sa.Row[Any]]
    woken: Sequence[str]
    dead: Sequence[str]


def join(connection: sa.Connection, worker_id: str, pace: Pace) -> None:
    """Register a worker; its pace becomes that of all."""
    _all(connection)
    connection.execute(sa.insert(workers).values(id=worker_id))
    connection.execute(sa.update(workers).values(rate=str(pace.rate)))


def _all(connection: sa.Connection) -> dict[str, sa.Row[Any]]:
    rows = connection.execute(sa.select(workers).order_by(workers.c.id).with_for_update())
    return {row.id: row for row in rows}


def leave(connection: sa.Connection, worker_id: str, *, doubt: int = 0, arrived: bool = True) -> None:
    """End a worker's ownership; `doubt` says that its requests may be under way, `arrived` that its slots are free."""
    update(connection, workers, workers.c.id == worker_id, demand=0)
    if arrived:
        connection.execute(sa.delete(workers).where(workers.c.id == worker_id))
    update(connection, channels, channels.c.owner == worker_id, owner=None, doubt=doubt)


def beat(
    connection: sa.Connection,
    worker_id: str,
    watch: Watch,
    now: float,
    *,
    demand: int,
    held: int,
    working_on: Collection[str],
) -> Beat | None:
    """Show a worker as alive, and settle its slots and channels; None if it was taken for dead.

    `demand` says whether it has requests to send, `held` how many slots it may be using.
    """
    others = _all(connection)
    own = others.pop(worker_id, None)
    if own is None:
        return None
    pace = Pace(float(own.rate))
    dead = watch.dead({name: row.beat for name, row in others.items()}, pace.period, now)
    for name in dead:
        leave(connection, name, doubt=1)
        del others[name]
    busy = {name for name, row in others.items() if row.demand} | ({worker_id} if demand else set())
    turn = max([own.beat, *(row.beat for row in others.values())]) // _TURN
    free = pace.slots - sum(row.slots for row in others.values())
    share = max(0, min(fair_share(pace.slots, sorted(busy), worker_id, turn), free))
    # Slots are given up in the database only when no request holds them any more.
    settled = {"beat": own.beat + 1, "demand": demand, "slots": max(share, held)}
    update(connection, workers, workers.c.id == worker_id, **settled)
    at_rest = sa.or_(channels.c.owner.is_(None), channels.c.owner == worker_id)
    chosen = sa.select(channels).where(at_rest, channels.c.is_open == 1).order_by(channels.c.id)
    rows = connection.execute(chosen.with_for_update(skip_locked=True)).all()
    idle = [row for row in rows if row.id not in working_on]
    taken = idle[: math.ceil(len(idle) / (1 + len(others)))]
    if taken:
        mine = channels.c.id.in_([row.id for row in taken])
        counted = channels.c.generation + 1
        update(connection, channels, mine, owner=worker_id, doubt=0, generation=counted)
    woken = [row.id for row in rows if row.id in working_on and row.wake]
    return Beat(share, pace.period, taken, woken, dead)


def fair_share(total: int, busy: list[str], own: str, turn: int) -> int:
    """Return how many of `total` slots a worker may hold: an equal part, the remainder going round with `turn`."""
    if own not in busy:
        return 0
    share, remainder = divmod(total, len(busy))
    return share + ((busy.index(own) + turn) % len(busy) < remainder)
