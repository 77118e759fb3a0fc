"""What limits first when senders are brought up by the thousand: a simulation in steps of ten seconds.

`python -m benchmarks.simulation` prints the tables that docs/scaling.md quotes. It knows no server: a sender costs two
writes, and each poll a fiftieth of a request, since senders are listed; each step admits as many requests as its
scarcest resource allows. The review times are drawn with a fixed seed, so every run prints the same.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections.abc import Iterator
from typing import Final

from attrs import evolve, frozen

DAY: Final = 86_400.0
HOUR: Final = 3_600.0
WRITES: Final = 2  # create, launch
STEP: Final = 10.0
# Requests per second of two workers on two cores that the emulator shares (docs/scaling.md).
SQLITE: Final = 980.0
POSTGRESQL: Final = 1_080.0
# For each sender, and before the first one, measured with `python -m tests.durable.figures life`.
STATEMENTS: Final = 0.6
ROWS: Final = 4.8
STORED: Final = 2_200.0
STORED_AT_REST: Final = 10e6
MEMORY: Final = 6_000.0
MEMORY_AT_REST: Final = 90e6


@frozen
class Setting:
    """One way to run: how much there is to do, and what it is done with.

    `database` is requests per second that it lets workers send, None for `apply --wait`, which has none.
    """

    name: str
    senders: int = 10_000
    rate: float = 5.0
    regions: int = 1
    workers: int = 1
    connections: int = 20
    latency: float = 0.2
    database: float | None = POSTGRESQL
    review: float = 3 * DAY
    first_poll: float = 600.0
    longest_poll: float = 4 * HOUR
    growth: float = 1.5
    token_life: float = 2_700.0
    shared_tokens: bool = False
    page: int = 50


@frozen
class Result:
    """What came of it; times in seconds, `limits` what was scarcest while there was work to wait for."""

    submitted: float
    known: float
    requests: int
    busiest_hour: float
    tokens_an_hour: float
    limits: str


def means(setting: Setting) -> dict[str, float]:
    """Return how many requests per second each means allows, all regions and workers together."""
    allowed = {
        "rate limit": setting.rate * setting.regions,
        "connections": setting.workers * setting.connections / setting.latency,
    }
    if setting.database is not None:
        allowed["database"] = setting.database * setting.regions
    return allowed


def simulate(setting: Setting, seed: int = 1) -> Result:
    """Run until the outcome of every sender is known."""
    dice = random.Random(seed)  # noqa: S311 - the same every time is what is wanted
    allowed = means(setting)
    scarcest = min(allowed, key=lambda name: allowed[name])
    budget = allowed[scarcest] * STEP
    look = 1 / setting.page
    polls: list[tuple[float, float, float]] = []  # when due, the pause after it, when the carriers decide
    waiting_writes = setting.senders * WRITES
    now = credit = submitted = known = 0.0
    requests = in_hour = busiest = 0.0
    ends_hour = HOUR
    while waiting_writes or polls:
        if not waiting_writes and polls[0][0] > now + STEP:
            now = polls[0][0] // STEP * STEP  # nothing to do until then
        now += STEP
        while now > ends_hour:
            busiest, in_hour, ends_hour = max(busiest, in_hour), 0, ends_hour + HOUR
        credit = min(credit + budget, budget + 1.0)
        # Looks come first: they are few, and what they find ends somebody's waiting.
        while credit >= 1 and polls and polls[0][0] <= now:
            _, pause, decided = heapq.heappop(polls)
            credit -= look
            requests, in_hour = requests + look, in_hour + look
            if decided <= now:
                known = now
            else:
                pause = min(pause * setting.growth, setting.longest_poll)
                heapq.heappush(polls, (now + pause, pause, decided))
        while credit >= 1 and waiting_writes:
            credit -= 1
            waiting_writes -= 1
            requests, in_hour = requests + 1, in_hour + 1
            if waiting_writes % WRITES == 0:
                submitted = now
                decided = now + setting.review * dice.lognormvariate(0.0, 0.5)
                heapq.heappush(polls, (now + setting.first_poll, setting.first_poll, decided))
    processes = 1 if setting.shared_tokens else setting.workers
    tokens = processes * HOUR / setting.token_life
    return Result(submitted, known, round(requests), max(busiest, in_hour) / HOUR, tokens, scarcest)


def settings() -> Iterator[Setting]:
    """Give the settings that docs/scaling.md speaks of."""
    one = Setting("one process, apply --wait", database=None)
    yield one
    yield evolve(one, name="the same, four times the rate", rate=20.0)
    two = Setting("2 workers, SQLite", workers=2, database=SQLITE)
    yield two
    yield evolve(two, name="2 workers, SQLite, 20/s", rate=20.0)
    two = evolve(two, database=POSTGRESQL)
    yield evolve(two, name="20 workers, PostgreSQL, 5/s", workers=20)
    hooks = evolve(two, first_poll=DAY, longest_poll=DAY)
    yield evolve(hooks, name="2 workers, PostgreSQL, webhooks")
    yield evolve(two, name="1 worker, 1 connection, 100/s", workers=1, connections=1, rate=100.0)
    yield evolve(two, name="4 regions, own rate and database", workers=8, regions=4)
    for senders in (1_000, 100_000):
        yield evolve(two, name=f"{senders:,} senders, 2 workers", senders=senders)


def line(setting: Setting) -> str:
    """Return what came of a setting as a line of the table."""
    came = simulate(setting)
    return (
        f"{setting.name:34} {came.submitted / HOUR:8.1f} h {came.known / DAY:8.1f} d {came.requests:10,} "
        f"{came.busiest_hour:8.1f}/s {came.tokens_an_hour:9.1f}  {came.limits}"
    )


@frozen
class Cost:
    """What senders of one channel cost over their lives: in the API, in the database, and in their worker's memory."""

    requests: int
    statements: int
    rows: int
    stored: int
    memory: int


