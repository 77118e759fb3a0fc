"""The contract's table of retries, cell by cell, counted by the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sinch_provisioning import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
    OutcomeUnknownError,
    ProvisioningClient,
    RateLimitError,
    ServerError,
)

from . import faults
from .clients import FakeClock, client_on, policy
from .conftest import Open
from .faults import Fault
from .server import Server

Call = Callable[[ProvisioningClient], Awaitable[object]]

REPEATABLE: dict[str, Call] = {
    "GET rcs": lambda sinch: sinch.rcs.list(),
    "GET rcs/{id}": lambda sinch: sinch.rcs.get("s1"),
    "PATCH rcs/{id}": lambda sinch: sinch.rcs.update("s1", description="New"),
    "DELETE rcs/{id}": lambda sinch: sinch.rcs.delete("s1"),
}
ONCE: dict[str, Call] = {
    "POST rcs": lambda sinch: sinch.rcs.create(display_name="New"),
    "POST rcs/{id}/launch": lambda sinch: sinch.rcs.launch("s1"),
}
ALL = REPEATABLE | ONCE

# httpx and aiohttp see the same failures under different names; what counts is what the server saw.
LOST: dict[str, Fault] = {
    "dropped": faults.drop,
    "committed_then_dropped": faults.commit_then_drop,
    "committed_then_reset": faults.commit_then_reset,
    "cut_body": faults.truncate,
    "cut_chunked": faults.cut_chunked,
    "garbage": faults.raw(b"\x00\x01 no HTTP\r\n\r\n"),
    "read_timeout": faults.commit_then_hang,
    "timeout_after_head": faults.head_only,
    "timeout_in_head": faults.half_head,
}


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("accept", ["close", "reset"])
async def test_connection_lost_before_the_request_was_read(
    server: Server, open_client: Open, key: str, accept: str
) -> None:
    """A connection that ends unread may have carried the request: read again, never written again."""
    server.add("Acme")
    sinch = open_client()
    await sinch.rcs.list()
    before = server.count(key)
    # The kept connection is closed by the server first, so that the call opens one of its own.
    server.arm("GET rcs", faults.close_after)
    await sinch.rcs.list()
    before = server.count(key)
    server.on_accept.append(accept)
    if key in REPEATABLE:
        await ALL[key](sinch)
        assert server.count(key) == before + 1
    else:
        with pytest.raises((OutcomeUnknownError,)):
            await ALL[key](sinch)
        assert server.count(key) == before


@pytest.mark.parametrize("key", ALL)
async def test_connect_error_is_retried(server: Server, transport: str, key: str) -> None:
    """Nobody listens: nothing was processed for sure, so each call tries `max_attempts` times."""
    clock = FakeClock()
    async with Server() as gone:
        closed_port = gone.url
    async with client_on(server, base_url=closed_port, transport=transport, clock=clock) as sinch:
        with pytest.raises(APIConnectionError) as caught:
            await ALL[key](sinch)
    assert type(caught.value) is APIConnectionError
    assert [attempt.status for attempt in caught.value.attempts] == [None] * 4
    assert {attempt.cause for attempt in caught.value.attempts} == {"ConnectError"}
    assert len(clock.sleeps) == 3


@pytest.mark.parametrize("key", ALL)
async def test_429_is_retried(server: Server, open_client: Open, key: str) -> None:
    """429 means not processed, whatever the operation."""
    server.add("Acme")
    server.arm(key, faults.status(429), faults.status(429, None, Retry_After="7"))
    clock = FakeClock()
    await ALL[key](open_client(clock=clock))
    assert server.count(key) == 3
    assert clock.sleeps[1] == 7.0


@pytest.mark.parametrize(
    ("key", "fault"),
    # A 204 ends with its head, so there is nothing to wait for after it.
    [
        (key, fault)
        for key in REPEATABLE
        for fault in LOST
        if (key[:3], fault) != ("DEL", "timeout_after_head")
    ],
)
async def test_lost_reply_is_retried_where_repeating_is_harmless(
    server: Server, open_client: Open, key: str, fault: str
) -> None:
    """List, get, update and delete are sent again after a lost reply, and the call succeeds."""
    server.add("Acme")
    server.arm(key, LOST[fault])
    await ALL[key](open_client(timeout=0.15 if "timeout" in fault else 5.0))
    assert server.count(key) == 2


@pytest.mark.parametrize("key", ONCE)
@pytest.mark.parametrize("fault", LOST)
async def test_lost_reply_of_a_create_or_launch_is_outcome_unknown(
    server: Server, open_client: Open, key: str, fault: str
) -> None:
    """After any ambiguous failure of a create or launch the server has seen one request."""
    server.add("Acme")
    server.arm(key, LOST[fault])
    with pytest.raises(OutcomeUnknownError) as caught:
        await ALL[key](open_client(timeout=0.15 if "timeout" in fault else 5.0))
    assert server.count(key) == 1
    assert len(caught.value.attempts) == 1
    assert caught.value.attempts[0].status is None
    assert caught.value.operation_id in ("createRcsSender", "launchRcsSender")


@pytest.mark.parametrize("key", REPEATABLE)
@pytest.mark.parametrize("code", [408, 500, 502, 503, 504, 520])
async def test_server_errors_are_retried_where_repeating_is_harmless(
    server: Server, open_client: Open, key: str, code: int
) -> None:
    """408 and 5xx, 520 included, are sent again."""
    server.add("Acme")
    server.arm(key, faults.status(code))
    await ALL[key](open_client())
    assert server.count(key) == 2


@pytest.mark.parametrize("key", ONCE)
@pytest.mark.parametrize("code", [408, 500, 502, 503, 504, 520])
async def test_server_errors_of_a_create_or_launch_are_raised_at_once(
    server: Server, open_client: Open, key: str, code: int
) -> None:
    """A create or launch is not repeated on a status that may hide its success."""
    server.add("Acme")
    server.arm(key, faults.status(code))
    with pytest.raises(APIStatusError) as caught:
        await ALL[key](open_client())
    assert caught.value.status_code == code
    assert isinstance(caught.value, ServerError) == (code >= 500)
    assert server.count(key) == 1


@pytest.mark.parametrize("key", ONCE)
async def test_503_with_retry_after_is_retried_on_create_and_launch(
    server: Server, open_client: Open, key: str
) -> None:
    """A server that names the time to come back has not done the work."""
    server.add("Acme")
    clock = FakeClock()
    server.arm(key, faults.status(503, None, Retry_After="3"))
    await ALL[key](open_client(clock=clock))
    assert server.count(key) == 2
    assert clock.sleeps == [3.0]


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon", "", "1e400", "Mon, 01 Jan 2001 00:00:00 GMT"])
async def test_503_on_create_with_an_unusable_retry_after_counts_as_without(
    server: Server, open_client: Open, value: str
) -> None:
    """A Retry-After that is no time to come does not make a create repeatable."""
    server.arm("POST rcs", faults.status(503, None, Retry_After=value))
    with pytest.raises(ServerError) as caught:
        await open_client().rcs.create(display_name="New")
    assert caught.value.retry_after is None
    assert server.count("POST rcs") == 1


@pytest.mark.parametrize("key", ALL)
async def test_retry_after_beyond_the_limit_is_raised_at_once(
    server: Server, open_client: Open, key: str
) -> None:
    """Above `max_retry_after` the caller gets the value instead of a long silence."""
    server.add("Acme")
    clock = FakeClock()
    server.always(key, faults.status(429, None, Retry_After="61"))
    with pytest.raises(RateLimitError) as caught:
        await ALL[key](open_client(clock=clock))
    assert caught.value.retry_after == 61.0
    assert server.count(key) == 1
    assert clock.sleeps == []


@pytest.mark.parametrize("key", ALL)
async def test_retry_after_past_the_deadline_is_raised_at_once(
    server: Server, open_client: Open, key: str
) -> None:
    """A pause that the deadline does not leave is not begun."""
    server.add("Acme")
    clock = FakeClock()
    server.always(key, faults.status(503, None, Retry_After="20"))
    with pytest.raises(ServerError) as caught:
        await ALL[key](open_client(clock=clock, retry=policy(deadline=15.0)))
    assert caught.value.retry_after == 20.0
    assert server.count(key) == 1
    assert clock.sleeps == []


@pytest.mark.parametrize("key", ALL)
async def test_401_renews_the_token_once_and_sends_once_more(
    server: Server, open_client: Open, key: str
) -> None:
    """A token refused early is replaced without the caller's noticing; refused again, the error is raised."""
    server.add("Acme")
    sinch = open_client()
    await sinch.rcs.list()
    server.rotate()
    before = server.count(key)
    await ALL[key](sinch)
    assert server.count(key) == before + 2
    assert server.count("token") == 2
    server.always(key, faults.status(401))
    with pytest.raises(AuthenticationError) as caught:
        await ALL[key](sinch)
    assert server.count(key) == before + 4
    assert server.count("token") == 3
    assert [attempt.status for attempt in caught.value.attempts] == [401, 401]


