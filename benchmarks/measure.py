"""Measuring: interleaved rounds of the same work, wall and processor time of each call."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from statistics import median

from attrs import asdict, evolve, frozen

from .callers import Caller

# Nothing new is begun in a caller's share of a round after this many seconds.
_LONGEST_SHARE = 4.0


@frozen
class Work:
    """What is done in one share: `calls` of the method `name`, `in_flight` at a time."""

    name: str
    in_flight: int
    calls: int


@frozen
class Cost:
    """One call's cost in milliseconds: wall time, and processor time of this process."""

    wall: float
    cpu: float


@frozen
class Row:
    """A caller's medians over all rounds."""

    caller: str
    work: str
    in_flight: int
    wall: float
    cpu: float
    rounds: int

    def to_dict(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return asdict(self)


async def share(call: Callable[[int], Awaitable[None]], work: Work, seconds: float = _LONGEST_SHARE) -> Cost:
    """Do the work once, for at most `seconds`, and say what a call cost."""
    numbers = iter(range(work.calls))
    done = 0
    gc.collect()
    started, started_cpu = time.perf_counter(), time.process_time()
    end = started + seconds

    async def worker() -> None:
        nonlocal done
        for number in numbers:
            await call(number)
            done += 1
            if time.perf_counter() > end:
                return

    await asyncio.gather(*(worker() for _ in range(min(work.in_flight, work.calls))))
    wall, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    return Cost(wall / done * 1e3, cpu / done * 1e3)


async def rounds(callers: Sequence[Caller], work: Work, count: int) -> list[Row]:
    """Let the callers take turns `count` times, in another order each.

    Each share follows on some calls that do not count: the others' turns outlast a pool's keep-alive time, and what
    is compared are connections in use (on httpx's pool, a call that waits while others connect costs ten times more).
    """
    costs: dict[str, list[Cost]] = {caller.name: [] for caller in callers}
    warm_up = evolve(work, calls=max(work.in_flight, work.calls // 10))
    for number in range(count):
        turn = number % len(callers)
        for caller in (*callers[turn:], *callers[:turn]):
            call = getattr(caller, work.name)
            await share(call, warm_up)
            costs[caller.name].append(await share(call, work))
    return [
        Row(
            name,
            work.name,
            work.in_flight,
            round(median(cost.wall for cost in found), 4),
            round(median(cost.cpu for cost in found), 4),
            count,
        )
        for name, found in costs.items()
    ]


async def close(callers: Iterable[Caller]) -> None:
    """Close all callers."""
    for caller in callers:
        await caller.aclose()


async def latencies(call: Callable[[int], Awaitable[None]], in_flight: int, seconds: float) -> list[float]:
    """Call for `seconds` and return each call's milliseconds."""
    found: list[float] = []
    gc.collect()
    end = time.perf_counter() + seconds

    async def worker() -> None:
        while (started := time.perf_counter()) < end:
            await call(len(found))
            found.append((time.perf_counter() - started) * 1e3)

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return found


def percentile(values: Iterable[float], share_of: float) -> float:
    """Return the value that `share_of` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share_of))]