def cost(senders: int, setting: Setting | None = None) -> Cost:
    """Return the cost of bringing so many senders up, three days of review included.

    Per sender and at rest as measured (docs/scaling.md): a worker's rows, bytes, and statements for each block of
    twenty senders; what a worker at rest sends every second is left out.
    """
    setting = Setting("") if setting is None else setting
    pause, passed, rounds = setting.first_poll, 0.0, 0
    while passed < setting.review:
        passed, rounds = passed + pause, rounds + 1
        pause = min(pause * setting.growth, setting.longest_poll)
    pages = -(-senders // setting.page)
    return Cost(
        senders * WRITES + (rounds + 1) * pages,
        round(senders * STATEMENTS) + 10 * rounds,
        round(senders * ROWS),
        round(STORED_AT_REST + senders * STORED),
        round(MEMORY_AT_REST + senders * MEMORY),
    )


def growth(senders: int) -> str:
    """Return the cost of so many senders, with polling and with webhooks, as a line of the table."""
    polled = cost(senders)
    hooked = cost(senders, Setting("", first_poll=DAY, longest_poll=DAY))
    return (
        f"{senders:>9,} {polled.requests:>12,} {hooked.requests:>12,} {polled.statements:>11,} "
        f"{polled.rows:>10,} {polled.stored / 1e6:>9,.0f} MB {polled.memory / 1e6:>9,.0f} MB"
    )


def main() -> int:
    """Print one line for each setting, and one for each size."""
    columns = f"{'setting':34} {'submitted':>10} {'all known':>10} {'requests':>10} {'busiest h':>10} {'tokens/h':>9}"
    sys.stdout.write(f"{columns}  limited by\n")
    for setting in settings():
        sys.stdout.write(line(setting) + "\n")
    sizes = f"{'senders':>9} {'requests':>12} {'w. webhooks':>12} {'statements':>11} {'rows':>10}"
    sys.stdout.write(f"\n{sizes} {'stored':>12} {'memory':>12}\n")
    for senders in (1_000, 10_000, 100_000, 1_000_000):
        sys.stdout.write(growth(senders) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
