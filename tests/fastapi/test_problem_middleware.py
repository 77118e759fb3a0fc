"""Where errors are answered: routes, mounts, WebSockets and streams, and what the log says of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse, StreamingResponse

from sinch_provisioning import (
    LineCredentials,
    OAuth2ClientCredentials,
    ProvisioningClient,
    RateLimitError,
    RetryPolicy,
)
from sinch_provisioning.fastapi import Sinch, install, lifespan
from sinch_provisioning_emulator import Emulator

from ..uvicorn_server import serving
from .apps import TestClient, WebSocketDenialResponse, in_process, opener, small_app


async def test_errors_are_logged_with_their_operation_and_without_their_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An operator sees which call failed and what was answered; the structured extras say so too."""
    emulator = Emulator()
    emulator.inject("listRcsSenders", status=500, body={"message": "canary"}, times=None)
    async with in_process(small_app(opener(emulator))) as http:
        await http.get("/senders")
    [record] = [each for each in caplog.records if each.name == "sinch_provisioning.fastapi"]
    assert record.levelno == logging.WARNING
    assert record.__dict__["operation_id"] == "listRcsSenders"
    assert record.__dict__["status"] == 502
    assert "canary" not in str(record.__dict__)


async def test_no_secret_is_in_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    """A server that echoes keys, tokens and channel credentials in its errors can't make the service do so."""
    caplog.set_level(logging.DEBUG)
    canary = "canary-9c2e"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": f"{canary}-token", "expires_in": 3600})
        echo = f"{request.headers['authorization']} {request.content!r}"
        return httpx.Response(500, json={"message": echo}, headers={"X-Request-Id": f"{canary}-token"})

    def open_client() -> ProvisioningClient:
        return ProvisioningClient(
            project_id="p",
            credentials=OAuth2ClientCredentials("key", f"{canary}-secret"),
            transport=httpx.MockTransport(answer),
        )

    app = FastAPI(lifespan=lifespan(open_client))
    install(app, upstream=True)

    @app.get("/")
    async def root(sinch: Sinch) -> None:
        await sinch.line.create(name="n", channel_credentials=LineCredentials(f"{canary}-1", f"{canary}-2"))

    async with in_process(app) as http:
        reply = await http.get("/")
    assert reply.status_code == 502
    assert canary not in reply.text
    assert not [record for record in caplog.records if canary in str(record.__dict__)]


def limited(**options: Any) -> FastAPI:
    """Build an application whose upstream answers every call with 429."""
    emulator = Emulator()
    emulator.inject("listRcsSenders", status=429, retry_after=17, times=None)
    app = FastAPI(lifespan=lifespan(opener(emulator, retry=RetryPolicy(max_attempts=1))))
    install(app, **options)
    return app


async def calls(sinch: Sinch) -> None:
    """Make a call that fails."""
    await sinch.rcs.list()


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_in_a_mounted_application_is_a_problem_too(debug: bool) -> None:
    """A mount answers its own 500 before it raises; the caller gets the problem in its place, and only that."""
    app, below = limited(), FastAPI(debug=debug)
    below.get("/")(calls)
    app.mount("/below", below)
    with TestClient(app) as http:
        reply = http.get("/below/")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "17")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["operation"] == "listRcsSenders"


async def test_a_500_of_the_application_itself_is_left_alone() -> None:
    """A mount's own failure, a plain response of status 500 and a streamed one arrive as they were sent."""
    app, below = limited(), FastAPI()

    @below.get("/")
    async def fails() -> None:
        raise RuntimeError("a bug")

    @app.get("/plain")
    async def plain() -> PlainTextResponse:
        return PlainTextResponse("own words", 500)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"own ", b"words"]), 500)

    app.mount("/below", below)
    async with in_process(app) as http:
        mounted = await http.get("/below/")
        replies = [await http.get("/plain"), await http.get("/stream")]
    assert (mounted.status_code, mounted.text) == (500, "Internal Server Error")
    assert [(reply.status_code, reply.text) for reply in replies] == [(500, "own words")] * 2


