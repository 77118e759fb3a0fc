"""The FastAPI router: its answers over a real socket, its document, and what happens when the application stops."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import Depends, FastAPI, HTTPException
from openapi_spec_validator import validate

from sinch_provisioning.fastapi import RcsSenderResponse, install, webhook_router
from sinch_provisioning.webhooks import EventHub, WebhookEvent, WebhookVerifier

from ..uvicorn_server import serving
from .deliveries import AUTH_TOKEN, SECRET, SENDER_ID, encode, sign, status_updated

BODY = encode(status_updated())


def signed(body: bytes = BODY) -> dict[str, str]:
    """Sign a body now, as the server's clock runs."""
    return sign(body, at=time.time())


def application(to: Any, **options: Any) -> FastAPI:
    """Make an application with nothing but the webhook."""
    app = FastAPI()
    app.include_router(webhook_router(WebhookVerifier(SECRET), to, **options))
    return app


async def post(url: str, headers: Any, content: Any) -> httpx.Response:
    """Send one delivery."""
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(f"{url}/webhooks/sinch", headers=headers, content=content)


async def test_a_hub_gets_the_event_before_the_answer() -> None:
    """Who is subscribed has it when Sinch has its 204."""
    hub = EventHub()
    async with serving(application(hub)) as url, hub.subscribe(SENDER_ID) as events:
        reply = await post(url, signed(), BODY)
        assert (reply.status_code, reply.content) == (204, b"")
        async with asyncio.timeout(0.1):
            assert (await anext(events)).current_state == "LAUNCHED"


async def test_refusals_are_problems_and_the_log_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """400, 401, 413 and 503 in RFC 9457's form; no body, secret or token in answer or log."""
    caplog.set_level(logging.DEBUG)

    async def down(_: WebhookEvent) -> None:
        raise OSError("the database is down")

    body = encode(status_updated(comment="canary-comment"))
    async with serving(application(down, wait=True, max_body_bytes=2000)) as url:
        for headers, content, status in (
            (signed(b"{}"), b"{}", 400),
            (signed(body), body + b" ", 401),
            ({}, body, 401),
            ([*signed(body).items(), ("X-Sinch-Webhook-Signature", "second")], body, 401),
            (signed(body), b"x" * 2001, 413),
            (signed(body), body, 503),
        ):
            reply = await post(url, headers, content)
            assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
            assert reply.json()["status"] == status
            assert "canary" not in reply.text
    # httpx and the server log the request themselves, without its body.
    assert "canary" not in caplog.text
    assert AUTH_TOKEN not in caplog.text


async def test_a_body_without_a_length_is_bounded_too() -> None:
    """Sent in chunks, 10 MiB are refused when the first MiB is exceeded."""

    async def content() -> Any:
        for _ in range(160):
            yield b"x" * 65_536

    async with serving(application(EventHub())) as url:
        try:
            reply = await post(url, signed(), content())
        except httpx.TransportError:
            # The server may close while the rest is still being sent.
            return
        assert reply.status_code == 413


async def test_the_answer_does_not_wait_for_a_handler() -> None:
    """204 while the handler sleeps; with `wait`, after it."""
    go, done = asyncio.Event(), asyncio.Event()

    async def handler(_: WebhookEvent) -> None:
        await go.wait()
        done.set()

    async with serving(application(handler)) as url:
        assert (await post(url, signed(), BODY)).status_code == 204
        assert not done.is_set()
        go.set()
        await done.wait()
    go.clear()
    done.clear()
    async with serving(application(handler, wait=True)) as url:
        sent = asyncio.create_task(post(url, signed(), BODY))
        await asyncio.sleep(0.05)
        assert not sent.done()
        go.set()
        assert (await sent).status_code == 204
        assert done.is_set()


async def test_a_stopping_application_lets_its_handlers_end() -> None:
    """The lifespan waits for what was acknowledged, as long as it may."""
    ended: list[int] = []
    stopping = asyncio.Event()

    async def handler(_: WebhookEvent) -> None:
        await stopping.wait()
        await asyncio.sleep(0.1)
        ended.append(1)

    async with serving(application(handler)) as url:
        for _ in range(3):
            assert (await post(url, signed(), BODY)).status_code == 204
        assert ended == []
        stopping.set()
    assert ended == [1, 1, 1]


async def test_a_client_that_hangs_up_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Half a delivery, then nothing: no traceback, and the whole one is accepted afterwards."""
    hub = EventHub()
    app = application(hub)
    install(app, readiness=None)
    headers = signed()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    async with serving(app) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(
            f"POST /webhooks/sinch HTTP/1.1\r\nhost: a\r\ncontent-length: {len(BODY)}\r\n{head}\r\n".encode()
        )
        writer.write(BODY[:10])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
        assert (await post(url, headers, BODY)).status_code == 204
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert reader.at_eof()


async def test_the_applications_own_dependencies_and_prefixes_hold() -> None:
    """It is a router like any other: under a prefix, at a path, behind a dependency."""

    def refuse() -> None:
        raise HTTPException(403)

    app = FastAPI()
    router = webhook_router(WebhookVerifier(SECRET), EventHub(), path="/hear")
    app.include_router(router, prefix="/open")
    app.include_router(router, prefix="/guarded", dependencies=[Depends(refuse)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        assert (await http.post("/open/hear", headers=signed(), content=BODY)).status_code == 204
        assert (await http.post("/guarded/hear", headers=signed(), content=BODY)).status_code == 403
        assert (await http.get("/open/hear")).status_code == 405


@pytest.mark.parametrize("delivery", [status_updated(), {"type": "NEW", "payload": {"a": 1}}])
def test_it_is_typed_in_the_applications_document(delivery: dict[str, Any]) -> None:
    """The document is valid, describes headers and body, and leaves other schemas as they were."""

    def document(add: Callable[[FastAPI], None]) -> dict[str, Any]:
        app = FastAPI()

        @app.get("/sender")
        async def sender() -> RcsSenderResponse:
            raise NotImplementedError

        add(app)
        return app.openapi()

    with_it = document(lambda app: app.include_router(webhook_router(WebhookVerifier(SECRET), EventHub())))
    without = document(lambda app: None)
    validate(with_it)
    operation = with_it["paths"].pop("/webhooks/sinch")["post"]
    assert with_it == without
    assert set(operation["responses"]) == {"204", "400", "401", "413", "503"}
    assert {each["name"] for each in operation["parameters"] if each["required"]} <= set(sign(b""))
    assert len(operation["parameters"]) == 4
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(delivery, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"payload": {}}, schema)
    shown = json.dumps(schema)
    assert "countryStatus" in shown
    assert "$ref" not in shown
