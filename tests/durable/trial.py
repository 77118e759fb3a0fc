"""Two workers that are killed, and what came of it as the emulator counts.

`python -m tests.durable.trial [NUMBER] [sqlite|postgresql]` does it with 300 senders; the suite with fewer.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import write_brands
from .cluster import cluster
from .fleet import Fleet, busiest_second, stop


@frozen
class Came:
    """What came of a trial; `busiest` is the largest number of requests in any one second."""

    senders: int
    names: int
    launched: int
    busiest: int
    requests: int
    standings: dict[str, int]
    seconds: float


async def trial(
    fleet: Fleet,
    folder: Path,
    *,
    number: int,
    rate: float,
    kill_after: Sequence[float],
    poll: float,
    orders: int = 2,
) -> Came:
    """Order `number` senders, kill the first of two workers after each time, and wait until all came to an end."""
    emulator = fleet.emulator
    emulator.lifecycle.approval = "pending"
    file = write_brands(folder / "brands.yaml", number)
    clock = asyncio.get_running_loop().time
    began = clock()
    for _ in range(orders):
        await fleet.order(file, poll, 4 * poll)
    workers = [await fleet.worker(rate) for _ in range(2)]
    try:
        for seconds in kill_after:
            await asyncio.sleep(seconds)
            workers[0].kill()
            await workers[0].wait()
            workers = [workers[1], await fleet.worker(rate)]
        while len(emulator.senders) < number:  # noqa: ASYNC110 - the emulator has no event for it
            await asyncio.sleep(0.2)
        emulator.lifecycle.approval = "accepted"
        standings = await fleet.until_ended(number)
    finally:
        codes = await stop(workers)
    assert codes == [0, 0]
    return Came(
        len(emulator.senders),
        len({sender.name for sender in emulator.senders}),
        sum(sender.status == "LAUNCHED" for sender in emulator.senders),
        busiest_second(fleet.sent()),
        len(fleet.sent()),
        standings,
        clock() - began,
    )


@contextmanager
def database(kind: str, folder: Path) -> Generator[str]:
    """Give the URL of a new database of a kind."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/orders.sqlite"
    else:
        with cluster() as made:
            yield made.url


async def _main(number: int, kind: str, rate: float) -> bool:
    emulator = Emulator(clock=RunningClock(), review=0.0, history=1_000_000)
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
        async with Fleet.on(emulator, url) as fleet:
            came = await trial(
                fleet, Path(name), number=number, rate=rate, kill_after=(10.0, 15.0), poll=10.0
            )
    sys.stdout.write(f"{kind}: {came}\n")
    ended = {"queued": 0, "under way": 0, "done": number, "failed": 0, "stopped": 0}
    return (came.senders, came.names, came.launched, came.standings) == (
        number, number, number, ended
    ) and came.busiest <= rate  # fmt: skip


def main() -> int:
    """Try both databases, or the one named; 0 where everything is as it must be."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    kinds = sys.argv[2:] or ["sqlite", "postgresql"]
    good = [asyncio.run(_main(number, kind, 20.0)) for kind in kinds]
    sys.stdout.write("as it must be\n" if all(good) else "NOT as it must be\n")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
