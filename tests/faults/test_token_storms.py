"""Tokens under load, rotation and outage, counted by the server."""

from __future__ import annotations

import asyncio
import time

import pytest

from sinch_provisioning import (
    APIConnectionError,
    AuthenticationError,
    BearerToken,
    DeadlineExceededError,
    TokenError,
)

from . import faults
from .clients import FakeClock, client_on, credentials_on, own_tasks, policy, settle
from .conftest import Open
from .server import Server


async def test_hundred_first_calls_fetch_one_token(server: Server, open_client: Open) -> None:
    """Single flight: all first calls together cause one token request."""
    sinch = open_client()
    await asyncio.gather(*(sinch.rcs.list() for _ in range(100)))
    assert server.count("token") == 1
    assert server.count("GET rcs") == 100


async def test_hundred_refused_calls_renew_once(server: Server, open_client: Open) -> None:
    """A rotated key storms nobody: a hundred calls with one refused token cause exactly one renewal."""
    sinch = open_client()
    await sinch.rcs.list()
    server.rotate()
    await asyncio.gather(*(sinch.rcs.list() for _ in range(100)))
    assert server.count("token") == 2
    assert server.count("GET rcs") <= 201


async def test_token_refused_for_ever_is_an_authentication_error(server: Server, open_client: Open) -> None:
    """Each call renews once and then gives up."""
    server.always("GET rcs", faults.status(401))
    sinch = open_client()
    outcomes = await asyncio.gather(*(sinch.rcs.list() for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {AuthenticationError}
    assert server.count("GET rcs") == 40


async def test_bearer_token_that_is_refused_is_final(server: Server, open_client: Open) -> None:
    """A token from elsewhere can't be renewed, so it is sent once."""
    with pytest.raises(AuthenticationError):
        await open_client(credentials=BearerToken("from-elsewhere")).rcs.list()
    assert server.count("GET rcs") == 1
    assert server.count("token") == 0


async def test_invalid_client_fails_all_who_wait_with_one_request(server: Server, open_client: Open) -> None:
    """A wrong key is asked about once, and each caller gets an error of its own."""
    server.always("token", faults.status(401, {"error": "invalid_client"}))
    sinch = open_client()
    outcomes = await asyncio.gather(*(sinch.rcs.list() for _ in range(30)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {TokenError}
    assert len({id(outcome) for outcome in outcomes}) == 30
    assert server.count("token") == 1
    assert server.count("GET rcs") == 0


@pytest.mark.parametrize("fault", [faults.status(429), faults.status(503), faults.drop, faults.truncate])
async def test_token_endpoint_hiccup_is_retried(
    server: Server, open_client: Open, fault: faults.Fault
) -> None:
    """429, 5xx and lost replies of the token endpoint cost a pause and no call."""
    server.arm("token", fault)
    await open_client().rcs.list()
    assert server.count("token") == 2


async def test_cancelled_caller_fails_nobody(server: Server, open_client: Open) -> None:
    """Of two callers that wait for a token, one gives up: the other gets it, and it is fetched once."""
    server.arm("token", faults.delay(0.1))
    sinch = open_client()
    impatient, patient = (asyncio.ensure_future(sinch.rcs.list()) for _ in range(2))
    await settle(lambda: server.count("token") == 1)
    impatient.cancel()
    assert await patient == []
    assert impatient.cancelled()
    assert server.count("token") == 1


async def test_endpoint_slower_than_every_caller_serves_the_next_wave(
    server: Server, open_client: Open
) -> None:
    """When all callers' deadlines pass, the token that comes later is kept for the next ones."""
    server.arm("token", faults.delay(0.3))
    sinch = open_client()
    hasty = sinch.with_options(retry=policy(deadline=0.05))
    outcomes = await asyncio.gather(*(hasty.rcs.list() for _ in range(10)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DeadlineExceededError}
    await settle(lambda: sinch._project.pipeline.authorization.ready() is not None)
    await hasty.rcs.list()
    assert server.count("token") == 1


async def test_deadline_while_waiting_for_a_token_is_no_unknown_outcome(
    server: Server, open_client: Open
) -> None:
    """A create that never had a token was not sent."""
    server.always("token", faults.hang)
    with pytest.raises(DeadlineExceededError) as caught:
        await open_client(retry=policy(deadline=0.1)).rcs.create(display_name="New")
    assert caught.value.attempts == ()
    assert server.count("POST rcs") == 0


async def test_deadline_while_waiting_for_a_place(server: Server, open_client: Open) -> None:
    """The time spent in the queue is the call's own time, for a create as for a read."""
    server.arm("GET rcs", faults.hang)
    sinch = open_client(max_connections=1)
    await sinch.rcs.create(display_name="One")
    holder = asyncio.ensure_future(sinch.rcs.list())
    await settle(lambda: server.count("GET rcs") == 1)
    hasty = sinch.with_options(retry=policy(deadline=0.1))
    outcomes = await asyncio.gather(
        hasty.rcs.create(display_name="Two"), hasty.rcs.list(), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {DeadlineExceededError}
    assert server.count("POST rcs") == 1
    holder.cancel()


async def test_deadline_while_pausing_is_never_slept_past(server: Server, open_client: Open) -> None:
    """The time that pauses take counts; the last failure is raised when the next pause does not fit."""
    clock = FakeClock()
    server.always("GET rcs", faults.status(503, None, Retry_After="4"))
    started = clock.now
    with pytest.raises(Exception, match="503") as caught:
        await open_client(clock=clock, retry=policy(max_attempts=99, deadline=10.0)).rcs.list()
    assert clock.sleeps == [4.0, 4.0]
    assert clock.now - started < 10.0
    assert len(getattr(caught.value, "attempts", ())) == 3


async def test_renewal_holds_up_no_call(server: Server, open_client: Open) -> None:
    """While the old token lives, calls go on with it, however slow the renewal is."""
    clock = FakeClock()
    sinch = open_client(clock=clock)
    await sinch.rcs.list()
    server.arm("token", faults.delay(0.3))
    clock.now += 3590
    started = time.monotonic()
    await asyncio.gather(*(sinch.rcs.list() for _ in range(10)))
    assert time.monotonic() - started < 0.3
    await settle(lambda: len(server.issued) == 2)
    await asyncio.sleep(0.02)
    await sinch.rcs.list()
    assert {seen.token for seen in server.seen if seen.key == "GET rcs"} == set(server.issued)


async def test_failed_renewal_is_invisible(server: Server, open_client: Open) -> None:
    """An outage of the token endpoint is no outage of the API while a token lives."""
    clock = FakeClock()
    sinch = open_client(clock=clock)
    await sinch.rcs.list()
    server.always("token", faults.status(400))
    clock.now += 3595
    for _ in range(5):
        await sinch.rcs.list()
        await asyncio.sleep(0.01)
    assert server.count("token") == 2


@pytest.mark.parametrize(
    ("expires_in", "tokens"),
    [(..., 1), ("3600", 1), (1e12, 1), (0, 2), (-5, 2), (True, 2), ("soon", 2)],
)
async def test_odd_expires_in(server: Server, open_client: Open, expires_in: object, tokens: int) -> None:
    """A life that is none serves the calls that waited and is not kept; an absent one is an hour."""
    server.expires_in = expires_in
    sinch = open_client()
    await asyncio.gather(sinch.rcs.list(), sinch.rcs.list())
    await sinch.rcs.list()
    assert server.count("token") == tokens


async def test_one_token_for_all_views_of_a_key(server: Server, open_client: Open) -> None:
    """`for_project` and `with_options` share the token; another key, or another secret, has its own."""
    sinch = open_client()
    await asyncio.gather(*(sinch.for_project(f"p{number}").rcs.list() for number in range(5)))
    await sinch.with_options(timeout=1).rcs.list()
    await sinch.for_project("p9", credentials_on(server)).rcs.list()
    assert server.count("token") == 1
    await sinch.for_project("p1", credentials_on(server, "other-key")).rcs.list()
    await sinch.for_project("p1", credentials_on(server, key_secret="rotated-secret")).rcs.list()
    assert server.count("token") == 3


async def test_token_endpoint_outage_multiplies_nothing(server: Server, open_client: Open) -> None:
    """A thousand calls against a dead token endpoint cause no more than 1.2 times as many requests."""
    server.always("token", faults.status(503))
    sinch = open_client()
    for _ in range(300):
        with pytest.raises(TokenError):
            await sinch.rcs.list()
    assert server.count("token") <= 400
    await asyncio.gather(*(sinch.rcs.list() for _ in range(700)), return_exceptions=True)
    assert server.count("token") <= 401
    assert server.count("GET rcs") == 0


async def test_fetch_left_alone_is_no_task_in_the_end(server: Server, transport: str) -> None:
    """A fetch that nobody waits for ends with the client."""
    before = asyncio.all_tasks()
    server.always("token", faults.hang)
    async with client_on(server, transport=transport) as sinch:
        call = asyncio.ensure_future(sinch.rcs.list())
        await settle(lambda: server.count("token") == 1)
        call.cancel()
    assert own_tasks(before) == set()


async def test_token_endpoint_out_of_reach_is_a_connection_error(server: Server, open_client: Open) -> None:
    """Nobody listening at the token URL is no refusal of the key."""
    async with Server() as gone:
        credentials = credentials_on(gone)
    with pytest.raises(APIConnectionError):
        await open_client(credentials=credentials).rcs.list()
    assert server.connections == 0
