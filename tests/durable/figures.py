"""The figures of docs/scaling.md, measured: two workers, the emulator and the database on this machine.

`python -m tests.durable.figures life|life=1000|webhooks|rest|speed|rate ...` prints one line for each figure. `life`
and `webhooks` take five minutes each: every second of the emulator's is a thousand of a carrier's.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import COMMON, write_brands
from .chaos import announcing
from .cluster import Cluster, cluster
from .fleet import Fleet, busiest_second, stop
from .trial import database

NUMBER = 10_000
SPEED = 1_000.0
REVIEW = 3 * 86_400.0
UNLIMITED = 100_000.0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _largest(processes: Sequence[asyncio.subprocess.Process]) -> float:
    """Watch the resident size of processes until it is cancelled; returns the largest, in MB."""
    largest = 0.0
    watched = [psutil.Process(each.pid) for each in processes]
    _say("a worker at rest: " + ", ".join(f"{each.memory_info().rss / 1e6:.0f} MB" for each in watched))
    with suppress(asyncio.CancelledError, psutil.NoSuchProcess):
        while True:
            largest = max(largest, *(each.memory_info().rss / 1e6 for each in watched))
            await asyncio.sleep(0.2)
    return largest


def _statements(made: Cluster) -> dict[str, int]:
    """Return how many statements were sent, and how many of them whatever the number of senders."""
    rows = made.query("SELECT query, calls FROM pg_stat_statements")
    total = sum(calls for query, calls in rows if "pg_stat_statements" not in query)
    return {"total": total}


async def life(number: int, *, webhooks: bool) -> None:
    """Take senders from nothing to launched, three days of review included, on PostgreSQL."""
    emulator = Emulator(clock=RunningClock(speed=SPEED), review=REVIEW, history=1_000_000, page_size=50)
    clock = asyncio.get_running_loop().time
    with tempfile.TemporaryDirectory() as name, cluster() as made:
        async with Fleet.on(emulator, made.url) as fleet:
            file = write_brands(Path(name) / "brands.yaml", number)
            await fleet.order(file, 600.0 / SPEED, 14_400.0 / SPEED)
            made.query("CREATE EXTENSION pg_stat_statements")
            began = clock()
            workers = [await fleet.worker(UNLIMITED) for _ in range(2)]
            watching = asyncio.create_task(_largest(workers))
            async with announcing(fleet, webhooks=webhooks):
                standings = await fleet.until_ended(number, 5.0)
            watching.cancel()
            size = await watching
            seconds = clock() - began
            await stop(workers)
        statements = _statements(made)["total"]
        rows, stored = made.query(
            "SELECT sum(n_tup_ins + n_tup_upd), pg_database_size(current_database()) FROM pg_stat_user_tables"
        )[0]
        top = made.query("SELECT calls, query FROM pg_stat_statements ORDER BY calls DESC LIMIT 12")
    _say(
        f"{number:,} senders, 3 days of review, {'webhooks' if webhooks else 'polling'}: "
        f"{len(fleet.sent()):,} requests, {emulator.requests.count('listRcsSenders'):,} of them pages; "
        f"{statements:,} statements, {rows:,} rows written, {stored / 1e6:.0f} MB stored; "
        f"a worker took {size:.0f} MB at most; {standings['done']:,} done after {seconds:.0f} s"
    )
    for calls, query in top:
        _say(f"    {calls:8,} {' '.join(query.split())[:110]}")


async def rest(seconds: float) -> None:
    """Let two workers wait for orders."""
    emulator = Emulator(clock=RunningClock())
    with cluster() as made:
        async with Fleet.on(emulator, made.url) as fleet:
            workers = [await fleet.worker(UNLIMITED) for _ in range(2)]
            await asyncio.sleep(3.0)
            made.query("CREATE EXTENSION pg_stat_statements")
            made.query("SELECT pg_stat_statements_reset()")
            await asyncio.sleep(seconds)
            sent = _statements(made)["total"]
            await stop(workers)
    _say(f"a worker at rest sends {sent / seconds / 2:.1f} statements a second")


async def speed(number: int, kind: str) -> None:
    """Send as fast as it goes."""
    emulator = Emulator(clock=RunningClock(), review=0.0, history=1_000_000)
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
        async with Fleet.on(emulator, url) as fleet:
            await fleet.order(write_brands(Path(name) / "brands.yaml", number), 1.0, 4.0)
            workers = [await fleet.worker(UNLIMITED) for _ in range(2)]
            await fleet.until_ended(number)
            await stop(workers)
    moments = fleet.written()
    rate = len(moments) / (max(moments) - min(moments))
    _say(f"{kind}, no rate limit, {number:,} senders: {rate:.0f} requests a second")


async def rate(limit: float, projects: int, kind: str = "postgresql") -> None:
    """Send at a rate for half a minute, in one project or two."""
    number = int(limit * 30 / 2)
    emulator = Emulator(clock=RunningClock(), review=0.0, history=1_000_000)
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
        async with Fleet.on(emulator, url) as fleet:
            file = Path(name) / "brands.yaml"
            lines = [
                f"{{display_name: B{index}, website: https://b{index}.example}}" for index in range(number)
            ]
            if projects == 1:
                file.write_text(COMMON + "".join(f"  - {line}\n" for line in lines))
            else:
                text = (
                    COMMON.replace("rcs:\n", "", 1)
                    if COMMON.startswith("rcs:")
                    else COMMON.removesuffix("rcs:\n")
                )
                text += "projects:\n"
                for each in range(projects):
                    text += f"  project-{each}:\n    rcs:\n" + "".join(
                        f"      - {line}\n" for line in lines[each::projects]
                    )
                file.write_text(text)
            await fleet.order(file, 600.0, 14_400.0)
            workers = [await fleet.worker(limit) for _ in range(2)]
            while len(fleet.written()) < 2 * number:  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.2)
            await stop(workers)
    moments = fleet.written()
    share = (len(moments) - limit) / (max(moments) - min(moments)) / limit
    _say(
        f"{kind}, --rate {limit:g}, {projects} channels: share {share:.3f}, "
        f"at most {busiest_second(fleet.sent())} in any second"
    )


async def _measure(what: str) -> None:
    what, _, number = what.partition("=")
    if what in ("life", "webhooks"):
        await life(int(number or NUMBER), webhooks=what == "webhooks")
    elif what == "rest":
        await rest(20.0)
    elif what == "speed":
        for kind in ("postgresql", "sqlite"):
            await speed(1_500, kind)
    elif what == "rate":
        for limit in (5.0, 20.0, 100.0):
            for projects in (1, 2):
                await rate(limit, projects)


def main() -> int:
    """Measure what is named."""
    for what in sys.argv[1:]:
        asyncio.run(_measure(what))
    return 0


if __name__ == "__main__":
    sys.exit(main())
