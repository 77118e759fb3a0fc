"""Logs and hooks: what a client tells of its attempts, retries and tokens, and what it never tells."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from sinch_provisioning import (
    AttemptEvent,
    BasicCredentials,
    BearerToken,
    Credentials,
    KakaoTalkCredentials,
    LineCredentials,
    OAuth2ClientCredentials,
    ProvisioningClient,
    ProvisioningError,
    RetryEvent,
    RetryPolicy,
    ServerError,
    TelegramCredentials,
    TokenError,
    TokenEvent,
)
from sinch_provisioning._retries.observers import Observers
from sinch_provisioning_emulator import Emulator

from .conftest import BRAND, client_on

EXTRAS = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """Return the structured part of a record."""
    return {name: value for name, value in vars(record).items() if name not in EXTRAS}


def records(caplog: pytest.LogCaptureFixture, room: str) -> list[logging.LogRecord]:
    """Return what one room of the package has logged."""
    return [record for record in caplog.records if record.name == f"sinch_provisioning.{room}"]


async def test_each_attempt_is_told_to_hook_and_log(caplog: pytest.LogCaptureFixture) -> None:
    """One event and one debug record a request: operation, number, status, duration, request id; no header, no body."""
    caplog.set_level(logging.DEBUG, "sinch_provisioning")
    emulator, events = Emulator(), list[AttemptEvent]()
    emulator.inject("createRcsSender", retry_after=2)
    async with client_on(emulator, on_attempt=events.append) as sinch:
        await sinch.rcs.create(**BRAND)
    assert [(event.operation_id, event.attempt, event.status) for event in events] == [
        ("token", 1, 200),
        ("createRcsSender", 1, 429),
        ("createRcsSender", 2, 200),
    ]
    assert [event.request_id for event in events] == [each.request_id for each in emulator.requests]
    assert all(event.duration >= 0 for event in events)
    logged = [extras(record) for record in records(caplog, "calls")]
    assert [set(each) for each in logged] == [
        {"operation_id", "attempt", "status", "cause", "duration", "request_id"}
    ] * 3
    assert [each["request_id"] for each in logged] == [event.request_id for event in events]


async def test_retries_are_told_before_their_pause(caplog: pytest.LogCaptureFixture) -> None:
    """An operator sees at INFO which call is tried again, why, and in how many seconds."""
    caplog.set_level(logging.INFO, "sinch_provisioning")
    emulator, events = Emulator(), list[RetryEvent]()
    emulator.inject("listRcsSenders", retry_after=3)
    emulator.inject("listRcsSenders", drop=True)
    async with client_on(emulator, on_retry=events.append) as sinch:
        await sinch.rcs.list()
    assert len(events) == 2
    assert {(event.operation_id, event.status) for event in events} == {
        ("listRcsSenders", 429),
        ("listRcsSenders", None),
    }
    assert 3.0 in [event.pause for event in events]
    logged = [extras(record) for record in records(caplog, "retries")]
    assert [each["attempt"] for each in logged] == [1, 2]
    assert all(record.levelno == logging.INFO for record in records(caplog, "retries"))


async def test_tokens_are_told_with_their_life_and_never_themselves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fetch, an early renewal and a failure are three kinds of news; a failure is a warning."""
    caplog.set_level(logging.DEBUG, "sinch_provisioning")
    emulator, events = Emulator(), list[TokenEvent]()
    policy = RetryPolicy(max_attempts=1)
    async with client_on(emulator, on_token=events.append, retry=policy) as sinch:
        await sinch.rcs.list()
        emulator.clock.advance(seconds=3400)
        await sinch.rcs.list()
        for _ in range(50):
            await asyncio.sleep(0)
        emulator.clock.advance(seconds=7200)
        emulator.inject("token", status=500, times=None)
        with pytest.raises(TokenError):
            await sinch.rcs.list()
    assert [(event.ok, event.early, event.lifetime) for event in events] == [
        (True, False, 3600),
        (True, True, 3600),
        (False, False, None),
    ]
    assert [record.levelno for record in records(caplog, "tokens")] == [
        logging.DEBUG,
        logging.DEBUG,
        logging.WARNING,
    ]


