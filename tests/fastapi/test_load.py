"""Many projects, many requests, and half of the callers gone."""

from __future__ import annotations

import asyncio
import os

import pytest
from fastapi import Depends, FastAPI

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning.fastapi import ChosenProject, RcsSenderResponse, install, lifespan, project
from sinch_provisioning_emulator import Emulator, RunningClock

from ..faults.clients import settle
from ..uvicorn_server import serving
from .apps import in_process, opener, send_and_leave, small_app


def sockets() -> int:
    """Count this process's open sockets."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return count


async def test_two_hundred_projects_with_twenty_keys_on_one_client() -> None:
    """One token a key, no more sockets than allowed, and no call with another key's token."""
    emulator = Emulator(clock=RunningClock(), history=100_000)
    for index in range(20):
        emulator.add_key(
            f"key-{index}", f"secret-{index}", projects=[f"project-{n}" for n in range(index, 200, 20)]
        )

    def of_path(number: int) -> ChosenProject:
        key = number % 20
        credentials = OAuth2ClientCredentials(f"key-{key}", f"secret-{key}", emulator.token_url)
        return ChosenProject(f"project-{number}", credentials)

    async with emulator.serve():
        app = FastAPI(lifespan=lifespan(opener(emulator, transport="httpx", max_connections=10)))
        install(app)

        chosen = Depends(project(of_path))

        @app.get("/{number}")
        async def senders(sinch: ProvisioningClient = chosen) -> list[RcsSenderResponse]:
            return await sinch.rcs.list()

        most = 0
        async with in_process(app) as http:
            before = sockets()

            async def look() -> None:
                nonlocal most
                while True:
                    most = max(most, sockets() - before)
                    await asyncio.sleep(0.002)

            looking = asyncio.create_task(look())
            replies = await asyncio.gather(*(http.get(f"/{n}") for n in range(200) for _ in range(3)))
            looking.cancel()
    assert {reply.status_code for reply in replies} == {200}
    tokens = [str(request.key_id) for request in emulator.requests.of("token")]
    assert sorted(tokens) == sorted(f"key-{index}" for index in range(20))
    calls = emulator.requests.of("listRcsSenders")
    assert len(calls) == 600
    assert all(call.key_id == f"key-{int(str(call.project_id)[8:]) % 20}" for call in calls)
    # Both ends of a connection are in this process.
    assert 0 < most <= 2 * 10


async def status_of(url: str, path: str) -> int:
    """Send a request over a socket of its own, wait for the whole answer, and return its status."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    reply = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(reply.split()[1])


@pytest.mark.timeout(400)
async def test_a_thousand_requests_half_of_them_abandoned() -> None:
    """Tasks, sockets and slots are back where they were, and none of the requests that stayed fails."""
    emulator = Emulator(clock=RunningClock(), history=100_000)
    emulator.inject("listRcsSenders", delay=0.02, times=None)
    async with emulator.serve():
        app = small_app(opener(emulator, transport="httpx", max_connections=20))
        async with serving(app) as url:
            client = app.state.sinch_provisioning
            assert await status_of(url, "/senders") == 200
            tasks, places = len(asyncio.all_tasks()), sockets()
            gate = asyncio.Semaphore(60)

            async def abandon(number: int) -> None:
                # They leave at all stages: before the upstream call, during it and after it.
                answered = emulator.requests.count("listRcsSenders") + number % 50
                async with gate:
                    await send_and_leave(
                        url, "/senders", when=lambda: emulator.requests.count("listRcsSenders") >= answered
                    )

            async def stay() -> int:
                async with gate:
                    return await status_of(url, "/senders")

            each = [stay() if number % 2 else abandon(number) for number in range(1000)]
            statuses = [status for status in await asyncio.gather(*each) if status is not None]
            assert statuses == [200] * 500
            await settle(lambda: client.in_flight == 0 and len(asyncio.all_tasks()) <= tasks, seconds=30)
            # All twenty slots serve, on connections that may stay open, with both ends in this process.
            emulator.faults.clear()
            assert await asyncio.gather(*(status_of(url, "/senders") for _ in range(40))) == [200] * 40
            await settle(lambda: sockets() - places <= 2 * 20)
