"""Senders by the thousand while everything fails: calls, workers, the database, and the network to it.

`python -m tests.durable.chaos [NUMBER] [polling|webhooks]` takes about seven minutes: a tenth of all calls fail, a
random worker is killed every ten seconds for five minutes, PostgreSQL is restarted once and cut off once for thirty
seconds (as root: it gets a network of its own). The suite does it with fewer senders.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from attrs import frozen

from sinch_provisioning import ConfigurationError
from sinch_provisioning.durable import deliver
from sinch_provisioning.webhooks import WebhookEvent
from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import arm, write_brands
from .cluster import cluster
from .fleet import Fleet, busiest_second, stop

Incidents = Mapping[float, Callable[[], Awaitable[None]]]


@frozen
class Came:
    """What came of it; `busiest` is the largest number of requests in any one second."""

    launched: int
    doubled: int
    left: int
    busiest: int
    requests: int
    killed: int
    standings: Mapping[str, int]
    seconds: float

    def is_right(self, number: int, rate: float) -> bool:
        """Whether every sender was launched once, nothing is left, and the rate was kept."""
        return (self.launched, self.doubled, self.left, self.standings["done"]) == (
            number, 0, 0, number
        ) and self.busiest <= rate  # fmt: skip


async def announce(fleet: Fleet) -> None:
    """Send a webhook for each change of a status, again where it is refused, until it is cancelled."""
    told: dict[str, str] = {}
    while True:
        for sender in list(fleet.emulator.senders):
            status = sender.status
            if told.get(sender.id, "IN_TEST") != status:
                event = WebhookEvent(
                    type="RCS_SENDER_STATUS_UPDATED",
                    received=dt.datetime.now(dt.UTC),
                    sender={"id": sender.id},
                    current_state=status,
                    project_id=fleet.emulator.project_id,
                )
                with suppress(ConfigurationError):
                    await deliver(fleet.url, event)
                    told[sender.id] = status
        await asyncio.sleep(0.05)


@asynccontextmanager
async def announcing(fleet: Fleet, *, webhooks: bool) -> AsyncGenerator[None]:
    """Send webhooks within this, if there are to be any."""
    task = asyncio.create_task(announce(fleet)) if webhooks else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()


async def chaos(
    fleet: Fleet,
    folder: Path,
    *,
    number: int,
    rate: float,
    poll: float,
    kill_every: float,
    kills: int,
    incidents: Incidents,
    webhooks: bool,
    seed: int = 1,
) -> Came:
    """Order `number` senders, let two workers bring them up, and kill one of them again and again."""
    dice, emulator = random.Random(seed), fleet.emulator
    await fleet.order(write_brands(folder / "brands.yaml", number), poll, 4 * poll)
    clock = asyncio.get_running_loop().time
    began = clock()
    workers = [await fleet.worker(rate) for _ in range(2)]
    pending = dict(incidents)
    background: set[asyncio.Future[None]] = set()
    async with announcing(fleet, webhooks=webhooks):
        try:
            for turn in range(kills):
                await asyncio.sleep(max(0.0, began + (turn + 1) * kill_every - clock()))
                for moment in [each for each in pending if clock() - began >= each]:
                    background.add(asyncio.ensure_future(pending.pop(moment)()))
                victim = dice.choice([each for each in workers if each.returncode is None] or workers)
                with suppress(ProcessLookupError):  # one that started while the database was away has ended
                    victim.kill()
                await victim.wait()
                alive = [each for each in workers if each.returncode is None]
                new = [await fleet.start("worker", "--rate", str(rate)) for _ in range(2 - len(alive))]
                workers = alive + new
            await asyncio.gather(*background)
            standings = await fleet.until_ended(number)
        finally:
            await stop(workers)
    names = Counter(sender.name for sender in emulator.senders)
    return Came(
        sum(sender.status == "LAUNCHED" for sender in emulator.senders),
        len(emulator.senders) - len(names),
        number - len(names),
        busiest_second(fleet.sent()),
        len(fleet.sent()),
        kills,
        standings,
        clock() - began,
    )


async def _main(number: int, *, webhooks: bool) -> bool:
    emulator = Emulator(clock=RunningClock(), review=30.0, history=1_000_000, page_size=50)
    arm(emulator)
    rate = max(20.0, number / 100)
    with tempfile.TemporaryDirectory() as name, cluster(alone=True) as made:

        async def restart() -> None:
            sys.stdout.write("PostgreSQL restarts\n")
            await asyncio.to_thread(made.restart)

        async def cut() -> None:
            sys.stdout.write("the network to PostgreSQL is cut for 30 s\n")
            made.cut(off=True)
            await asyncio.sleep(30.0)
            made.cut(off=False)

        async with Fleet.on(emulator, made.url) as fleet:
            came = await chaos(
                fleet,
                Path(name),
                number=number,
                rate=rate,
                poll=5.0,
                kill_every=10.0,
                kills=30,
                incidents={60.0: restart, 130.0: cut},
                webhooks=webhooks,
            )
    good = came.is_right(number, rate)
    sys.stdout.write(f"--rate {rate:g}, {'webhooks' if webhooks else 'polling'}: {came}\n")
    sys.stdout.write("as it must be\n" if good else "NOT as it must be\n")
    return good


def main() -> int:
    """Do it once, or as often as kinds are named; 0 where everything is as it must be."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    kinds = sys.argv[2:] or ["polling"]
    good = [asyncio.run(_main(number, webhooks=kind == "webhooks")) for kind in kinds]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
