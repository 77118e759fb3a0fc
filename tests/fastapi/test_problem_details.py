"""What each error becomes: a status that says whose fault it is, and nothing of the upstream unless asked."""

from __future__ import annotations

import pytest

from sinch_provisioning import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DeadlineExceededError,
    FailedDependencyError,
    LaunchNotReadyError,
    LaunchRejectedError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PreconditionFailedError,
    ProvisioningError,
    RateLimitError,
    ResponseDecodeError,
    RetryPolicy,
    SenderMismatchError,
    ServerError,
    TokenError,
    WaitTimeoutError,
    WebhookSignatureError,
)
from sinch_provisioning.fastapi.problem_details import problem_of
from sinch_provisioning_api.models import RcsSender
from sinch_provisioning_emulator import Emulator

from ..conftest import client_on
from .apps import in_process, opener, small_app

CASES: list[tuple[ProvisioningError, int]] = [
    (RateLimitError("x", status_code=429, retry_after=1.2), 429),
    (BadRequestError("x", status_code=400), 400),
    (AuthenticationError("x", status_code=401), 502),
    (PermissionDeniedError("x", status_code=403), 403),
    (NotFoundError("x", status_code=404), 404),
    (ConflictError("x", status_code=409), 409),
    (FailedDependencyError("x", status_code=424), 409),
    (PreconditionFailedError("x", status_code=412), 412),
    (LaunchNotReadyError("x", status_code=412), 412),
    (ServerError("x", status_code=500), 502),
    (ServerError("x", status_code=503, retry_after=7), 503),
    (APIStatusError("x", status_code=418), 502),
    (TokenError("x", status_code=401), 502),
    (TokenError("x", status_code=429, retry_after=3), 503),
    (TokenError("x"), 502),
    (TokenError("x", status_code=503, error_code="invalid_client"), 502),
    (TokenError("x", status_code=408), 503),
    (APIStatusError("x", status_code=408), 503),
    (APIConnectionError("x"), 503),
    (WebhookSignatureError("x", reason="headers"), 401),
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
    assert problem["retryable"] is error.retryable
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


def test_unknown_kinds_of_errors_have_the_words_of_the_nearest() -> None:
    """A subclass that somebody derives is described as what it is derived from."""

    class OwnError(RateLimitError):
        """Of somebody's own."""

    assert problem_of(OwnError("x", status_code=429)).status == 429