async def test_delete_that_succeeded_without_a_reply_is_a_success(server: Server, open_client: Open) -> None:
    """A 404 on a delete that is repeated after a lost reply says that it was done."""
    server.add("Acme")
    server.arm("DELETE rcs/{id}", faults.commit_then_drop)
    await open_client().rcs.delete("s1")
    assert server.senders == {}
    assert server.count("DELETE rcs/{id}") == 2


async def test_first_404_of_a_delete_is_not_found(server: Server, open_client: Open) -> None:
    """What was not there is an error, also when a 429 or a refused token came before the 404."""
    sinch = open_client()
    with pytest.raises(NotFoundError):
        await sinch.rcs.delete("s1")
    server.arm("DELETE rcs/{id}", faults.status(429))
    with pytest.raises(NotFoundError):
        await sinch.rcs.delete("s1")
    server.rotate()
    with pytest.raises(NotFoundError):
        await sinch.rcs.delete("s1")


@pytest.mark.parametrize("key", ALL)
async def test_day_long_rate_limit_is_raised_at_once(server: Server, open_client: Open, key: str) -> None:
    """`rbm_too_many_requests` asks for a day, which no pause of a call is."""
    server.add("Acme")
    server.always(key, faults.status(429, {"errorCode": "rbm_too_many_requests"}, Retry_After="1"))
    with pytest.raises(RateLimitError) as caught:
        await ALL[key](open_client())
    assert caught.value.error_code == "rbm_too_many_requests"
    assert server.count(key) == 1


