"""The token endpoint's exchange, on a real socket: what is asked, and what each answer means."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sinch_provisioning import (
    APIConnectionError,
    APITimeoutError,
    ProvisioningError,
    RetryPolicy,
    TokenError,
    __version__,
)
from sinch_provisioning._client.session import make_transport
from sinch_provisioning._http.transport import AttemptTimeout, Transport
from sinch_provisioning._retries.call import Limits
from sinch_provisioning._retries.observers import Observers
from sinch_provisioning._retries.retry_loop import Attempts
from sinch_provisioning._retries.retry_policy import RetryQuota
from sinch_provisioning._tokens.token_endpoint import Grant, GrantFailure, TokenEndpoint
from sinch_provisioning._tokens.token_source import FixedAuth

from .faults import faults
from .faults.clients import KEY_SECRET, FakeClock, credentials_on
from .faults.faults import Fault
from .faults.server import Server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Serve tokens until the test's end."""
    async with Server() as running:
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Open the default transport."""
    transport = make_transport("httpx", None, None)
    yield transport
    await transport.aclose()


def endpoint_on(
    server: Server, transport: Transport, clock: FakeClock | None = None, **options: Any
) -> TokenEndpoint:
    """Make the token endpoint of a key on the server."""
    clock = FakeClock() if clock is None else clock
    attempts = Attempts(transport, clock=clock, random=lambda: 1.0, observers=Observers(), quota=RetryQuota())
    timeout = options.pop("timeout", 5.0)
    limits = Limits(RetryPolicy(**options), AttemptTimeout.of(timeout), 64 * 2**10)
    credentials = credentials_on(server)
    url = httpx.URL(str(credentials.token_url))
    return TokenEndpoint(
        credentials.key_id, url, authorization=FixedAuth(credentials), attempts=attempts, limits=limits
    )


async def error_of(endpoint: TokenEndpoint) -> ProvisioningError:
    """Fetch, and make of the failure the error that a call would raise."""
    failure = await endpoint.fetch()
    assert isinstance(failure, GrantFailure)
    error = failure.error("getRcsSender")
    assert error.operation_id == "getRcsSender"
    assert str(error).startswith("getRcsSender: no token, ")
    assert KEY_SECRET not in str(error)
    return error


async def test_request_is_what_oauth_asks_for(server: Server, transport: Transport) -> None:
    """One form, the key as Basic authentication, and nothing else of the client."""
    endpoint = endpoint_on(server, transport)
    grant = await endpoint.fetch()
    assert isinstance(grant, Grant)
    assert (grant.access_token.reveal(), grant.lifetime, grant.shared) == (server.issued[0], 3600.0, False)
    (seen,) = server.seen
    basic = base64.b64encode(f"key-id:{KEY_SECRET}".encode()).decode()
    assert (seen.method, seen.target, seen.body) == (
        "POST",
        "/oauth2/token",
        b"grant_type=client_credentials",
    )
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": "29",
        "authorization": f"Basic {basic}",
        "user-agent": f"sinch-provisioning-python/{__version__}",
    }
    assert endpoint.secrets == (KEY_SECRET, basic)
    assert endpoint.key_id == "key-id"


async def test_refusal_is_final_and_says_what_to_check(server: Server, transport: Transport) -> None:
    """A wrong key is one request, and its error carries the endpoint's own words."""
    body = {"error": "invalid_client", "error_description": "unknown key"}
    server.always("token", faults.status(401, body))
    error = await error_of(endpoint_on(server, transport))
    assert isinstance(error, TokenError)
    assert str(error) == (
        "getRcsSender: no token, the token endpoint refused with 401 invalid_client: unknown key "
        "- check the key id, the key secret and the token URL"
    )
    assert (error.status_code, error.error_code, error.retry_after) == (401, "invalid_client", None)
    assert error.body == b'{"error": "invalid_client", "error_description": "unknown key"}'
    assert [(attempt.status, attempt.cause) for attempt in error.attempts] == [(401, None)]
    assert server.count("token") == 1


@pytest.mark.parametrize("code", [400, 403, 404, 302])
async def test_other_refusals_are_final(server: Server, transport: Transport, code: int) -> None:
    """No redirect is followed and no refusal repeated."""
    server.always("token", faults.status(code, None, Location=f"{server.url}/oauth2/token"))
    error = await error_of(endpoint_on(server, transport))
    assert isinstance(error, TokenError)
    assert str(error) == (
        f"getRcsSender: no token, the token endpoint refused with {code} "
        "- check the key id, the key secret and the token URL"
    )
    assert server.count("token") == 1


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_overloaded_endpoint_is_asked_again(server: Server, transport: Transport, code: int) -> None:
    """429 and 5xx are retried; an error in the end carries the time that the endpoint named."""
    server.arm("token", faults.status(code))
    endpoint = endpoint_on(server, transport)
    assert isinstance(await endpoint.fetch(), Grant)
    server.always("token", faults.status(code, b"busy", Retry_After="7"))
    error = await error_of(endpoint)
    assert isinstance(error, TokenError)
    assert str(error) == (
        f"getRcsSender: no token, the token endpoint refused with {code}: busy - try again later"
    )
    assert (error.status_code, error.retry_after) == (code, 7.0)
    assert [attempt.status for attempt in error.attempts] == [code] * 4
    assert server.count("token") == 6


