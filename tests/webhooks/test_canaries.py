"""No secret of a delivery is left anywhere: logs, spans, answers, Redis, the database of durable work."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from redis.asyncio import Redis

from sinch_provisioning import OAuth2ClientCredentials, WebhookSignatureError
from sinch_provisioning.durable import deliver, standings
from sinch_provisioning.durable.database import Database, orders, upsert
from sinch_provisioning.fastapi import install, webhook_router
from sinch_provisioning.redis import RedisEventHub, RedisReplays
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning.webhooks import WebhookEvent, WebhookVerifier
from sinch_provisioning_emulator import Emulator, RunningClock

from ..durable.cluster import cluster, why_not
from ..test_otel import Sight
from ..test_secrets import shown
from ..v1_2.details import FIELDS
from ..valkey import running
from .deliveries import encode, sign

SECRET = "canary-webhook-secret"
AUTHORIZATION = {"authorization": "Bearer canary-authorization", "cookie": "session=canary-cookie"}
TARGET = "http://service/webhooks/sinch"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a database of each kind, where it is installed."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/orders.sqlite"
        return
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with cluster() as made:
        # The database that every cluster has, as nobody makes another one here.
        yield made.url.replace("/orders", "/postgres")


async def in_redis(url: str) -> str:
    """Return every key with its value."""
    found: list[object] = []
    redis: Any = Redis.from_url(url)
    async with redis:
        for key in await redis.keys("*"):
            kind = await redis.type(key)
            found.append((key, await (redis.xrange(key) if kind == b"stream" else redis.get(key))))
    return repr(found)


def in_database(connection: sa.Connection) -> str:
    """Return every row of every table."""
    tables = sa.MetaData()
    tables.reflect(connection)
    return repr([(name, connection.execute(sa.select(each)).all()) for name, each in tables.tables.items()])


async def test_no_secret_is_left_anywhere(database_url: str, everything_logged: io.StringIO) -> None:
    """A sender is launched and heard of, and deliveries are refused for every reason, each with canaries."""
    sight = Sight()
    emulator = Emulator(api="1.2", clock=RunningClock(), key_secret="canary-key-secret")
    failing: list[Exception] = []
    answers: list[str] = []
    database = Database.at(database_url)
    await database.prepare()
    with running() as valkey:
        async with (
            RedisEventHub(valkey.url) as hub,
            RedisReplays(valkey.url) as replays,
            ProvisioningClient(
                project_id=emulator.project_id,
                credentials=OAuth2ClientCredentials(emulator.key_id, emulator.key_secret, emulator.token_url),
                base_url=emulator.base_url,
                transport=emulator.transport(),
                telemetry=sight.telemetry,
            ) as sinch,
        ):

            async def handle(event: WebhookEvent) -> None:
                if failing:
                    raise failing.pop()
                await hub.publish(event)
                await deliver(database_url, event)

            verifier = WebhookVerifier(SECRET, replays=replays)
            app = FastAPI()
            install(app)
            app.include_router(webhook_router(verifier, handle, wait=True, max_body_bytes=20_000))
            transport = httpx.ASGITransport(app)

            async def post(headers: Mapping[str, str], body: bytes) -> int:
                async with httpx.AsyncClient(transport=transport) as http:
                    reply = await http.post(TARGET, headers={**headers, **AUTHORIZATION}, content=body)
                answers.append(f"{reply.headers!r} {reply.text}")
                return reply.status_code

            emulator.receive(TARGET, post)
            await sinch.webhooks.ensure(target=TARGET, secret=SECRET, triggers=["ALL"])
            emulator.hold("Acme")
            sender = await sinch.launch_rcs_sender(**FIELDS)
            await emulator.deliver()
            token = f"emulated-token-of-{sender.id}"
            row = {"id": "p/rcs/Acme", "channel_id": "p/rcs", "state": "in review", "sender_id": sender.id}
            await database.run(partial(upsert, table=orders, rows=[row]))
            waiting = asyncio.create_task(sinch.rcs.wait_for_status(sender.id, events=hub, timeout=20))
            await asyncio.sleep(0.2)
            emulator.approve(sender.id)
            assert await emulator.deliver() > 0
            launched = await waiting
            assert launched.auth_token == token, "it is in the reply, so it can be looked for"

            payload = {"id": "x", "authToken": "canary-token", "more": [{"refresh-token": "canary-refresh"}]}
            body = encode({"type": "RCS_SENDER_STATUS_UPDATED", "payload": payload})
            signed = partial(sign, secret=SECRET, at=time.time())
            once = signed(body)
            failing.append(RuntimeError("the handler's own failure"))
            for headers, content, status in (
                (signed(body), body, 503),
                (once, body, 204),
                (once, body, 401),
                (sign(body, secret="canary-other", at=time.time()), body, 401),
                (sign(body, secret=SECRET, at=0), body, 401),
                ({}, body, 401),
                (signed(b'["canary-body"]'), b'["canary-body"]', 400),
                (signed(body), body + b"canary" * 5000, 413),
            ):
                assert await post(headers, content) == status
            with pytest.raises(WebhookSignatureError) as refused:
                await verifier.verify({**sign(body, secret="canary-other"), **AUTHORIZATION}, body)
            places = {
                "log": everything_logged.getvalue(),
                "spans": sight.text(),
                "answers": "".join(answers),
                "Redis": await in_redis(valkey.url),
                "database": await database.run(in_database),
                "error": shown(refused.value),
            }
    assert [each.status for each in await standings(database_url)] == ["LAUNCHED"]
    evidence = {
        "log": "the handler's own failure",
        "spans": "launchSender",
        "answers": "problem+json",
        "Redis": sender.id,
        "database": sender.id,
        "error": "verifier.py",
    }
    basic = base64.b64encode(f"{emulator.key_id}:{emulator.key_secret}".encode()).decode()
    for place, text in places.items():
        assert evidence[place] in text, place
        for secret in ("canary", token, basic):
            assert secret not in text, (
                place,
                text[max(0, text.index(secret) - 300) : text.index(secret) + 60],
            )
