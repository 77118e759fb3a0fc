"""Real processes: the webhook arrives at one and the wait is in another, and a worker is killed after its answer."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from sinch_provisioning.durable import standings
from sinch_provisioning.durable.database import Database, orders, upsert
from sinch_provisioning.redis import RedisEventHub
from sinch_provisioning_emulator import Emulator

from ..conftest import BRAND, client_on
from ..faults.clients import settle
from ..valkey import running
from .deliveries import SECRET, encode, sender, sign, status_updated

WORKER = """
import os, sys
import uvicorn
from fastapi import FastAPI
from sinch_provisioning.durable import deliver
from sinch_provisioning.fastapi import webhook_router
from sinch_provisioning.redis import RedisEventHub, RedisReplays
from sinch_provisioning.webhooks import WebhookVerifier

verifier = WebhookVerifier(os.environ["SECRET"], replays=RedisReplays(os.environ["REDIS_URL"]))
hub = RedisEventHub(os.environ["REDIS_URL"])

async def store(event):
    await deliver(os.environ["DATABASE"], event)

app = FastAPI()
app.include_router(webhook_router(verifier, hub, path="/heard"))
app.include_router(webhook_router(verifier, store, path="/stored", wait=True))
uvicorn.run(app, fd=int(sys.argv[1]), log_level="error")
"""
ORDERS = 150


class Worker:
    """One process that receives webhooks."""

    def __init__(self, process: asyncio.subprocess.Process, http: httpx.AsyncClient) -> None:
        self.process = process
        self.http = http

    async def post(self, path: str, sender_id: str) -> int:
        """Deliver the news that a sender is launched, and return the answer's status."""
        body = encode(status_updated(payload=sender(id=sender_id)))
        return (await self.http.post(path, headers=sign(body, at=time.time()), content=body)).status_code


@pytest.fixture
def redis_url() -> Iterator[str]:
    """Run a Redis of the test's own."""
    with running() as valkey:
        yield valkey.url


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Name a database for the orders."""
    return f"sqlite:///{tmp_path}/orders.sqlite"


@pytest.fixture
async def worker(redis_url: str, database_url: str) -> AsyncIterator[Worker]:
    """Start a worker; who connects before it is ready waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as bound:
        port = bound.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, str(bound.fileno()), pass_fds=[bound.fileno()],
            env=os.environ | {"SECRET": SECRET, "REDIS_URL": redis_url, "DATABASE": database_url},
        )  # fmt: skip
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
        yield Worker(process, http)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_what_a_killed_worker_acknowledged_is_not_lost(
    worker: Worker, redis_url: str, database_url: str
) -> None:
    """A wait in this process hears what came to the worker, and every order that it answered 204 for is done."""
    emulator = Emulator()
    emulator.hold("Acme")
    async with (
        RedisEventHub(redis_url) as hub,
        client_on(emulator) as launching,
        client_on(emulator, clock=None) as client,
    ):
        sender_id = (await launching.launch_rcs_sender(**BRAND)).id
        assert sender_id is not None
        waiting = asyncio.create_task(client.rcs.wait_for_status(sender_id, events=hub))
        await settle(lambda: emulator.requests.count("getRcsSender") == 1)
        emulator.approve(sender_id)
        assert await worker.post("/heard", sender_id) == 204
        assert (await asyncio.wait_for(waiting, 5)).status == "LAUNCHED"
        assert emulator.requests.count("getRcsSender") == 2

    database = Database.at(database_url)
    await database.prepare()
    rows = [
        {"id": f"p/rcs/{number}", "channel_id": "p/rcs", "state": "in review", "sender_id": f"id-{number}"}
        for number in range(ORDERS)
    ]
    await database.run(partial(upsert, table=orders, rows=rows))
    acknowledged: set[str] = set()
    places = asyncio.Semaphore(8)

    async def tell(number: int) -> None:
        async with places:
            try:
                status = await worker.post("/stored", f"id-{number}")
            except httpx.TransportError:
                return
            assert status == 204
            acknowledged.add(f"p/rcs/{number}")
            if len(acknowledged) == ORDERS // 3:
                worker.process.kill()

    await asyncio.gather(*(tell(number) for number in range(ORDERS)))
    assert await worker.process.wait() == -9
    done = {each.workflow_id for each in await standings(database_url, ["done"])}
    assert ORDERS // 3 <= len(acknowledged) < ORDERS
    assert acknowledged <= done