async def test_invalid_client_is_final_even_with_a_server_error(server: Server, transport: Transport) -> None:
    """An endpoint that says invalid_client with a 500 means it as well."""
    server.always("token", faults.status(500, {"error": "invalid_client"}))
    assert isinstance(await error_of(endpoint_on(server, transport)), TokenError)
    assert server.count("token") == 1


@pytest.mark.parametrize("fault", [faults.drop, faults.commit_then_drop, faults.truncate, faults.cut_chunked])
async def test_lost_reply_is_asked_for_again(server: Server, transport: Transport, fault: Fault) -> None:
    """Several tokens may live at once, so a token request is harmless to repeat."""
    server.arm("token", fault)
    assert isinstance(await endpoint_on(server, transport).fetch(), Grant)
    assert server.count("token") == 2


async def test_endpoint_out_of_reach_is_a_connection_error(transport: Transport) -> None:
    """Nobody listening is no refusal."""
    async with Server() as server:
        endpoint = endpoint_on(server, transport)
    error = await error_of(endpoint)
    assert type(error) is APIConnectionError
    assert "could not be reached (ConnectError: " in str(error)
    assert [attempt.cause for attempt in error.attempts] == ["ConnectError"] * 4


async def test_lost_replies_to_the_end_are_a_connection_error(server: Server, transport: Transport) -> None:
    """The name of the failure is said, and no more where there is no more to say."""
    server.always("token", faults.drop)
    error = await error_of(endpoint_on(server, transport))
    assert type(error) is APIConnectionError
    assert str(error) == (
        "getRcsSender: no token, the token endpoint could not be reached "
        "(RemoteProtocolError: the server closed the connection before its reply was complete)"
    )


async def test_slow_endpoint_is_a_timeout(server: Server, transport: Transport) -> None:
    """Attempts that end without an answer, and a deadline that ends them, are both called a time-out."""
    server.always("token", faults.hang)
    error = await error_of(endpoint_on(server, transport, timeout=0.05, max_attempts=2))
    assert type(error) is APITimeoutError
    assert "the token endpoint did not answer in time (" in str(error)
    assert len(error.attempts) == 2
    error = await error_of(endpoint_on(server, transport, deadline=0.1))
    assert type(error) is APITimeoutError
    assert (
        str(error) == "getRcsSender: no token, the token endpoint did not answer in time (DeadlineExceeded)"
    )
    assert [(attempt.status, attempt.cause, attempt.waited) for attempt in error.attempts] == [
        (None, "DeadlineExceeded", 0.0)
    ]


async def test_pause_past_the_deadline_is_not_begun(server: Server, transport: Transport) -> None:
    """The deadline bounds the fetch's pauses as it does those of a call."""
    clock = FakeClock()
    server.always("token", faults.status(503, None, Retry_After="30"))
    error = await error_of(endpoint_on(server, transport, clock, deadline=50.0))
    assert isinstance(error, TokenError)
    assert clock.sleeps == [30.0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "the token endpoint's reply is not JSON"),
        ({"token": "x"}, "the token endpoint's reply has no usable access_token"),
        (b'{"access_token": "' + b"x" * 70_000 + b'"}', "because the reply is larger than 65536 bytes"),
    ],
)
async def test_rubbish_with_200_is_a_token_error(
    server: Server, transport: Transport, body: object, said: str
) -> None:
    """An answer that is no token, or larger than 64 KiB, is a TokenError with what came."""
    server.always("token", faults.status(200, body))
    error = await error_of(endpoint_on(server, transport))
    assert isinstance(error, TokenError)
    assert str(error) == f"getRcsSender: no token, {said}"
    assert error.status_code == 200
    assert error.body
    assert len(error.body) <= 65_536
    assert [(attempt.status, attempt.cause, attempt.waited) for attempt in error.attempts] == [
        (200, None, 0.0)
    ]
    assert server.count("token") == 1


async def test_endpoint_that_repeats_the_secret_is_not_repeated(server: Server, transport: Transport) -> None:
    """An echo of the key secret, plain or as it was sent, is masked in the message."""
    basic = base64.b64encode(f"key-id:{KEY_SECRET}".encode()).decode()
    server.always("token", faults.status(400, {"error": "x", "error_description": f"{KEY_SECRET} {basic}"}))
    error = await error_of(endpoint_on(server, transport))
    assert "x: *** *** - check" in str(error)
