"""A soak: `python -m tests.faults.soak [minutes]`, ten by default.

Twenty workers on ten connections list, get, ensure and update senders on the real clock; tokens live 20 s and are
refused afterwards; 5 % of the requests meet a fault and 5 % of the calls are cancelled. In the end memory, sockets and
tasks are where they were, every name has one sender, and each token was asked for once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final

import psutil
from attrs import define, field

from sinch_provisioning import ProvisioningClient, ProvisioningError, RetryPolicy, SystemClock

from . import faults
from .clients import client_on
from .server import Server
from .wire import Seen

LIFETIME: Final = 20.0
# Renewed a quarter of its life before the end, up to a tenth of that later.
LEAST_USE: Final = LIFETIME * 3 / 4
MOST_USE: Final = LEAST_USE + LIFETIME / 40
WARM_UP: Final = 0.2
WORKERS: Final = 20
NAMES: Final = [f"sender {number}" for number in range(30)]
FAULTS: Final = (
    faults.drop,
    faults.commit_then_drop,
    faults.commit_then_reset,
    faults.truncate,
    faults.cut_chunked,
    faults.status(503),
    faults.status(429, None, Retry_After="0"),
    faults.commit_then(502, b"<html>bad gateway</html>"),
    faults.delay(0.3),
)


@define
class Soak:
    """The state of one run."""

    server: Server
    ends: float
    random: random.Random = field(factory=lambda: random.Random(7))
    outcomes: Counter[str] = field(factory=Counter[str])
    requests: Counter[str] = field(factory=Counter[str])

    def fault(self, seen: Seen) -> faults.Fault | None:
        """Choose what happens to a request; tokens are spared, so that they can be counted."""
        if seen.key == "token" or self.random.random() >= 0.05:
            return None
        return self.random.choice(FAULTS)

    async def work(self, sinch: ProvisioningClient) -> None:
        """Call until the end, one in twenty calls cancelled at some moment."""
        while time.monotonic() < self.ends:
            call = asyncio.ensure_future(self._call(sinch))
            if self.random.random() < 0.05:
                await asyncio.sleep(self.random.random() * 0.03)
                call.cancel()
            outcome = (await asyncio.gather(call, return_exceptions=True))[0]
            if isinstance(outcome, BaseException) and not isinstance(
                outcome, ProvisioningError | asyncio.CancelledError
            ):
                raise outcome
            self.outcomes[type(outcome).__name__] += 1
            await asyncio.sleep(self.random.random() * 0.1)

    def _call(self, sinch: ProvisioningClient) -> Coroutine[Any, Any, object]:
        name = self.random.choice(NAMES)
        kind = self.random.randrange(4)
        if kind == 0:
            return sinch.rcs.list()
        if kind == 1:
            return sinch.rcs.get(f"s{self.random.randrange(1, 30)}")
        if kind == 2:
            return sinch.rcs.update(f"s{self.random.randrange(1, 30)}", description="changed")
        return sinch.rcs.ensure(display_name=name)

    def count(self) -> None:
        """Add up what the server saw, and let it forget."""
        self.requests.update(self.server.counts)
        self.server.seen.clear()
        # On the server, too, a token is over after its life.
        self.server.valid.intersection_update(self.server.issued[-2:])


def _measure() -> tuple[int, int, float]:
    gc.collect()
    process = psutil.Process(os.getpid())
    return len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss / 2**20


async def run(minutes: float) -> list[str]:
    """Soak for so long, and return what is wrong in the end."""
    logging.getLogger("sinch_provisioning").setLevel(logging.ERROR)
    async with Server() as server:
        server.expires_in = LIFETIME
        tasks, descriptors, _ = _measure()
        started = time.monotonic()
        soak = Soak(server, started + minutes * 60)
        server.chaos = soak.fault
        policy = RetryPolicy(max_delay=1.0, deadline=20.0)
        memory = 0.0
        async with client_on(
            server, clock=SystemClock(), timeout=2.0, retry=policy, max_connections=10
        ) as sinch:
            workers = [asyncio.ensure_future(soak.work(sinch)) for _ in range(WORKERS)]
            while not all(worker.done() for worker in workers):
                await asyncio.sleep(1)
                soak.count()
                if memory == 0.0 and time.monotonic() - started > minutes * 60 * WARM_UP:
                    memory = _measure()[2]
            await asyncio.gather(*workers)
            lasted = time.monotonic() - started
        soak.count()
        await asyncio.sleep(0.5)
        after = _measure()
    least, most = math.floor(lasted / MOST_USE) + 1, math.ceil(lasted / LEAST_USE) + 1
    report = (
        f"{lasted:.0f} s: {dict(soak.requests)}; outcomes {dict(soak.outcomes)}",
        f"tokens {len(server.issued)} (expected {least} to {most})",
        f"tasks {tasks} -> {after[0]}, descriptors {descriptors} -> {after[1]}",
        f"memory {memory:.1f} MiB after warming up -> {after[2]:.1f} MiB; peak of connections {server.peak}",
    )
    print(*report, sep="\n")  # noqa: T201 - a command's output
    wrong = {
        "tasks are left": after[0] > tasks,
        "sockets are left": after[1] > descriptors,
        "memory grew": after[2] > memory + 8,
        "tokens were fetched too often, or too seldom": not least <= len(server.issued) <= most,
        "a name has several senders": max(server.names().values()) > 1,
        # The server notices a closed connection a moment after the next one is there.
        "more than ten connections": server.peak > 12,
        "a token was refused": soak.outcomes["AuthenticationError"] > 0,
    }
    return [what for what, happened in wrong.items() if happened]


def main() -> int:
    """Run, print, and tell by the exit code."""
    wrong = asyncio.run(run(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
    print("; ".join(wrong) or "nothing left, nothing doubled, nothing lost")  # noqa: T201 - a command's output
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
