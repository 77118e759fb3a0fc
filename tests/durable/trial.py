"""Workers as processes, killed at will, and what came of it as the emulator counts.

`python -m tests.durable.trial [NUMBER] [sqlite|postgresql]` does it with 300 senders; the suite with fewer.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from attrs import frozen

from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import write_brands
from .cluster import cluster


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


def busiest_second(moments: Sequence[float]) -> int:
    """Return the largest number of moments within any one second."""
    ordered = sorted(moments)
    return max(
        (index - bisect_left(ordered, moment - 1.0) + 1 for index, moment in enumerate(ordered)), default=0
    )


def _environment(emulator: Emulator, url: str) -> dict[str, str]:
    return os.environ | {
        "SINCH_PROJECT_ID": emulator.project_id,
        "SINCH_KEY_ID": emulator.key_id,
        "SINCH_KEY_SECRET": emulator.key_secret,
        "SINCH_PROVISIONING_URL": emulator.base_url,
        "SINCH_TOKEN_URL": emulator.token_url,
        "SINCH_PROVISIONING_DATABASE": url,
    }


async def start(emulator: Emulator, url: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start the command with the emulator's settings."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sinch_provisioning.cli", *arguments,
        env=_environment(emulator, url), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def worker(emulator: Emulator, url: str, rate: float) -> asyncio.subprocess.Process:
    """Start a worker and wait until it is ready."""
    process = await start(emulator, url, "worker", "--rate", str(rate), "--take-over-every", "2")
    assert process.stdout is not None
    said = await process.stdout.readline()
    assert b"is ready" in said, said
    return process


async def totals(emulator: Emulator, url: str) -> dict[str, int]:
    """Ask how the orders stand."""
    process = await start(emulator, url, "status", "--json")
    said, _ = await process.communicate()
    summary: dict[str, int] = json.loads(said)["summary"]
    return summary


async def trial(
    emulator: Emulator,
    url: str,
    folder: Path,
    *,
    number: int,
    rate: float,
    kill_after: Sequence[float],
    poll: float,
    orders: int = 2,
) -> Came:
    """Order `number` senders, kill the first of two workers after each time, and wait until all came to an end."""
    emulator.lifecycle.approval = "pending"
    file = write_brands(folder / "brands.yaml", number)
    clock = asyncio.get_running_loop().time
    began = clock()
    for _ in range(orders):
        order = await start(
            emulator,
            url,
            "apply",
            str(file),
            "--durable",
            "--poll",
            str(poll),
            "--longest-poll",
            str(4 * poll),
        )
        await order.communicate()
        assert order.returncode == 0
    emulator.requests.clear()
    workers = [await worker(emulator, url, rate) for _ in range(2)]
    try:
        for seconds in kill_after:
            await asyncio.sleep(seconds)
            workers[0].kill()
            await workers[0].wait()
            workers = [workers[1], await worker(emulator, url, rate)]
        while len(emulator.senders) < number:  # noqa: ASYNC110 - the emulator has no event for it
            await asyncio.sleep(0.2)
        emulator.lifecycle.approval = "accepted"
        while any(sender.status != "LAUNCHED" for sender in emulator.senders):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.2)
        while True:
            standings = await totals(emulator, url)
            if not standings["queued"] and not standings["under way"]:
                break
            await asyncio.sleep(0.5)
    finally:
        for each in workers:
            each.terminate()
        codes = [await each.wait() for each in workers]
    assert codes == [0, 0]
    calls = [each for each in emulator.requests if each.operation_id != "token"]
    return Came(
        len(emulator.senders),
        len({sender.name for sender in emulator.senders}),
        sum(sender.status == "LAUNCHED" for sender in emulator.senders),
        busiest_second([each.at for each in calls]),
        len(calls),
        standings,
        clock() - began,
    )


async def _main(number: int, kind: str, rate: float) -> bool:
    emulator = Emulator(clock=RunningClock(), review=0.0, history=1_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with emulator.serve():
            with nullcontext(f"sqlite:///{folder}/orders.sqlite") if kind == "sqlite" else cluster() as url:
                came = await trial(
                    emulator, url, folder, number=number, rate=rate, kill_after=(10.0, 15.0), poll=10.0
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