async def test_a_hook_that_raises_harms_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is one line in the log, without its text."""

    def hook(event: object) -> None:
        raise RuntimeError("canary in a hook")

    emulator = Emulator()
    emulator.inject("listRcsSenders", status=500)
    async with client_on(emulator, on_attempt=hook, on_retry=hook, on_token=hook) as sinch:
        assert await sinch.rcs.list() == []
    assert "a hook raised RuntimeError; it was ignored" in caplog.messages
    assert "canary" not in caplog.text


def test_nothing_is_recorded_for_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Attempts are of interest to a hook and to a log at DEBUG, and to nobody else."""
    caplog.set_level(logging.INFO, "sinch_provisioning")
    assert not Observers().want_attempts
    assert Observers(on_attempt=lambda _: None).want_attempts
    caplog.set_level(logging.DEBUG, "sinch_provisioning")
    assert Observers().want_attempts


def test_an_application_without_logging_sees_nothing() -> None:
    """Warnings of the package don't go to stderr by themselves (PEP 282's last resort)."""
    code = (
        "import logging, sinch_provisioning;"
        "logging.getLogger('sinch_provisioning.tokens').warning('a line');"
        "logging.getLogger('other').warning('another')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "another\n"


CANARY = "canary-b71d"

SCHEMES: list[Callable[[], Credentials]] = [
    lambda: OAuth2ClientCredentials("key", f"{CANARY}-secret"),
    lambda: BasicCredentials("key", f"{CANARY}-secret"),
    lambda: BearerToken(f"{CANARY}-token"),
]


@pytest.mark.parametrize("credentials", SCHEMES, ids=["oauth2", "basic", "bearer"])
@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_no_canary_in_any_log_event_or_traceback(
    credentials: Callable[[], Credentials], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that echoes all it gets, in body and headers, makes no log, event or traceback show a secret."""
    caplog.set_level(logging.DEBUG)
    events: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": f"{CANARY}-token", "expires_in": 3600})
        authorization = request.headers["authorization"]
        echo = f"{authorization} {request.content.decode()}"
        content: Any = {"id": 5, "message": echo} if status != 401 else {"error": {"message": echo}}
        return httpx.Response(status, json=content, headers={"X-Echo": authorization})

    async with ProvisioningClient(
        project_id="p",
        credentials=credentials(),
        transport=httpx.MockTransport(answer),
        retry=RetryPolicy(max_attempts=2, initial_delay=0),
        on_attempt=events.append,
        on_retry=events.append,
        on_token=events.append,
    ) as sinch:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: sinch.line.create(
                name="n", channel_credentials=LineCredentials(f"{CANARY}-a", f"{CANARY}-b")
            ),
            lambda: sinch.telegram.create(name="n", channel_credentials=TelegramCredentials(f"{CANARY}-c")),
            lambda: sinch.kakaotalk.create(
                name="n", channel_credentials=KakaoTalkCredentials("@acme", f"{CANARY}-d")
            ),
            lambda: sinch.line.ensure(
                name="n", channel_credentials={"token": f"{CANARY}-e", "deep": {"secret": [f"{CANARY}-f"]}}
            ),
        ]
        shown = [repr(sinch)]
        for call in calls:
            with pytest.raises(ProvisioningError) as raised:
                await call()
            error = raised.value
            # With the locals of every frame, as error trackers send them.
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown += ["".join(told.format()), str(error), repr(error)]
    shown += [repr(event) for event in events]
    shown += [f"{record.getMessage()} {extras(record)}" for record in caplog.records]
    found = [text for text in shown if CANARY in text]
    assert not found, [line for text in found for line in text.splitlines() if CANARY in line]


async def test_a_status_error_names_the_request_for_the_support(caplog: pytest.LogCaptureFixture) -> None:
    """The id that Sinch's support asks for is in the error and in the log."""
    caplog.set_level(logging.DEBUG, "sinch_provisioning")
    emulator = Emulator()
    emulator.inject("listRcsSenders", status=500, times=None)
    async with client_on(emulator, retry=RetryPolicy(max_attempts=1)) as sinch:
        with pytest.raises(ServerError) as raised:
            await sinch.rcs.list()
    assert raised.value.request_id == extras(records(caplog, "calls")[-1])["request_id"]
