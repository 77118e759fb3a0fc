"""From a request to its answer, and handlers that run after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sinch_provisioning import ConfigurationError, ProvisioningError
from sinch_provisioning.webhooks import BackgroundHandler, WebhookEvent, WebhookVerifier, receive

from .deliveries import AUTH_TOKEN, SECRET, SetClock, encode, event, settle, sign, status_updated

BODY = encode(status_updated(comment="canary-comment"))


class Inbox:
    """Keeps what it is handed, and fails when told to."""

    def __init__(self, *failures: BaseException) -> None:
        self.events: list[WebhookEvent] = []
        self._failures = list(failures)

    async def publish(self, event: WebhookEvent, /) -> None:
        """Fail as often as told, then keep the event."""
        if self._failures:
            raise self._failures.pop(0)
        self.events.append(event)


def verifier() -> WebhookVerifier:
    """Make one whose clock stands at the time that deliveries are signed at."""
    return WebhookVerifier(SECRET, clock=SetClock())


async def chunks(body: bytes, size: int = 7) -> AsyncIterator[bytes]:
    """Give a body bit by bit, as a server reads it."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_each_outcome_has_its_status() -> None:
    """204 handed over, 400 signed but no event, 401 refused, 413 too large, 503 not taken."""
    inbox, one = Inbox(), verifier()
    for body in (BODY, chunks(BODY)):
        assert await receive(one, inbox.publish, sign(BODY), body) == 204
    assert await receive(one, inbox.publish, sign(b"[]"), b"[]") == 400
    assert await receive(one, inbox.publish, sign(BODY), BODY + b" ") == 401
    assert await receive(one, inbox.publish, {}, BODY) == 401
    for large in (BODY, chunks(BODY)):
        assert await receive(one, inbox.publish, sign(BODY), large, max_body_bytes=len(BODY) - 1) == 413
    assert await receive(one, inbox.publish, sign(BODY), BODY, max_body_bytes=len(BODY)) == 204
    assert await receive(one, Inbox(OSError("down")).publish, sign(BODY), BODY) == 503
    assert len(inbox.events) == 3


async def test_a_body_beyond_the_limit_is_not_read_to_its_end() -> None:
    """What comes after the limit stays where it is."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1000

    assert await receive(verifier(), Inbox().publish, sign(b""), endless(), max_body_bytes=10_000) == 413
    assert read == 11


async def test_a_delivery_that_was_not_handed_over_may_come_again() -> None:
    """Sinch repeats it after a 503, with the same nonce perhaps; after a 204 it is refused."""
    inbox, one = Inbox(OSError("down")), verifier()
    headers = sign(BODY)
    assert [await receive(one, inbox.publish, headers, BODY) for _ in range(3)] == [503, 204, 401]
    assert len(inbox.events) == 1


async def test_a_cancelled_delivery_may_come_again() -> None:
    """A client that hangs up in the middle of handing over has not used up its nonce."""
    inbox, one = Inbox(asyncio.CancelledError()), verifier()
    headers = sign(BODY)
    with pytest.raises(asyncio.CancelledError):
        await receive(one, inbox.publish, headers, BODY)
    assert await receive(one, inbox.publish, headers, BODY) == 204


async def test_the_log_says_why_and_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A line with the reason for each refusal; no body, header, secret or token in any of them."""
    caplog.set_level(logging.DEBUG, "sinch_provisioning")
    one = verifier()
    canary = {"x-canary": "canary-header"}
    for headers, body in (
        (canary, BODY),
        (sign(BODY) | canary, BODY),
        (sign(BODY, secret="canary-other"), BODY),
        (sign(BODY, at=0) | canary, BODY),
        (sign(b"canary-body"), b"canary-body"),
    ):
        await receive(one, Inbox().publish, headers, body)
    headers = sign(BODY)
    await receive(one, Inbox(OSError("down")).publish, headers, BODY)
    await receive(one, Inbox().publish, headers, BODY)
    await receive(one, Inbox().publish, headers, BODY, max_body_bytes=1)
    await receive(one, Inbox().publish, headers, BODY)
    refusals = [record for record in caplog.records if record.levelno == logging.WARNING]
    reasons = [vars(record).get("reason") for record in refusals]
    assert reasons == ["headers", "signature", "timestamp", "body", None, "replay"]
    shown = caplog.text + repr([vars(record) for record in caplog.records])
    assert "canary" not in shown
    assert headers["x-sinch-webhook-signature"] not in shown


async def test_a_handler_runs_after_the_answer() -> None:
    """The answer does not wait for it."""
    started, go = asyncio.Event(), asyncio.Event()

    async def slow(_: WebhookEvent) -> None:
        started.set()
        await go.wait()

    background = BackgroundHandler(slow)
    assert await receive(verifier(), background.publish, sign(BODY), BODY) == 204
    await started.wait()
    go.set()
    await background.aclose()


async def test_a_handler_that_raises_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    """After 1, 2, 4 seconds, until it does not raise; each failure is in the log with its traceback."""
    clock, inbox = SetClock(), Inbox(ValueError("one"), ValueError("two"), ValueError("three"))
    background = BackgroundHandler(inbox.publish, clock=clock)
    await background.publish(event())
    for pause in (1, 2, 4):
        await settle()
        assert inbox.events == []
        clock.move(pause - 0.1)
        await settle()
        assert inbox.events == []
        clock.move(0.1)
    await settle()
    assert inbox.events == [event()]
    assert [record.exc_info is not None for record in caplog.records] == [True] * 3
    assert AUTH_TOKEN not in caplog.text


async def test_a_handler_that_never_succeeds_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Five attempts, and no task is left."""
    clock, inbox = SetClock(), Inbox(*(ValueError("no") for _ in range(9)))
    background = BackgroundHandler(inbox.publish, clock=clock)
    await background.publish(event())
    for _ in range(10):
        await settle()
        clock.move(1000)
    assert len(caplog.records) == 5
    assert len(asyncio.all_tasks()) == 1
    await background.aclose()


async def test_too_many_events_at_once_are_refused_and_so_sent_again() -> None:
    """Memory is bounded: what can't be taken is answered with 503."""
    go = asyncio.Event()

    async def slow(_: WebhookEvent) -> None:
        await go.wait()

    background = BackgroundHandler(slow, max_pending=2)
    one = verifier()
    statuses = [await receive(one, background.publish, sign(BODY), BODY) for _ in range(4)]
    assert statuses == [204, 204, 503, 503]
    with pytest.raises(ProvisioningError, match="faster"):
        await background.publish(event())
    go.set()
    await settle()
    assert await receive(one, background.publish, sign(BODY), BODY) == 204
    await background.aclose()


async def test_closing_waits_for_handlers_and_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    """Those that end in time end; the others are cancelled, and counted in the log."""
    ended: list[str | None] = []

    async def handler(event: WebhookEvent) -> None:
        await asyncio.sleep(0.01 if event.current_state == "LAUNCHED" else 60)
        ended.append(event.current_state)

    background = BackgroundHandler(handler)
    await background.publish(event())
    await background.publish(event(currentState="OTHER"))
    await background.aclose(drain=0.2)
    assert ended == ["LAUNCHED"]
    assert "1 event" in caplog.text
    assert len(asyncio.all_tasks()) == 1
    await background.aclose()


def test_a_handler_must_be_one() -> None:
    """What can't be called is refused where it is given."""
    handler: Any = "handler"
    with pytest.raises(ConfigurationError):
        BackgroundHandler(handler)
