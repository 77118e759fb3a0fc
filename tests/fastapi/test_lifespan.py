"""The application's client: opened by the lifespan, found by routes, mounts and WebSockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket

from sinch_provisioning import ConfigurationError, ProvisioningClient
from sinch_provisioning.fastapi import Sinch, lifespan, open_for
from sinch_provisioning_emulator import Emulator

from ..uvicorn_server import serving
from .apps import TestClient, in_process, opener, small_app


def test_it_works_under_the_test_client() -> None:
    """Starlette's TestClient runs the lifespan; the client is open inside and closed after."""
    emulator = Emulator()
    app = small_app(opener(emulator))
    with TestClient(app) as http:
        created = http.post("/senders")
        assert created.status_code == 201
        assert created.json()["displayName"] == "Acme"
        assert [sender["id"] for sender in http.get("/senders").json()] == [created.json()["id"]]
        client = app.state.sinch_provisioning
        assert not client.is_closed
    assert client.is_closed


async def test_it_works_in_process_and_under_uvicorn(
    served: tuple[Emulator, Callable[..., ProvisioningClient]],
) -> None:
    """The same application answers through httpx's ASGITransport and over a socket."""
    emulator, make = served
    app = small_app(make)
    async with in_process(app) as http:
        assert (await http.post("/senders")).status_code == 201
    async with serving(app) as url, httpx.AsyncClient(base_url=url) as http:
        assert len((await http.get("/senders")).json()) == 1
    assert emulator.requests.count("createRcsSender") == 1


async def test_the_lifespan_composes_with_the_applications_own() -> None:
    """What an inner lifespan yields is kept, and the client is there before it and after it."""
    seen: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncGenerator[Mapping[str, Any], None]:
        seen.append(app.state.sinch_provisioning.project_id)
        yield {"answer": 42}
        assert not app.state.sinch_provisioning.is_closed

    emulator = Emulator()
    app = FastAPI(lifespan=lifespan(opener(emulator), own))

    @app.get("/")
    async def root(request: Request, sinch: Sinch) -> list[object]:
        return [request.state.answer, sinch.project_id]

    with TestClient(app) as http:
        assert http.get("/").json() == [42, emulator.project_id]
    assert seen == [emulator.project_id]


async def test_a_client_can_be_opened_inside_a_lifespan_of_ones_own() -> None:
    """`open_for` is a block in the application's own lifespan; a mounted application finds its parent's client."""
    emulator = Emulator()

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncGenerator[None, None]:
        async with open_for(app, opener(emulator)):
            yield

    app = FastAPI(lifespan=own)

    @app.get("/")
    async def root(sinch: Sinch) -> str:
        return sinch.project_id

    async with in_process(app) as http:
        assert (await http.get("/")).json() == emulator.project_id
    with TestClient(small_parent(emulator)) as client:
        assert client.get("/below/").json() == emulator.project_id


def small_parent(emulator: Emulator) -> FastAPI:
    """Mount an application that has no lifespan below one that has."""
    below, above = FastAPI(), FastAPI(lifespan=lifespan(opener(emulator)))

    @below.get("/")
    async def root(sinch: Sinch) -> str:
        return sinch.project_id

    above.mount("/below", below)
    return above


def test_websockets_get_the_client_too() -> None:
    """The dependency asks for a connection, not for a request."""
    app = FastAPI(lifespan=lifespan(opener(Emulator())))

    @app.websocket("/")
    async def live(socket: WebSocket, sinch: Sinch) -> None:
        await socket.accept()
        await socket.send_json(len(await sinch.rcs.list()))
        await socket.close()

    with TestClient(app) as http, http.websocket_connect("/") as live_socket:
        assert live_socket.receive_json() == 0


async def test_a_wrong_setting_stops_the_start() -> None:
    """An application without credentials does not come up to fail on its first request."""
    app = FastAPI(lifespan=lifespan())
    with pytest.raises(ConfigurationError, match="SINCH_PROJECT_ID"):
        async with in_process(app):
            raise AssertionError("it must not start")