async def test_max_attempts_bounds_the_requests(server: Server, open_client: Open) -> None:
    """The last failure is raised after `max_attempts` requests, each of them on record."""
    server.always("GET rcs", faults.status(500))
    with pytest.raises(ServerError) as caught:
        await open_client(retry=policy(max_attempts=3)).rcs.list()
    assert server.count("GET rcs") == 3
    assert [attempt.status for attempt in caught.value.attempts] == [500, 500, 500]
    assert caught.value.attempts[-1].waited == 0.0


async def test_timeout_of_every_attempt_is_an_api_timeout(server: Server, open_client: Open) -> None:
    """A server that never answers a read is named as slow, not as unreachable."""
    server.always("GET rcs", faults.hang)
    with pytest.raises(APITimeoutError):
        await open_client(timeout=0.05, retry=policy(max_attempts=2)).rcs.list()
    assert server.count("GET rcs") == 2


async def test_retry_after_date_is_read_against_the_replys_own_date(
    server: Server, open_client: Open
) -> None:
    """A server whose clock is years away from ours asks for the seconds between its two dates."""
    dates = {"Retry_After": "Wed, 01 Jan 2020 00:00:07 GMT", "Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    server.arm("POST rcs", faults.status(503, None, **dates))
    clock = FakeClock()
    await open_client(clock=clock).rcs.create(display_name="New")
    assert clock.sleeps == [7.0]
