"""`apply --durable`, `worker`, `status` and `cancel` (extra `durable`, imported when one of them runs)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..desired import load
from ..lifecycle.polling import Polling
from . import output
from .app import Database, Flag, Json, app
from .connection import Meter, connect, connect_for

_WORKER_CONNECTIONS = 50
_WATCH_EVERY = 1.0
_STATES = ("queued", "under way", "done", "failed", "stopped")


def _url(database: str | None) -> str:
    from .. import durable  # noqa: PLC0415

    return durable.environment_url() if database is None else database


async def order_file(file: Path, database: str | None, polling: Polling, *, as_json: bool) -> int:
    """Order the changes of a file; 0 all ordered or unchanged, 1 a sender is blocked."""
    from .. import durable  # noqa: PLC0415

    desired = load(file)
    async with connect_for(desired, meter=Meter(), at_once=10) as sinch:
        ordered = await durable.enqueue(sinch, desired, _url(database), polling=polling)
    if as_json:
        blocked = [change.to_dict() for change in ordered.blocked]
        output.as_json({"summary": ordered.counts(), "ordered": list(ordered.new), "blocked": blocked})
    else:
        for change in ordered.blocked:
            output.line("blocked", change.project_id, change.channel, change.name, change.problem)
        output.line("summary", *(f"{word}={count}" for word, count in ordered.counts().items()))
    return 1 if ordered.blocked else 0


@app.command
async def worker(
    *,
    database: Database = None,
    rate: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    take_over_every: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 1.0,
) -> int:
    """Carry out orders of `apply --durable`, together with all other workers on the same database.

    Parameters
    ----------
    rate
        Requests per second for all workers together (default: 5); the worker started last decides.
    take_over_every
        Seconds between two checks for dead workers.
    """
    from .. import durable  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await durable.work(
        lambda: connect(at_once=_WORKER_CONNECTIONS),
        _url(database),
        pace=durable.Pace() if rate is None else durable.Pace(rate),
        stop=stop,
        take_over_every=take_over_every,
        observer=output.line,
    )
    return 0


@app.command
async def status(
    *,
    database: Database = None,
    everything: Annotated[bool, Parameter("--all", negative=())] = False,
    watch: Annotated[bool, Flag] = False,
    as_json: Json = False,
) -> int:
    """Show the state of all orders of `apply --durable`.

    Exit code 0: all done; 1: some failed or were stopped; 2: some are still open.

    Parameters
    ----------
    everything
        Also show orders that are done, queued or under way.
    watch
        Show a live display until every order has ended.
    """
    from .. import durable  # noqa: PLC0415

    url = _url(database)
    found = await durable.project_totals(url)
    if watch and not as_json and output.on_terminal():
        with Live(console=output.console(), auto_refresh=False) as live:
            while any(map(_open, found.values())):
                live.update(_table(found), refresh=True)
                await asyncio.sleep(_WATCH_EVERY)
                found = await durable.project_totals(url)
    counts = {state: sum(each[state] for each in found.values()) for state in _STATES}
    dropped = await durable.dropped_events(url)
    orders = await durable.standings(url, () if everything or as_json else ("failed", "stopped"))
    if as_json:
        listed = [each.to_dict() for each in orders]
        output.as_json({"summary": counts, "projects": found, "orders": listed, "dropped_events": dropped})
    else:
        if output.on_terminal():
            output.console().print(_table(found))
        if orders:
            rows = [(each.state, each.workflow_id, each.status, each.tries, each.problem) for each in orders]
            output.records(("state", "order", "status", "tries", "problem"), rows)
        output.line("summary", *(f"{word.replace(' ', '_')}={count}" for word, count in counts.items()))
        if dropped:
            output.note(f"{dropped} webhook(s) were about no open order")
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


@app.command
async def cancel(*orders: str, database: Database = None) -> int:
    """Cancel open orders; what was sent already stays as it is.

    Parameters
    ----------
    orders
        Ids as `status --all` shows them: project/channel/name.
    """
    from .. import durable  # noqa: PLC0415

    cancelled = await durable.cancel(_url(database), orders)
    for order_id in orders:
        output.line("cancelled" if order_id in cancelled else "not open", order_id)
    return 0 if len(cancelled) == len(set(orders)) else 1