async def test_other_middleware_sees_the_answer() -> None:
    """A browser may read a problem, since CORS headers are added to it as to any other response."""
    app = limited()
    app.get("/")(calls)
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])
    async with in_process(app) as http:
        reply = await http.get("/", headers={"Origin": "https://shop.example"})
    assert reply.status_code == 429
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"


async def test_an_applications_own_handler_comes_first() -> None:
    """A handler for one of our classes is the application's own decision."""
    app = limited()
    app.get("/")(calls)

    @app.exception_handler(RateLimitError)
    async def own(request: Request, error: RateLimitError) -> PlainTextResponse:
        return PlainTextResponse("own words", 418)

    async with in_process(app) as http:
        assert (await http.get("/")).text == "own words"


async def test_an_error_in_a_stream_cuts_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """The caller can't take a broken stream for a whole one, and the log names our error, not a secondary one."""
    app = limited()

    @app.get("/")
    async def root(sinch: Sinch) -> StreamingResponse:
        async def lines() -> AsyncGenerator[bytes, None]:
            yield b"first\n"
            await sinch.rcs.list()

        return StreamingResponse(lines())

    raised: list[BaseException] = []

    async def server_side(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            raised.append(error)
            raise

    async with serving(server_side) as url, httpx.AsyncClient(base_url=url) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/")
    [record] = [each for each in caplog.records if each.name == "sinch_provisioning.fastapi"]
    assert record.getMessage() == "listRcsSenders ended a response that had begun (RateLimitError)"
    assert [type(each) for each in raised] == [RateLimitError]


def test_an_accepted_websocket_is_closed_with_a_code() -> None:
    """1013 (try again later) where the same call may succeed later, else 1011, with our words as the reason."""
    app = limited()

    @app.websocket("/{kind}")
    async def live(socket: WebSocket, kind: str, sinch: Sinch) -> None:
        await socket.accept()
        await (sinch.rcs.list() if kind == "limited" else sinch.rcs.get(None))

    closed: dict[str, WebSocketDisconnect] = {}
    with TestClient(app) as http:
        for kind in ("limited", "wrong"):
            with http.websocket_connect(f"/{kind}") as socket, pytest.raises(WebSocketDisconnect) as caught:
                socket.receive_json()
            closed[kind] = caught.value
    assert (closed["limited"].code, closed["limited"].reason) == (
        1013,
        "The provisioning API is rate limiting this service.",
    )
    assert closed["wrong"].code == 1011


def test_a_websocket_that_is_not_accepted_is_denied_with_the_problem() -> None:
    """A server that can deny a handshake with a response sends the problem; another one refuses."""
    app = limited()

    @app.websocket("/")
    async def live(socket: WebSocket, sinch: Sinch) -> None:
        await sinch.rcs.list()

    with (
        TestClient(app) as http,
        pytest.raises(WebSocketDenialResponse) as denied,
        http.websocket_connect("/"),
    ):
        raise AssertionError("it must not open")
    assert denied.value.status_code == 429
    assert denied.value.json()["operation"] == "listRcsSenders"


def test_a_websocket_that_is_closed_already_is_left_alone() -> None:
    """An error after the end, whoever ended it, is logged and harms nobody."""
    app = limited()

    @app.websocket("/{who}")
    async def live(socket: WebSocket, who: str, sinch: Sinch) -> None:
        await socket.accept()
        if who == "app":
            await socket.close(4000)
        else:
            await socket.receive()
        await sinch.rcs.list()

    with TestClient(app) as http:
        with http.websocket_connect("/app") as socket, pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
        assert caught.value.code == 4000
        with http.websocket_connect("/peer") as socket:
            socket.close()


async def test_handlers_are_added_before_the_start() -> None:
    """Once the application has started, it is too late."""
    app = limited()
    async with in_process(app) as http:
        await http.get("/")
        with pytest.raises(RuntimeError, match="before the application starts"):
            install(app)
