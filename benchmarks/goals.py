"""What the SDK must reach, as ratios within one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import asdict, frozen

from .callers import RawAiohttp, RawHttpx, Sdk
from .measure import Row
from .peers import OpenAi, PlainGenerated
from .scenarios import Throughput


@frozen
class Goal:
    """One goal: `reached` must be at least, or where `most` is true at most, `wanted`."""

    what: str
    wanted: float
    reached: float
    most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.reached <= self.wanted if self.most else self.reached >= self.wanted

    def to_dict(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return {**asdict(self), "reached": round(self.reached, 3), "met": self.met}


class Rows:
    """The rows of a run, by what was measured."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(row.caller, row.work, row.in_flight): row for row in rows}

    def times_cheaper(self, caller: str, than: str, work: str, in_flight: int) -> float | None:
        """Return how many times the processor time of `caller` the other one takes, None where one is missing."""
        own = self._rows.get((caller, work, in_flight))
        other = self._rows.get((than, work, in_flight))
        return None if own is None or other is None else other.cpu / own.cpu

    def flatness(self, caller: str) -> float | None:
        """Return what a call costs at 800 in flight, relative to one at a time."""
        many, one = self._rows.get((caller, "get", 800)), self._rows.get((caller, "get", 1))
        return None if many is None or one is None else many.cpu / one.cpu


_AT_LEAST = (
    (Sdk.name, RawAiohttp.name, "get", 1, 1.2),
    (Sdk.name, RawAiohttp.name, "get", 100, 1.2),
    (Sdk.name, RawAiohttp.name, "get", 800, 1.2),
    (Sdk.name, RawHttpx.name, "get", 1, 4.0),
    (Sdk.name, RawHttpx.name, "get", 100, 10.0),
    (Sdk.name, RawHttpx.name, "get", 800, 12.0),
    (Sdk.name, RawAiohttp.name, "create", 1, 1.1),
    (Sdk.name, RawAiohttp.name, "create", 100, 1.1),
    (Sdk.name, RawAiohttp.name, "list", 1, 1.0),
    (Sdk.name, PlainGenerated.name, "get", 100, 3.0),
    (Sdk.name, OpenAi.name, "get", 100, 2.5),
    (Sdk.name, OpenAi.name, "list", 1, 5.0),
)


def of_calls(rows: Sequence[Row]) -> list[Goal]:
    """Judge processor time per call; what was not measured is left out."""
    found = Rows(rows)
    goals = [
        Goal(f"{caller}: {work}, {in_flight} in flight, times {than}", wanted, reached)
        for caller, than, work, in_flight, wanted in _AT_LEAST
        if (reached := found.times_cheaper(caller, than, work, in_flight)) is not None
    ]
    flat = found.flatness(Sdk.name)
    if flat is not None:
        goals.append(Goal("SDK: a get at 800 in flight, relative to 1", 1.0, flat, most=True))
    return goals


def of_surroundings(found: Mapping[str, Sequence[Row]]) -> list[Goal]:
    """Judge TLS, 100 in flight."""
    reached = Rows(found["TLS"]).times_cheaper(Sdk.name, RawAiohttp.name, "get", 100)
    return (
        []
        if reached is None
        else [Goal("SDK: get over TLS, 100 in flight, times aiohttp + json", 1.1, reached)]
    )


def of_throughput(found: Sequence[Throughput]) -> list[Goal]:
    """Judge the throughput against a slow server."""
    return [
        Goal(f"{item.caller}: share of the possible at 20 ms, 500 in flight", 0.9, item.reached)
        for item in found
        if item.caller == Sdk.name
    ]


def of_process(
    imports: Mapping[str, float],
    first_calls: Mapping[str, float],
    construction: Mapping[str, float],
    memory: Mapping[str, float],
) -> list[Goal]:
    """Judge import, first call, construction and memory."""
    first = first_calls["SDK"] / first_calls["httpx"]
    return [
        Goal("SDK: import, relative to httpx", 1.25, imports["SDK, as used"] / imports["httpx"], most=True),
        Goal("SDK: first call of a process, relative to httpx", 1.2, first, most=True),
        Goal("SDK: a second client, ms", 0.5, construction["SDK"], most=True),
        Goal("SDK: MiB more after 10,000 calls", 2.0, memory["SDK"], most=True),
    ]


def of_rotation(found: Mapping[str, Mapping[str, float]]) -> list[Goal]:
    """Judge the slowest calls while tokens rotate."""
    return [
        Goal(
            f"{name}: p99 with 3-second tokens, relative to none",
            1.2,
            kinds["rotating"] / kinds["steady"],
            most=True,
        )
        for name, kinds in found.items()
    ]
