"""The client in a FastAPI application: under uvicorn, under the TestClient, in process, and when clients go away."""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from collections.abc import AsyncGenerator, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse

from sinch_provisioning import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DeadlineExceededError,
    LaunchNotReadyError,
    LaunchRejectedError,
    LineCredentials,
    NotFoundError,
    OAuth2ClientCredentials,
    OutcomeUnknownError,
    PermissionDeniedError,
    PreconditionFailedError,
    ProvisioningClient,
    ProvisioningError,
    RateLimitError,
    ResponseDecodeError,
    RetryPolicy,
    SenderMismatchError,
    ServerError,
    TokenError,
    WaitTimeoutError,
)
from sinch_provisioning.fastapi import (
    PROBLEM_RESPONSES,
    CancelOnDisconnect,
    ChosenProject,
    RcsSenderResponse,
    SenderResponse,
    Sinch,
    add_readiness,
    install,
    lifespan,
    open_for,
    project,
    project_from_header,
    project_from_path,
)
from sinch_provisioning.fastapi.problem_details import problem_of
from sinch_provisioning_api.models import RcsSender
from sinch_provisioning_emulator import Emulator, RunningClock

from .conftest import BRAND, client_on
from .uvicorn_server import serving

with warnings.catch_warnings():
    # Starlette announces another client for its tests to come.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

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


async def test_the_project_comes_from_path_header_or_a_callable() -> None:
    """Each request may be for a project of its own, with credentials of its own, on the connections of all."""
    emulator = Emulator()
    emulator.add_key("tenant-key", "tenant-secret", projects=["tenant"])
    app = small_app(opener(emulator))

    async def of_tenant(tenant: str) -> ChosenProject:
        key = OAuth2ClientCredentials("tenant-key", "tenant-secret", emulator.token_url)
        return ChosenProject(tenant, key)

    chosen = Depends(project(of_tenant))

    @app.get("/tenant")
    async def tenant(sinch: ProvisioningClient = chosen) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()

    async with in_process(app) as http:
        assert (await http.get("/projects/a-project/senders")).json() == []
        assert (await http.get("/header", headers={"X-Sinch-Project": "h"})).json() == "h"
        assert (await http.get("/header")).status_code == 422
        crooked = await http.get("/header", headers={"X-Sinch-Project": "../p"})
        assert (crooked.status_code, crooked.headers["content-type"]) == (400, "application/problem+json")
        assert (await http.get("/tenant", params={"tenant": "tenant"})).json() == []
        refused = await http.get("/tenant", params={"tenant": "somebody-elses"})
        wrong = await http.get("/projects/%2E%2E/senders")
    assert [each.project_id for each in emulator.requests.of("listRcsSenders")] == [
        "a-project",
        "tenant",
        "somebody-elses",
    ]
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert wrong.status_code in (400, 404)


