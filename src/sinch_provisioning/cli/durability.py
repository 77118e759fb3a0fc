"""`apply --durable`, `worker` and `status` (extra `durable`)."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from .. import ConfigurationError
from ..desired import load
from ..lifecycle.polling import Polling
from . import output
from .connection import Meter, connect, connect_for

try:
    from .. import durable
except ModuleNotFoundError as error:
    if (error.name or "").startswith("sinch_provisioning"):
        raise
    raise ConfigurationError(
        f'{error.name} is not installed: pip install "sinch-provisioning[cli,durable]"'
    ) from None

_WORKER_CONNECTIONS = 50


async def order_file(
    file: Path, *, database: str | None, poll: float, longest_poll: float, as_json: bool
) -> int:
    """Order the changes of a file; 0 all ordered or unchanged, 1 a sender is blocked."""
    desired = load(file)
    async with connect_for(desired, meter=Meter(), at_once=10) as sinch:
        ordered = await durable.enqueue(
            sinch, desired, _url(database), polling=Polling(first_pause=poll, longest_pause=longest_poll)
        )
    if as_json:
        blocked = [change.to_dict() for change in ordered.blocked]
        output.as_json({"summary": ordered.counts(), "ordered": list(ordered.new), "blocked": blocked})
    else:
        for change in ordered.blocked:
            output.line("blocked", change.project_id, change.channel, change.name, change.problem)
        output.line("summary", *(f"{word}={count}" for word, count in ordered.counts().items()))
    return 1 if ordered.blocked else 0


def _url(database: str | None) -> str:
    return durable.environment_url() if database is None else database


def run_worker(*, database: str | None, rate: float | None, take_over_every: float) -> int:
    """Work until SIGINT or SIGTERM."""
    return asyncio.run(_work(_url(database), rate, take_over_every))


async def _work(url: str, rate: float | None, take_over_every: float) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    connect(at_once=_WORKER_CONNECTIONS)  # reports invalid settings now, not at the first order
    await durable.work(
        lambda: connect(at_once=_WORKER_CONNECTIONS),
        url,
        pace=durable.Pace() if rate is None else durable.Pace(rate),
        stop=stop,
        take_over_every=take_over_every,
        observer=output.line,
    )
    return 0


async def show_status(*, database: str | None, everything: bool, as_json: bool) -> int:
    """Show the state of all orders; 0 all done, 1 some failed, 2 some still open."""
    found = await durable.standings(_url(database))
    counts = durable.totals(found)
    if as_json:
        output.as_json({"summary": counts, "orders": [each.to_dict() for each in found]})
    else:
        shown = [each for each in found if everything or each.state in ("failed", "stopped")]
        if shown:
            rows = [(each.state, each.workflow_id, each.status, each.problem) for each in shown]
            output.records(("state", "order", "status", "problem"), rows)
        output.line("summary", *(f"{word.replace(' ', '_')}={count}" for word, count in counts.items()))
    if counts["failed"] or counts["stopped"]:
        return 1
    return 2 if counts["queued"] or counts["under way"] else 0
