"""`plan` and `apply`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..desired import Applied, Change, DesiredState, Plan, apply, load, plan
from . import output
from .connection import Meter, connect_for
from .display import Display

EXIT_CHANGES = 2
EXIT_INTERRUPTED = 130


async def plan_file(file: Path, *, as_json: bool, everything: bool, inline: bool) -> int:
    """Show the plan of a file; 0 nothing to do, 2 changes, 1 blocked."""
    desired = load(file, allow_inline_secrets=inline)
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


async def apply_file(
    file: Path, *, concurrency: int, wait: bool, timeout: float | None, as_json: bool, inline: bool
) -> int:
    """Apply a file; 0 success or under review, 1 failure, 130 interrupted."""
    desired = load(file, allow_inline_secrets=inline)
    if not len(desired):
        return _empty(as_json)
    applied = await _applied(
        desired, file.name, concurrency=concurrency, wait=wait, timeout=timeout, as_json=as_json
    )
    if as_json:
        output.as_json(applied.to_dict())
    else:
        _report(applied)
    if applied.stopped:
        return EXIT_INTERRUPTED
    undecided = wait and applied.counts()["in_review"] > 0
    return 0 if applied.ok and not undecided else 1


async def _applied(
    desired: DesiredState, title: str, *, concurrency: int, wait: bool, timeout: float | None, as_json: bool
) -> Applied:
    meter = Meter()
    stop = asyncio.Event()
    async with connect_for(desired, meter=meter, at_once=concurrency) as sinch:
        with Display(title, len(desired), meter, quiet=as_json) as display, _interruptible(stop, display):
            return await apply(
                sinch,
                desired,
                concurrency=concurrency,
                wait=wait,
                timeout=timeout,
                stop=stop,
                observer=display.event,
            )


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
