"""`make example`: Redis, the emulator and two workers of the service; a load; what it saw; everything stopped."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections import Counter

import httpx
import psutil
from attrs import define, field, frozen
from cryptography.fernet import Fernet
from rich.console import Console
from rich.table import Table

from sinch_provisioning import BasicCredentials
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning_emulator import Emulator, RunningClock

from .load import POLLED, PROJECT, abandon, fetch, follow, onboard
from .processes import redis, service

_WORKERS = 2
_AT_ONCE = 60
READ = "RcsSendersController_getSender_v1"


@frozen
class Vitals:
    """What a worker holds."""

    tasks: int
    in_flight: int
    open_files: int


@define
class Report:
    """What the load saw; `failed` counts answers that were no success, by status.

    Of the brands that were followed with webhooks, `changes` counts what these told, and `reads` how often the API was
    read; `polls` counts that for as many brands without webhooks.
    """

    changes: int = 0
    reads: int = 0
    polls: int = 0
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
        "SINCH_WEBHOOK_SECRET": secrets.token_urlsafe(),
        "SINCH_PROJECT_ID": emulator.project_id,
        "SINCH_KEY_ID": emulator.key_id,
        "SINCH_KEY_SECRET": emulator.key_secret,
        "SINCH_PROVISIONING_URL": emulator.base_url,
        "SINCH_TOKEN_URL": emulator.token_url,
        "REDIS_URL": redis_url,
        "TOKEN_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "POLL_PAUSE": "0.2",
    }


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


async def register(emulator: Emulator, url: str, secret: str) -> None:
    """Have the emulator send the events of the brands' project to the service at `url`, as a deployment would."""
    credentials = BasicCredentials(emulator.key_id, emulator.key_secret)
    async with ProvisioningClient(
        project_id=PROJECT, credentials=credentials, base_url=emulator.base_url
    ) as sinch:
        await sinch.webhooks.ensure(target=f"{url}/webhooks/sinch", secret=secret, triggers=["ALL"])


async def _brands(emulator: Emulator, http: httpx.AsyncClient, count: int, report: Report) -> list[str]:
    """Launch brands and follow them with webhooks, as many others without; count the reads of those who follow."""
    hooked, polled = [await onboard(http, project, count, report.failed) for project in (PROJECT, POLLED)]
    before = [emulator.requests.count(READ, project_id=project) for project in (PROJECT, POLLED)]
    streams = [follow(http, each) for each in hooked] + [follow(http, each, poll=True) for each in polled]
    await asyncio.gather(*streams)
    report.reads = emulator.requests.count(READ, project_id=PROJECT) - before[0]
    report.polls = emulator.requests.count(READ, project_id=POLLED) - before[1]
    return hooked


async def run(*, requests: int = 1000, brands: int = 20) -> Report:
    """Start everything, onboard `brands`, send `requests` of which every second is abandoned, stop everything."""
    report = Report()
    emulator = Emulator(api="1.2", clock=RunningClock(), review=4.0, history=1_000_000)
    async with emulator.serve():
        with redis() as redis_url:
            environment = settings(emulator, redis_url)
            app = ("examples.fastapi_service.app:create_app", "--factory", "--workers", str(_WORKERS))
            async with service(*app, environment=environment, probe="/readyz") as (url, server):
                await register(emulator, url, environment["SINCH_WEBHOOK_SECRET"])
                family = [server, *server.children(recursive=True)]
                # A connection for each request, so that both workers get their share.
                limits = httpx.Limits(max_keepalive_connections=0)
                async with httpx.AsyncClient(
                    base_url=url, limits=limits, timeout=60, trust_env=False
                ) as http:
                    locations = await _brands(emulator, http, brands, report)
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
    report.changes = sum(each.outcome == "delivered" for each in emulator.deliveries)
    report.token_requests = emulator.requests.count("token")
    return report


def show(report: Report, console: Console) -> None:
    """Print what the load saw."""
    table = Table(show_header=False, box=None)
    table.add_row("brands launched", str(report.launched))
    table.add_row("changes told by webhooks", str(report.changes))
    table.add_row("reads of the API", f"{report.reads} with webhooks, {report.polls} without")
    table.add_row("polls saved", str(report.polls - report.reads))
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
    return 1 if report.failed or report.left_running or report.reads > report.changes else 0


if __name__ == "__main__":
    sys.exit(main())
