"""Webhooks under load: 10,000 deliveries a minute into one uvicorn worker with Redis, each with a slow handler.

`python -m benchmarks.webhooks` prints the figures that docs/webhooks.md quotes, and fails where an event was lost or
handed over twice, or where the 99th percentile of the answers is 50 ms or more. Every twentieth delivery is sent twice.
What is measured is what the sender of the deliveries, on the same machine, waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import time
import uuid
from collections import Counter
from multiprocessing.connection import Connection
from statistics import quantiles
from typing import Final

import httpx
from attrs import define, field
from examples.fastapi_service.processes import redis, service
from fastapi import FastAPI

from sinch_provisioning.fastapi import webhook_router
from sinch_provisioning.redis import RedisEventHub, RedisReplays
from sinch_provisioning.webhooks import BackgroundHandler, WebhookEvent, WebhookVerifier, sinch_signature

SECRET: Final = "benchmark-webhook-secret"  # noqa: S105 - of a service on loopback that ends with the run
HANDLER_SECONDS: Final = 1.0
GOAL: Final = 0.05
_REPEATED: Final = 20
_PATIENCE: Final = 30.0


@define
class Report:
    """What was sent and what came of it; times in seconds."""

    sent: int = 0
    statuses: Counter[int] = field(factory=Counter[int])
    answers: list[float] = field(factory=list[float])
    handled: Counter[str] = field(factory=Counter[str])
    heard: Counter[str] = field(factory=Counter[str])
    seconds: float = 0.0

    def lost(self) -> int:
        """Count the events that the handler, or the process that listens, did not get."""
        return 2 * self.sent - len(self.handled) - len(self.heard)

    def doubled(self) -> int:
        """Count the events that one of them got more than once."""
        return self.handled.total() - len(self.handled) + self.heard.total() - len(self.heard)

    def percentile(self, percent: int) -> float:
        """Return the time that so many percent of the answers took at most."""
        return quantiles(self.answers, n=100)[percent - 1]


def application() -> FastAPI:
    """Make what the worker serves: each event goes to Redis before the answer, and to a slow handler after it."""
    url = os.environ["REDIS_URL"]
    hub, handled = RedisEventHub(url), Counter[str]()

    async def handle(event: WebhookEvent) -> None:
        handled[str(event.sender_id)] += 1
        await asyncio.sleep(HANDLER_SECONDS)

    background = BackgroundHandler(handle)

    async def hand_over(event: WebhookEvent) -> None:
        await hub.publish(event)
        await background.publish(event)

    app = FastAPI()
    verifier = WebhookVerifier(SECRET, replays=RedisReplays(url))
    app.include_router(webhook_router(verifier, hand_over, wait=True))

    @app.get("/handled")
    async def handled_so_far() -> dict[str, int]:
        return handled

    return app


def listen(url: str, count: int, out: Connection) -> None:
    """Count the events that come through Redis to this process, until there are `count` or none comes any more."""

    async def run() -> Counter[str]:
        heard = Counter[str]()
        async with RedisEventHub(url).subscribe(max_pending=count) as events:
            out.send("listening")
            try:
                while len(heard) < count:
                    event = await asyncio.wait_for(anext(events), _PATIENCE)
                    heard[str(event.sender_id)] += 1
            except TimeoutError:
                pass
        return heard

    out.send(asyncio.run(run()))


def delivery(sender_id: str) -> tuple[dict[str, str], bytes]:
    """Make a delivery as Sinch sends it, with its headers."""
    sender = {
        "id": sender_id,
        "region": "EU",
        "billingCategory": "CONVERSATIONAL",
        "useCase": "TRANSACTIONAL",
        "state": "LAUNCHED",
        "modified": "2026-03-02t10:15:30.125Z",
        "details": {"brand": {"name": f"Acme {sender_id}"}, "countries": ["DE", "SE"]},
        "countryStatus": [{"country": each, "status": "LAUNCHED"} for each in ("DE", "SE")],
        "authToken": uuid.uuid4().hex,
    }
    states = {"previousState": "LAUNCHING", "currentState": "LAUNCHED"}
    body = json.dumps({"type": "RCS_SENDER_STATUS_UPDATED", "payload": sender, **states}).encode()
    nonce, timestamp = uuid.uuid4().hex, str(int(time.time()))
    name = "x-sinch-webhook-signature"
    return {
        name: sinch_signature(SECRET, body, nonce, timestamp),
        f"{name}-algorithm": "HmacSHA256",
        f"{name}-nonce": nonce,
        f"{name}-timestamp": timestamp,
    }, body


async def load(http: httpx.AsyncClient, count: int, seconds: float) -> Report:
    """Send `count` deliveries, evenly over `seconds`, whether the ones before were answered or not."""
    report = Report(sent=count)

    async def post(number: int) -> None:
        headers, body = delivery(str(number))
        for _ in range(2 if number % _REPEATED == 0 else 1):
            started = time.perf_counter()
            reply = await http.post("/webhooks/sinch", headers=headers, content=body)
            report.answers.append(time.perf_counter() - started)
            report.statuses[reply.status_code] += 1

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(started + seconds * number / count - time.perf_counter())
            group.create_task(post(number))
    report.seconds = time.perf_counter() - started
    return report


async def run(count: int, seconds: float) -> Report:
    """Start Redis, the worker and a process that listens; load them, and count."""
    context = multiprocessing.get_context("spawn")
    with redis() as url:
        environment = {"REDIS_URL": url}
        async with service(
            "benchmarks.webhooks:application", "--factory", environment=environment, probe="/handled"
        ) as (address, _):
            here, there = context.Pipe()
            listener = context.Process(target=listen, args=(url, count, there))
            listener.start()
            await asyncio.to_thread(here.recv)
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as http:
                report = await load(http, count, seconds)
                report.heard = await asyncio.to_thread(here.recv)
                report.handled = Counter((await http.get("/handled")).json())
            listener.join()
    return report


def main() -> int:
    """Run, print, and say with the exit status whether all goals were met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    report = asyncio.run(run(options.events, options.seconds))
    times = ", ".join(f"p{percent} {report.percentile(percent) * 1000:.1f} ms" for percent in (50, 95, 99))
    answered = ", ".join(f"{number} x {status}" for status, number in sorted(report.statuses.items()))
    sys.stdout.write(
        f"{report.sent} events in {report.seconds:.1f} s into one worker, handlers of {HANDLER_SECONDS:.0f} s\n"
        f"answers: {answered}; {times}\n"
        f"lost: {report.lost()}, handed over twice: {report.doubled()}\n"
    )
    return 1 if report.lost() or report.doubled() or report.percentile(99) >= GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
