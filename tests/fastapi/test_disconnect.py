"""Callers that disconnect end the upstream calls made for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, MutableMapping
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse

from sinch_provisioning.fastapi import CancelOnDisconnect, RcsSenderResponse, Sinch, install, lifespan

from ..faults.clients import client_on, settle
from ..faults.faults import hang
from ..faults.server import Server
from ..uvicorn_server import serving
from .apps import send_and_leave


@pytest.fixture
async def upstream() -> AsyncIterator[Server]:
    """Serve an API that lists no sender before a test says so."""
    async with Server() as running:
        running.always("GET rcs", hang)
        yield running


def has_listed(upstream: Server, times: int) -> bool:
    """Whether so many calls have reached the upstream."""
    return upstream.count("GET rcs") == times


def app_on(upstream: Server, **options: Any) -> FastAPI:
    """Build an application on the upstream server."""
    return FastAPI(lifespan=lifespan(lambda: client_on(upstream, **options)))


async def test_a_caller_that_disconnects_ends_the_upstream_call(upstream: Server) -> None:
    """The slot is free at once, though the upstream never answers, and the handler saw the cancellation."""
    ended: list[str] = []
    app = app_on(upstream)
    install(app)

    @app.get("/")
    async def slow(sinch: Sinch) -> None:
        try:
            await sinch.rcs.list()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async with serving(app) as url:
        client = app.state.sinch_provisioning
        await send_and_leave(url, "/", when=lambda: upstream.count("GET rcs") == 1)
        await settle(lambda: client.in_flight == 0)
    assert ended == ["cancelled"]


@pytest.mark.parametrize("outside", [True, False])
async def test_cancelling_gets_along_with_other_middleware(outside: bool, upstream: Server) -> None:
    """An ordinary HTTP middleware, outside of ours or inside, changes nothing, and a pool of one slot stays whole."""
    app = app_on(upstream, max_connections=1)
    if not outside:
        install(app)

    @app.middleware("http")
    async def stamp(request: Request, call_next: Callable[[Request], Any]) -> Any:
        response = await call_next(request)
        response.headers["X-Stamp"] = "1"
        return response

    if outside:
        install(app)

    @app.get("/")
    async def root(sinch: Sinch) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()

    async with serving(app) as url, httpx.AsyncClient(base_url=url) as http:
        client = app.state.sinch_provisioning
        for number in (1, 2, 3):
            await send_and_leave(url, "/", when=partial(has_listed, upstream, number))
        await settle(lambda: client.in_flight == 0)
        upstream.always("GET rcs", None)
        reply = await http.get("/")
        assert (reply.status_code, reply.headers["x-stamp"]) == (200, "1")


async def test_a_caller_that_stays_gets_its_answer_and_its_background_tasks_run(upstream: Server) -> None:
    """After the last byte nothing is cancelled, though the server says that the caller may go."""
    gone, done = asyncio.Event(), asyncio.Event()
    app = app_on(upstream)
    install(app)

    async def later() -> None:
        await gone.wait()
        done.set()

    @app.post("/")
    async def root(request: Request, tasks: BackgroundTasks) -> int:
        tasks.add_task(later)
        return len(await request.body())

    async with serving(app) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            big = b"x" * 1_000_000
            assert (await http.post("/", content=big)).json() == len(big)
        gone.set()
        async with asyncio.timeout(2):
            await done.wait()


async def test_a_stream_ends_with_its_caller(upstream: Server) -> None:
    """Server-sent events stop being produced when nobody reads them."""
    begun, ended = asyncio.Event(), asyncio.Event()
    app = app_on(upstream)
    install(app)

    @app.get("/")
    async def root() -> StreamingResponse:
        async def events() -> AsyncGenerator[bytes, None]:
            try:
                yield b"data: 1\n\n"
                begun.set()
                await asyncio.Event().wait()
            finally:
                ended.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async with serving(app) as url:
        await send_and_leave(url, "/", when=begun.is_set)
        async with asyncio.timeout(2):
            await ended.wait()


async def test_a_server_that_fails_to_receive_ends_the_handler() -> None:
    """Nobody waits for a message that can't come."""

    async def receive() -> MutableMapping[str, Any]:
        raise OSError("the connection broke")

    async def send(message: MutableMapping[str, Any]) -> None:
        raise AssertionError("nothing is to be sent")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(2):
        await CancelOnDisconnect(application)({"type": "http"}, receive, send)
