"""Workers as processes on an emulator, and what the emulator saw of them."""

from __future__ import annotations

import asyncio
import os
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import field, frozen

from sinch_provisioning.durable import project_totals
from sinch_provisioning_emulator import Emulator

ENDED = ("done", "failed", "stopped")
_AHEAD = """
import sys, time
real, ahead = time.time, float(sys.argv[1])
time.time = lambda: real() + ahead
time.time_ns = lambda: int((real() + ahead) * 1e9)
from sinch_provisioning.cli import main
sys.exit(main(sys.argv[2:]))
"""


def busiest_second(moments: Sequence[float]) -> int:
    """Return the largest number of moments within any one second."""
    ordered = sorted(moments)
    return max(
        (index - bisect_left(ordered, moment - 1.0) + 1 for index, moment in enumerate(ordered)), default=0
    )


@frozen
class Fleet:
    """The command, run on one emulator and one database; `started` are all its processes."""

    emulator: Emulator
    url: str
    started: list[asyncio.subprocess.Process] = field(factory=list[asyncio.subprocess.Process])

    @classmethod
    @asynccontextmanager
    async def on(cls, emulator: Emulator, url: str) -> AsyncGenerator[Fleet]:
        """Serve the emulator within this, and leave no process behind."""
        fleet = cls(emulator, url)
        async with emulator.serve():
            try:
                yield fleet
            finally:
                for each in fleet.started:
                    if each.returncode is None:
                        each.kill()
                        await each.wait()

    async def start(self, *arguments: str, ahead: float = 0.0) -> asyncio.subprocess.Process:
        """Start the command with the emulator's settings, on a clock that is `ahead` seconds ahead."""
        environment = os.environ | {
            "SINCH_PROJECT_ID": self.emulator.project_id,
            "SINCH_KEY_ID": self.emulator.key_id,
            "SINCH_KEY_SECRET": self.emulator.key_secret,
            "SINCH_PROVISIONING_URL": self.emulator.base_url,
            "SINCH_TOKEN_URL": self.emulator.token_url,
            "SINCH_PROVISIONING_DATABASE": self.url,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _AHEAD, str(ahead), *arguments,
            env=environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.started.append(process)
        return process

    async def order(self, file: Path, poll: float, longest_poll: float) -> None:
        """Order a file; the requests of that are not counted."""
        process = await self.start(
            "apply", str(file), "--durable", "--poll", str(poll), "--longest-poll", str(longest_poll)
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        self.emulator.requests.clear()

    async def worker(self, rate: float, *, ahead: float = 0.0) -> asyncio.subprocess.Process:
        """Start a worker and wait until it is ready."""
        process = await self.start("worker", "--rate", str(rate), ahead=ahead)
        assert process.stdout is not None
        said = await process.stdout.readline()
        assert b"is ready" in said, said
        return process

    async def totals(self) -> Counter[str]:
        """Ask how the orders stand; not by the command, which takes a second of the workers' processor to start."""
        counts = Counter[str]()
        for each in (await project_totals(self.url)).values():
            counts.update(each)
        return counts

    async def until(self, met: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something is so, with a watch on the clock."""
        async with asyncio.timeout(seconds):
            while not met():  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.002)

    async def until_ended(self, number: int, every: float = 0.5) -> Counter[str]:
        """Wait until `number` orders have ended, and return how they stand."""
        while True:
            standings = await self.totals()
            if sum(standings[state] for state in ENDED) >= number:
                return standings
            await asyncio.sleep(every)

    def sent(self) -> list[float]:
        """Return when each request came in, seconds since the epoch; tokens are not counted."""
        return [each.at for each in self.emulator.requests if each.operation_id != "token"]

    def written(self) -> list[float]:
        """Return when each create and launch came in."""
        return [
            each.at
            for each in self.emulator.requests
            if each.method == "POST" and each.operation_id != "token"
        ]


async def stop(workers: Sequence[asyncio.subprocess.Process]) -> list[int]:
    """End workers as an administrator would, and return their exit codes."""
    for each in workers:
        if each.returncode is None:
            each.terminate()
    return [await each.wait() for each in workers]
