"""`plan` and `apply`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter, validators

from .. import ConfigurationError
from ..desired import Applied, Change, Plan, apply, load, plan
from ..lifecycle.polling import Polling
from . import output
from .app import Database, File, Flag, Inline, Json, Positive, Timeout, app
from .connection import Meter, connect_for
from .display import Display

EXIT_CHANGES = 2
EXIT_INTERRUPTED = 130


@app.command(name="plan")
async def plan_file(
    file: File,
    *,
    everything: Annotated[bool, Parameter("--all", negative=())] = False,
    as_json: Json = False,
    allow_inline_secrets: Inline = False,
) -> int:
    """Show what `apply` would do with a file; changes nothing.

    Exit code 0: nothing to do; 2: there are changes; 1: a sender is blocked, or a call failed.

    Parameters
    ----------
    everything
        Also show unchanged senders.
    """
    desired = load(file, allow_inline_secrets=allow_inline_secrets)
    if not len(desired):
        return _empty(as_json)
    async with connect_for(desired, meter=Meter(), at_once=10) as sinch:
        made = await plan(sinch, desired)
    if as_json:
        output.as_json(made.to_dict())
    else:
        _show(made, everything=everything)
    if made.blocked:
        return 1
    return EXIT_CHANGES if made.pending else 0


def _empty(as_json: bool) -> int:
    if as_json:
        output.as_json(Plan(()).to_dict())
    else:
        output.note("the file has no senders")
    return 0


def _show(made: Plan, *, everything: bool) -> None:
    shown = [each for each in made.changes if everything or each.actions or each.problem is not None]
    if shown:
        columns = ("change", "project", "channel", "name", "status", "details")
        output.records(columns, [_row(change) for change in shown])
    counts = made.counts()
    if output.on_terminal():
        words = [
            f"{count:,} to {word}" for word, count in counts.items() if word in ("create", "update", "launch")
        ]
        others = [f"{counts['unchanged']:,} unchanged", f"{counts['blocked']:,} blocked"]
        output.console().print(", ".join(words + others))
    else:
        output.line("summary", *(f"{word}={count}" for word, count in counts.items()))


def _row(change: Change) -> tuple[object, ...]:
    what = "+".join(change.actions) or ("blocked" if change.problem is not None else "unchanged")
    details = [f"updates {', '.join(change.differing)}"] if "update" in change.actions else []
    details += [change.problem] if change.problem is not None else []
    return what, change.project_id, change.channel, change.name, change.status, "; ".join(details) or None


@app.command(name="apply")
async def apply_file(
    file: File,
    *,
    concurrency: Positive = 20,
    wait: Annotated[bool, Flag] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    allow_inline_secrets: Inline = False,
    durable: Annotated[bool, Flag] = False,
    database: Database = None,
    poll: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 600.0,
    longest_poll: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 14_400.0,
) -> int:
    """Create, update and launch the senders of a file; safe to run again at any time.

    Exit code 0: every sender is as desired, or under review; 1: a sender failed, or was still under review when
    --wait timed out; 130: interrupted, run it again to continue.

    Parameters
    ----------
    concurrency
        Number of senders to work on at once.
    wait
        Wait until the carriers have decided about every launch.
    durable
        Leave the work to the workers on the same database.
    poll
        With --durable: seconds until senders under review are first polled; each pause is half as long again.
    longest_poll
        With --durable: the longest pause between two polls, in seconds.
    """
    if durable:
        from .durability import order_file  # noqa: PLC0415 - the extra `durable`

        if allow_inline_secrets or wait:
            raise ConfigurationError("--durable can't be combined with --wait or --allow-inline-secrets")
        return await order_file(file, database, Polling(poll, longest_poll), as_json=as_json)
    desired = load(file, allow_inline_secrets=allow_inline_secrets)
    if not len(desired):
        return _empty(as_json)
    meter, stop = Meter(), asyncio.Event()
    async with connect_for(desired, meter=meter, at_once=concurrency) as sinch:
        with Display(file.name, len(desired), meter, quiet=as_json) as display, _interruptible(stop, display):
            applied = await apply(
                sinch,
                desired,
                concurrency=concurrency,
                wait=wait,
                timeout=timeout,
                stop=stop,
                observer=display.event,
            )
    if as_json:
        output.as_json(applied.to_dict())
    else:
        _report(applied)
    if applied.stopped:
        return EXIT_INTERRUPTED
    undecided = wait and applied.counts()["in_review"] > 0
    return 0 if applied.ok and not undecided else 1


@contextmanager
def _interruptible(stop: asyncio.Event, display: Display) -> Generator[None]:
    """Stop cleanly at the first Ctrl-C, at once at the second."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupted() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()
        display.stopping()

    signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in signals:
            loop.add_signal_handler(number, interrupted)
    except (NotImplementedError, RuntimeError):
        # On Windows, and in a thread, Ctrl-C cancels the command; running it again continues.
        signals = ()
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _report(applied: Applied) -> None:
    counts = applied.counts()
    if not output.on_terminal():
        output.line("summary", *(f"{word}={count}" for word, count in counts.items()))
        return
    if applied.failed:
        rows = [
            ("failed", each.project_id, each.channel, each.name, each.status, each.problem)
            for each in applied.failed
        ]
        output.records(("", "project", "channel", "name", "status", "problem"), rows)
    text = ", ".join(f"{count:,} {word.replace('_', ' ')}" for word, count in counts.items() if count)
    output.console().print(text + (" (stopped: run it again to continue)" if applied.stopped else ""))