async def test_models_are_returned_and_described() -> None:
    """The app's own OpenAPI has a schema of each model under its name, and responses fit it."""
    app = small_app(opener(Emulator()))
    async with in_process(app) as http:
        document = (await http.get("/openapi.json")).json()
        sender = (await http.post("/senders")).json()
        line = await http.get("/line")
    content = document["paths"]["/senders"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"]["items"] == {"$ref": "#/components/schemas/RcsSender"}
    properties = document["components"]["schemas"]["RcsSender"]["properties"]
    assert set(sender) == set(properties)
    assert {"displayName", "logoUrl", "createTime"} <= set(properties)
    assert properties["createTime"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert set(document["components"]["schemas"]["Sender"]["properties"]) == set(line.json())
    assert "channelCredentials" not in line.json()
    assert "canary" not in line.text
    assert "application/problem+json" in document["paths"]["/senders"]["get"]["responses"]["503"]["content"]


async def test_what_the_document_does_not_know_stays_with_the_service() -> None:
    """An unknown property of a reply may be a live secret, so it is not handed on."""
    emulator = Emulator()
    emulator.inject("listRcsSenders", body={"senders": [{"id": "a", "authToken": "canary"}]})
    async with in_process(small_app(opener(emulator))) as http:
        reply = await http.get("/senders")
    assert reply.json()[0]["id"] == "a"
    assert "canary" not in reply.text


CASES: list[tuple[ProvisioningError, int]] = [
    (RateLimitError("x", status_code=429, retry_after=1.2), 429),
    (BadRequestError("x", status_code=400), 400),
    (AuthenticationError("x", status_code=401), 502),
    (PermissionDeniedError("x", status_code=403), 403),
    (NotFoundError("x", status_code=404), 404),
    (ConflictError("x", status_code=409), 409),
    (PreconditionFailedError("x", status_code=412), 412),
    (LaunchNotReadyError("x", status_code=412), 412),
    (ServerError("x", status_code=500), 502),
    (ServerError("x", status_code=503, retry_after=7), 503),
    (APIStatusError("x", status_code=418), 502),
    (TokenError("x", status_code=401), 502),
    (TokenError("x", status_code=429, retry_after=3), 503),
    (TokenError("x"), 502),
    (APIConnectionError("x"), 503),
    (APITimeoutError("x"), 503),
    (OutcomeUnknownError("x"), 503),
    (DeadlineExceededError("x"), 504),
    (ResponseDecodeError("x", status_code=200, body=b"canary"), 502),
    (LaunchRejectedError("x", sender=RcsSender(id="s", status="REJECTED")), 409),
    (WaitTimeoutError("x", sender=RcsSender(id="s", status="LAUNCHING")), 504),
    (SenderMismatchError("x"), 409),
    (ConfigurationError("sender_id must be a string"), 400),
    (ProvisioningError("x"), 500),
]


@pytest.mark.parametrize(("error", "status"), CASES, ids=[type(error).__name__ for error, _ in CASES])
async def test_every_error_is_a_problem(error: ProvisioningError, status: int) -> None:
    """RFC 9457 in media type and members, a status that says whose fault it is, Retry-After in whole seconds."""
    app = small_app(opener(Emulator()))

    @app.get("/fails")
    async def fails() -> None:
        raise error

    async with in_process(app) as http:
        reply = await http.get("/fails")
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:sinch-provisioning:problem:")
    assert problem["title"]
    assert problem["detail"]
    retry_after = getattr(error, "retry_after", None)
    assert reply.headers.get("retry-after") == (None if retry_after is None else str(-int(-retry_after // 1)))


def test_no_error_class_is_forgotten() -> None:
    """A new class of error without words of its own would be an unexplained 500."""
    said = {type(error) for error, _ in CASES}
    every = [ProvisioningError]
    for kind in every:
        every += kind.__subclasses__()
    assert {kind for kind in every if kind.__module__.startswith("sinch_provisioning.errors")} == said


async def test_problems_tell_nothing_of_the_upstream_unless_asked() -> None:
    """By default neither the server's message nor its code is handed on; with `upstream` they are, secrets masked."""
    emulator = Emulator(key_secret="canary-secret")
    body = {"errorCode": "secret_code", "message": "canary-secret of Acme", "resolution": "call us"}
    async with in_process(small_app(opener(emulator))) as http:
        emulator.inject("listRcsSenders", status=400, body=dict(body))
        plain = await http.get("/senders")
    async with in_process(small_app(opener(emulator), upstream=True)) as http:
        emulator.inject("listRcsSenders", status=400, body=dict(body))
        told = await http.get("/senders")
    assert plain.status_code == told.status_code == 400
    assert not {"secret_code", "Acme", "call us"} & set(plain.text.split('"'))
    assert "upstream" not in plain.json()
    assert plain.json()["requestId"]
    assert told.json()["upstream"] == {
        "status": 400,
        "errorCode": "secret_code",
        "message": "*** of Acme",
        "resolution": "call us",
    }
    assert "canary" not in plain.text + told.text


async def test_problems_of_real_failures() -> None:
    """A dropped connection is 503, rubbish 502, a deadline 504, a 429 carries the server's Retry-After."""
    emulator = Emulator()
    app = small_app(opener(emulator, retry=RetryPolicy(max_attempts=1)))
    async with in_process(app) as http:
        emulator.inject("listRcsSenders", drop=True)
        dropped = await http.get("/senders")
        emulator.inject("listRcsSenders", body=b"<html>canary")
        rubbish = await http.get("/senders")
        emulator.inject("listRcsSenders", retry_after=17)
        limited = await http.get("/senders")
        emulator.inject("createRcsSender", drop="after")
        unknown = await http.post("/senders")
    assert (dropped.status_code, rubbish.status_code, limited.status_code) == (503, 502, 429)
    assert limited.headers["retry-after"] == "17"
    assert unknown.json()["type"].endswith(":outcome-unknown")
    assert unknown.json()["operation"] == "createRcsSender"
    assert "canary" not in rubbish.text
    slow = small_app(lambda: client_on(Emulator(), retry=RetryPolicy(deadline=0.0)))
    async with in_process(slow) as http:
        assert (await http.get("/senders")).status_code == 504


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


async def test_readiness_is_cheap_and_honest() -> None:
    """Ready sends nothing once a token is there; no token, no client or a closed one is a 503 that says why."""
    emulator = Emulator()
    app = small_app(opener(emulator, retry=RetryPolicy(max_attempts=1)))
    async with in_process(app) as http:
        emulator.inject("token", status=500)
        early = await http.get("/readyz")
        for _ in range(20):
            assert (await http.get("/readyz")).json() == {"status": "ready", "inFlight": 0}
        await app.state.sinch_provisioning.aclose()
        closed = await http.get("/readyz")
        late = await http.get("/senders")
    assert (early.status_code, early.json()["title"]) == (503, "Service unavailable")
    assert closed.status_code == late.status_code == 503
    assert closed.headers["content-type"] == "application/problem+json"
    assert [request.operation_id for request in emulator.requests] == ["token", "token"]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
        assert (await http.get("/readyz")).status_code == 503


async def test_readiness_says_so_when_the_token_endpoint_hangs() -> None:
    """A probe must answer in time; the fetch goes on, and the next probe finds its token."""
    emulator = Emulator(clock=RunningClock())
    async with emulator.serve():
        app = FastAPI(lifespan=lifespan(opener(emulator, transport="httpx")))
        install(app, readiness=None)
        emulator.inject("token", delay=0.4)
        add_readiness(app, "/ready", timeout=0.1)
        async with in_process(app) as http:
            assert (await http.get("/ready")).status_code == 503
            await asyncio.sleep(0.5)
            assert (await http.get("/ready")).status_code == 200
    assert emulator.requests.count("token") == 1


async def send_and_leave(url: str, path: str, *, after: float) -> None:
    """Send a request over a socket and hang up before the answer."""
    host, port = url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await writer.drain()
    await asyncio.sleep(after)
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_goes_away_ends_the_upstream_call() -> None:
    """The slot is free at once, long before the upstream would have answered, and the handler saw the cancellation."""
    emulator = Emulator(clock=RunningClock())
    ended: list[str] = []
    async with emulator.serve():
        app = small_app(opener(emulator, transport="httpx"))

        @app.get("/slow")
        async def slow(sinch: Sinch) -> None:
            try:
                await sinch.rcs.list()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        async with serving(app) as url:
            async with httpx.AsyncClient(base_url=url) as http:
                await http.get("/senders")
            emulator.inject("listRcsSenders", delay=1.5)
            client = app.state.sinch_provisioning
            await send_and_leave(url, "/slow", after=0.2)
            assert client.in_flight <= 1
            await asyncio.sleep(0.2)
            assert client.in_flight == 0
    assert ended == ["cancelled"]


@pytest.mark.parametrize("outside", [True, False])
async def test_cancelling_gets_along_with_other_middleware(outside: bool) -> None:
    """An ordinary HTTP middleware, outside of ours or inside, changes nothing, and a pool of one slot stays whole."""
    emulator = Emulator(clock=RunningClock())
    async with emulator.serve():
        app = FastAPI(lifespan=lifespan(opener(emulator, transport="httpx", max_connections=1)))
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
            await http.get("/")
            emulator.inject("listRcsSenders", delay=2, times=3)
            await asyncio.gather(*(send_and_leave(url, "/", after=0.15) for _ in range(3)))
            await asyncio.sleep(0.2)
            assert app.state.sinch_provisioning.in_flight == 0
            emulator.faults.clear()
            reply = await http.get("/")
            assert (reply.status_code, reply.headers["x-stamp"]) == (200, "1")


async def test_a_client_that_stays_gets_its_answer_and_its_background_tasks_run() -> None:
    """After the last byte nothing is cancelled, though the server says that the client may go."""
    done = asyncio.Event()
    app = FastAPI(lifespan=lifespan(opener(Emulator())))
    install(app)

    async def later() -> None:
        await asyncio.sleep(0.2)
        done.set()

    @app.post("/")
    async def root(request: Request, tasks: BackgroundTasks, sinch: Sinch) -> int:
        tasks.add_task(later)
        return len(await request.body())

    async with serving(app) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            big = b"x" * 1_000_000
            assert (await http.post("/", content=big)).json() == len(big)
        async with asyncio.timeout(2):
            await done.wait()


async def test_a_stream_ends_with_its_client() -> None:
    """Server-sent events stop being produced when nobody reads them."""
    ended = asyncio.Event()
    app = FastAPI(lifespan=lifespan(opener(Emulator())))
    install(app)

    @app.get("/")
    async def root(sinch: Sinch) -> StreamingResponse:
        async def events() -> AsyncGenerator[bytes, None]:
            try:
                while True:
                    yield b"data: 1\n\n"
                    await asyncio.sleep(0.01)
            finally:
                ended.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async with serving(app) as url:
        await send_and_leave(url, "/", after=0.1)
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
            await asyncio.sleep(0.1)
            tasks, places = len(asyncio.all_tasks()), sockets()
            gate = asyncio.Semaphore(60)

            async def abandon(number: int) -> None:
                async with gate:
                    await send_and_leave(url, "/senders", after=number % 50 / 1000)

            async def stay() -> int:
                async with gate:
                    return await status_of(url, "/senders")

            each = [stay() if number % 2 else abandon(number) for number in range(1000)]
            statuses = [status for status in await asyncio.gather(*each) if status is not None]
            assert statuses == [200] * 500
            for _ in range(3000):
                if client.in_flight == 0 and len(asyncio.all_tasks()) <= tasks:
                    break
                await asyncio.sleep(0.01)
            assert client.in_flight == 0
            assert len(asyncio.all_tasks()) <= tasks
            # All twenty slots serve, on connections that may stay open, with both ends in this process.
            emulator.faults.clear()
            assert await asyncio.gather(*(status_of(url, "/senders") for _ in range(40))) == [200] * 40
            await asyncio.sleep(0.1)
            assert sockets() - places <= 2 * 20


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


def test_unknown_kinds_of_errors_have_the_words_of_the_nearest() -> None:
    """A subclass that somebody derives is described as what it is derived from."""

    class OwnError(RateLimitError):
        """Of somebody's own."""

    assert problem_of(OwnError("x", status_code=429)).status == 429
