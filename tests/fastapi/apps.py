"""An application with a route of each kind, ways to reach it, and callers who leave."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI

from sinch_provisioning import LineCredentials, ProvisioningClient
from sinch_provisioning.fastapi import (
    PROBLEM_RESPONSES,
    RcsSenderResponse,
    SenderResponse,
    Sinch,
    install,
    lifespan,
    project_from_header,
    project_from_path,
)
from sinch_provisioning_emulator import Emulator

from ..conftest import BRAND, client_on
from ..faults.clients import settle

with warnings.catch_warnings():
    # Starlette announces that its tests will need another client.
    warnings.simplefilter("ignore")
    from starlette import testclient

TestClient = testclient.TestClient
WebSocketDenialResponse = testclient.WebSocketDenialResponse

PathProject = Annotated[ProvisioningClient, Depends(project_from_path())]
HeaderProject = Annotated[ProvisioningClient, Depends(project_from_header())]

Opener = Callable[[], AbstractAsyncContextManager[ProvisioningClient]]


def opener(emulator: Emulator, **options: Any) -> Opener:
    """Return what opens a client on the emulator when the application starts."""
    return lambda: client_on(emulator, **options)


def small_app(open_client: Opener, **options: Any) -> FastAPI:
    """Build an application with a route of each kind."""
    app = FastAPI(lifespan=lifespan(open_client), responses=PROBLEM_RESPONSES)
    install(app, **options)

    @app.get("/senders")
    async def senders(sinch: Sinch) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()

    @app.post("/senders", status_code=201)
    async def create(sinch: Sinch) -> RcsSenderResponse:
        return await sinch.rcs.create(**BRAND)

    @app.get("/projects/{project_id}/senders")
    async def of_path(sinch: PathProject) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()

    @app.get("/header")
    async def of_header(sinch: HeaderProject) -> str:
        return sinch.project_id

    @app.get("/line")
    async def line(sinch: Sinch) -> SenderResponse:
        return await sinch.line.create(name="n", channel_credentials=LineCredentials("canary-1", "canary-2"))

    return app


@asynccontextmanager
async def in_process(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Run the lifespan and open a client without a socket, as the documentation says."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):
        yield client


async def send_and_leave(url: str, path: str, *, when: Callable[[], bool]) -> None:
    """Send a request over a socket and hang up, without having read an answer, as soon as `when` is true."""
    host, port = url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await writer.drain()
    await settle(when, seconds=10)
    writer.close()
    await writer.wait_closed()
