"""`apply --durable`, `worker`, `status` and `cancel` (extra `durable`)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from rich.live import Live
from rich.table import Table
from rich.text import Text

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
_WATCH_EVERY = 1.0
_STATES = ("queued", "under way", "done", "failed", "stopped")


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


async def show_status(*, database: str | None, everything: bool, watch: bool, as_json: bool) -> int:
    """Show the state of all orders; 0 all done, 1 some failed, 2 some still open."""
    url = _url(database)
    found = await durable.project_totals(url)
    if watch and not as_json and output.on_terminal():
        with Live(console=output.console(), auto_refresh=False) as live:
            while any(map(_open, found.values())):
                live.update(_table(found), refresh=True)
                await asyncio.sleep(_WATCH_EVERY)
                found = await durable.project_totals(url)
    counts = {state: sum(each[state] for each in found.values()) for state in _STATES}
    orders = await durable.standings(url, () if everything or as_json else ("failed", "stopped"))
    if as_json:
        listed = [each.to_dict() for each in orders]
        output.as_json({"summary": counts, "projects": found, "orders": listed})
    else:
        if output.on_terminal():
            output.console().print(_table(found))
        if orders:
            rows = [(each.state, each.workflow_id, each.status, each.tries, each.problem) for each in orders]
            output.records(("state", "order", "status", "tries", "problem"), rows)
        output.line("summary", *(f"{word.replace(' ', '_')}={count}" for word, count in counts.items()))
    if counts["failed"] or counts["stopped"]:
        return 1
    return 2 if _open(counts) else 0


def _open(counts: Mapping[str, int]) -> int:
    return counts["queued"] + counts["under way"]


def _table(found: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("project", *_STATES, box=None, pad_edge=False, header_style="bold")
    for project, counts in found.items():
        table.add_row(Text(output.clean(project)), *(f"{counts[state]:,}" for state in _STATES))
    return table


async def cancel_orders(order_ids: list[str], *, database: str | None) -> int:
    """Cancel open orders; 1 if one of them is not open."""
    cancelled = await durable.cancel(_url(database), order_ids)
    for order_id in order_ids:
        output.line("cancelled" if order_id in cancelled else "not open", order_id)
    return 0 if len(cancelled) == len(set(order_ids)) else 1
