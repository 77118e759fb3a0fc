"""What a terminal shows, and what Ctrl-C does."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sinch_provisioning import AttemptEvent, RetryEvent
from sinch_provisioning.cli.connection import Meter
from sinch_provisioning.cli.display import Display, ProgressView, Tally
from sinch_provisioning.desired import Outcome
from sinch_provisioning_emulator import Emulator

from ..desired.brands import write_brands


def _drawn(picture: ProgressView, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(picture)
    return capture.get().splitlines()


def _outcome(name: str, **rest: object) -> Outcome:
    return Outcome("p", "rcs", name, "failed", problem=str(rest.get("problem", "")))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_picture_fits_its_terminal(width: int) -> None:
    """At any usual width each fact has its line, numbers are whole, and long texts end in an ellipsis."""
    meter = Meter(monotonic=lambda: 10.0)
    meter.on_attempt(AttemptEvent("getRcsSender", "GET", 1, 200, None, 0.1, None))
    meter.on_retry(RetryEvent("getRcsSender", 1, 500, None, 0.1))
    tally = Tally(10_000, done=9_000, failed=3, created=9_500, launched=9_400)
    tally.in_review = 997
    tally.failures.append("A brand " + "with a very long name " * 10)
    lines = _drawn(ProgressView("a-file-with-quite-a-long-name-indeed.yaml", tally, meter), width)
    assert len(lines) == 5
    assert all(len(line) <= width for line in lines)
    assert lines[0].rstrip().endswith("10,000/10,000")
    assert lines[1].startswith("done 9,000 · in review 997 · failed 3")
    assert lines[2].startswith("created 9,500 · updated 0 · launched 9,400")
    assert lines[3].startswith("1 calls/s · 1 calls · 1 retries")
    assert lines[4].rstrip().endswith("…")


def test_a_tally_follows_every_sender() -> None:
    """Senders move from review to done or failed, and are counted in one place at a time."""
    tally = Tally(2)
    for what in ("create", "launch", "in review", "again", "done"):
        tally.take(what, _outcome("A"))
    tally.take("in review", _outcome("B"))
    tally.take("failed", _outcome("B", problem="no\x1b[31m"))
    assert (tally.done, tally.in_review, tally.failed, tally.again) == (1, 0, 1, 1)
    assert list(tally.failures) == ["B: no\\x1b[31m"]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """Calls of long ago don't count any more, token requests never do."""
    now = [0.0]
    meter = Meter(monotonic=lambda: now[0])
    for second in range(20):
        now[0] = float(second)
        for _ in range(10):
            meter.on_attempt(AttemptEvent("getRcsSender", "GET", 1, 200, None, 0.1, None))
        meter.on_attempt(AttemptEvent("token", "POST", 1, 200, None, 0.1, None))
    assert meter.calls == 200
    assert meter.rate == pytest.approx(10, abs=2)
    now[0] = 100.0
    assert meter.rate == 0


def test_a_pipe_gets_one_line_for_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines have the same cells every time; a sender with nothing to do makes none."""
    with Display("f", 2, Meter()) as display:
        display.event("create", Outcome("p", "rcs", "A", "left", "id-1", "DRAFT", ("create",)))
        display.event("done", Outcome("p", "rcs", "A", "done", "id-1", "LAUNCHED", ("create",)))
        display.event("done", Outcome("p", "rcs", "B", "done", "id-2", "LAUNCHED"))
        display.event("again", Outcome("p", "rcs", "C", "left", problem="500\tx"))
    assert (
        capsys.readouterr().out
        == "created\tp\trcs\tA\tid-1\nlive\tp\trcs\tA\tid-1\nagain\tp\trcs\tC\t500\\tx\n"
    )


async def test_ctrl_c_lets_calls_end_and_tells_what_is_left(server: Emulator, tmp_path: Path) -> None:
    """Interrupted at work, the command ends with 130, has lost no reply, and says what is left."""
    server.inject("createRcsSender", delay=0.05, times=None)
    file = await asyncio.to_thread(write_brands, tmp_path / "brands.yaml", 400)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sinch_provisioning.cli", "apply", str(file), "--concurrency", "3",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, told = await process.communicate()
    assert process.returncode == 130
    assert b"stopping after calls in progress" in told
    counts = dict(cell.split("=") for cell in out.decode().splitlines()[-1].split("\t")[1:])
    assert int(counts["created"]) == len(server.senders)
    assert int(counts["left"]) > 300
