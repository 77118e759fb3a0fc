"""What is measured, and in which surroundings: loopback, a slow server, tokens that rotate."""

from __future__ import annotations

import gc
from statistics import median

from attrs import asdict, frozen

from . import peers
from .callers import RawHttpx, Sdk, own
from .clients import other_clients
from .measure import Row, Work, close, latencies, percentile, rounds
from .serving import serving

_LATENCY = 0.02
_SLOW_IN_FLIGHT = 500
_CONNECTIONS = 100


@frozen
class Size:
    """How much is done: `scale` multiplies the calls of a share, `rounds` are counted."""

    rounds: int
    scale: float
    most_in_flight: int
    rotation_seconds: float
    memory_calls: int
    processes: int
    crowded_peers: bool = True

    def work(self, name: str, in_flight: int, calls: int) -> Work:
        """Cut a piece of work to size; each in flight makes one call at least."""
        in_flight = min(in_flight, self.most_in_flight)
        return Work(name, in_flight, max(in_flight, int(calls * self.scale)))


FULL = Size(rounds=7, scale=1.0, most_in_flight=800, rotation_seconds=3.5, memory_calls=10_000, processes=9)
SHORT = Size(
    rounds=9,
    scale=0.5,
    most_in_flight=800,
    rotation_seconds=3.5,
    memory_calls=10_000,
    processes=3,
    crowded_peers=False,
)
QUICK = Size(rounds=1, scale=0.02, most_in_flight=10, rotation_seconds=0.2, memory_calls=200, processes=1)


@frozen
class Throughput:
    """Calls a second against a slow server, and what would be possible there."""

    caller: str
    calls_per_second: float
    latency_bound: float
    cpu_bound: float

    @property
    def reached(self) -> float:
        """The share of what the lower of the two bounds allows."""
        return self.calls_per_second / min(self.latency_bound, self.cpu_bound)

    def to_dict(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return {**asdict(self), "reached": round(self.reached, 3)}


def works(size: Size) -> list[tuple[Work, int, bool]]:
    """Return each piece of work with its number of rounds, and whether the generated and generic peers do it, too."""
    few = min(size.rounds, 3)
    found = [
        (size.work("get", 1, 300), size.rounds, True),
        (size.work("get", 100, 600), size.rounds, True),
        (size.work("create", 1, 200), size.rounds, True),
        (size.work("create", 100, 400), size.rounds, True),
        (size.work("list", 1, 10), size.rounds, True),
        (size.work("list", 100, 100), 1, True),
        (size.work("get", 800, 2400), few, size.crowded_peers),
    ]
    if size.crowded_peers:
        found += [(size.work("create", 800, 2400), few, False), (size.work("list", 800, 800), 1, False)]
    return found


async def side_by_side(size: Size, *, with_peers: bool) -> list[Row]:
    """Measure all callers on all works over loopback, 100 connections each."""
    rows: list[Row] = []
    with serving() as url:
        own_callers = own(url, _CONNECTIONS)
        others = peers.generated_and_generic(url, _CONNECTIONS) if with_peers else []
        others += other_clients(url, _CONNECTIONS) if with_peers else []
        # What has been loaded by now lives on; looking through it is nobody's cost.
        gc.collect()
        gc.freeze()
        slow = [caller for caller in own_callers if isinstance(caller, RawHttpx)]
        quick = [caller for caller in own_callers if caller not in slow]
        for work, count, by_all in works(size):
            # The shorter a share, the more a disturbance changes it: the quick ones have three turns in each round.
            line = [*quick, *slow, *quick, *(others if by_all else []), *quick]
            rows += await rounds(line, work, count)
        await close([*own_callers, *others])
    return rows


async def slow_server(size: Size) -> list[Throughput]:
    """Measure throughput where each answer takes 20 ms and there are connections enough."""
    work = size.work("get", _SLOW_IN_FLIGHT, 5000)
    with serving(latency=_LATENCY) as url:
        callers = own(url, _SLOW_IN_FLIGHT)
        found = await rounds(callers, work, max(1, size.rounds // 2))
        await close(callers)
    return [
        Throughput(row.caller, round(1e3 / row.wall), round(work.in_flight / _LATENCY), round(1e3 / row.cpu))
        for row in found
    ]


async def rotation(size: Size) -> dict[str, dict[str, float]]:
    """Measure the 99th percentile (ms) with tokens that live an hour and with tokens that live 3 seconds."""
    found: dict[str, dict[str, list[float]]] = {name: {"steady": [], "rotating": []} for name in (Sdk.name,)}
    for number in range(size.rounds):
        with serving() as steady, serving(lifetime=3.0) as rotating:
            pairs = [
                (("steady", one), ("rotating", other))
                for one, other in zip(own(steady, _CONNECTIONS), own(rotating, _CONNECTIONS), strict=True)
            ]
            for pair in pairs:
                # One right after the other, and in turn: what else the machine does changes from second to second.
                for kind, caller in pair if number % 2 else reversed(pair):
                    if caller.name in found:
                        await latencies(caller.get, 20, size.rotation_seconds / 7)
                        values = await latencies(caller.get, 20, size.rotation_seconds)
                        found[caller.name][kind].append(percentile(values, 0.99))
            await close(caller for pair in pairs for _, caller in pair)
    return {
        name: {kind: round(median(values), 3) for kind, values in kinds.items()}
        for name, kinds in found.items()
    }
