"""Progress of `apply`: a live display on a terminal, one line per event in a pipe."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Final, Self

from attrs import define, field
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..desired import Outcome
from . import output
from .connection import Meter

PAST: Final[dict[str, str]] = {"create": "created", "update": "updated", "launch": "launched"}
_SHOWN_FAILURES: Final = 3


@define
class Tally:
    """How many of `total` senders are in each state."""

    total: int
    done: int = 0
    in_review: int = 0
    failed: int = 0
    created: int = 0
    updated: int = 0
    launched: int = 0
    again: int = 0
    failures: deque[str] = field(factory=lambda: deque[str](maxlen=_SHOWN_FAILURES))
    _reviewed: set[tuple[str, str, str]] = field(factory=set[tuple[str, str, str]])

    def take(self, what: str, outcome: Outcome) -> None:
        """Count one event."""
        if what in PAST:
            setattr(self, PAST[what], getattr(self, PAST[what]) + 1)
            return
        if what == "again":
            self.again += 1
            return
        key = (outcome.project_id, outcome.channel, outcome.name)
        if what == "in review":
            self._reviewed.add(key)
        else:
            self._reviewed.discard(key)
            self.done += what == "done"
            self.failed += what == "failed"
        self.in_review = len(self._reviewed)
        if what == "failed":
            self.failures.append(output.clean(f"{outcome.name}: {outcome.problem}"))


@define
class ProgressView:
    """Draws a tally and a meter: four lines and the last failures, from 60 columns on."""

    title: str
    tally: Tally
    meter: Meter
    stopping: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tally, meter = self.tally, self.meter
        passed = tally.done + tally.in_review + tally.failed
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column(no_wrap=True, overflow="ellipsis", max_width=options.max_width // 3)
        bar.add_column(ratio=1)
        bar.add_column(justify="right", no_wrap=True)
        bar.add_row(
            Text(output.clean(self.title), "bold"),
            ProgressBar(total=max(tally.total, 1), completed=passed, complete_style="green"),
            Text(f"{passed:,}/{tally.total:,}"),
        )
        yield bar
        yield _counts(
            ("done", tally.done, "green"),
            ("in review", tally.in_review, "cyan"),
            ("failed", tally.failed, "red"),
        )
        yield _counts(
            ("created", tally.created, ""), ("updated", tally.updated, ""), ("launched", tally.launched, "")
        )
        speed = Text(
            f"{meter.rate:.0f} calls/s · {meter.calls:,} calls · {meter.retries + tally.again:,} retries",
            "dim",
        )
        if self.stopping:
            speed.append("  stopping after calls in progress (Ctrl-C again: stop now)", "yellow")
        yield speed
        for failure in tally.failures:
            yield Text(f"✗ {failure}", "red", no_wrap=True, overflow="ellipsis")


def _counts(*items: tuple[str, int, str]) -> Text:
    text = Text()
    for name, count, style in items:
        if text:
            text.append(" · ", "dim")
        text.append(f"{name} {count:,}", style if count else "dim")
    return text


class Display:
    """Shows every event; a context manager."""

    def __init__(self, title: str, total: int, meter: Meter, *, quiet: bool = False) -> None:
        self._tally = Tally(total)
        self._view = ProgressView(title, self._tally, meter)
        self._quiet = quiet
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and output.on_terminal():
            self._live = Live(self._view, console=output.console(), refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def event(self, what: str, outcome: Outcome) -> None:
        """Count an event and, in a pipe, print it; unchanged senders appear in the summary only."""
        self._tally.take(what, outcome)
        if self._quiet or self._live is not None or (what == "done" and not outcome.done):
            return
        detail = outcome.problem if what in ("again", "failed") else outcome.sender_id
        word = "live" if what == "done" and outcome.status == "LAUNCHED" else PAST.get(what, what)
        output.line(word, outcome.project_id, outcome.channel, outcome.name, detail)

    def stopping(self) -> None:
        """Show that the run is stopping."""
        self._view.stopping = True
        if self._live is None:
            output.note("stopping after calls in progress; press Ctrl-C again to stop now")
