"""Tokens: single flight, renewal, discarding, odd lifetimes; the endpoint is a part that answers when told to."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from attrs import define, field

from sinch_provisioning import APIConnectionError, BasicCredentials, BearerToken, TokenError
from sinch_provisioning._http.outcome import Failure
from sinch_provisioning._retries.authorization import Token
from sinch_provisioning._retries.observers import Observers
from sinch_provisioning._tokens.token_endpoint import Grant, GrantFailure, lifetime_of, read_grant
from sinch_provisioning._tokens.token_source import FixedAuth, TokenSource
from sinch_provisioning.credentials import Secret
from sinch_provisioning.events import TokenEvent

from .faults.clients import FakeClock

CALLER: ContextVar[str | None] = ContextVar("caller", default=None)
GONE = GrantFailure(Failure("ConnectError", maybe_processed=False), "the token endpoint could not be reached")


@define
class Endpoint:
    """Grants tokens t1, t2, ... of a given life, or what `outcomes` holds, as soon as `gate` is open."""

    clock: FakeClock
    lifetime: float = 3600.0
    key_id: str = "key-id"
    secrets: tuple[str, ...] = ("key-secret",)
    asked: int = 0
    took: float = 0.0
    outcomes: list[GrantFailure] = field(factory=list[GrantFailure])
    gate: asyncio.Event = field(factory=asyncio.Event)
    heard: list[str | None] = field(factory=list[str | None])

    async def fetch(self) -> Grant | GrantFailure:
        """Answer, `took` seconds later."""
        self.asked += 1
        self.heard.append(CALLER.get())
        number = self.asked
        await self.gate.wait()
        self.clock.now += self.took
        return self.outcomes.pop(0) if self.outcomes else Grant(Secret(f"t{number}"), self.lifetime)


def source_of(
    endpoint: Endpoint,
    *,
    random: Callable[[], float] = lambda: 0.0,
    on_token: Callable[[TokenEvent], None] | None = None,
) -> TokenSource:
    """Make a source on an endpoint whose gate is open."""
    endpoint.gate.set()
    part: Any = endpoint
    return TokenSource(part, clock=endpoint.clock, random=random, observers=Observers(on_token=on_token))


@pytest.fixture
def endpoint() -> Endpoint:
    """Make an endpoint on a clock of its own."""
    return Endpoint(FakeClock())


async def settled() -> None:
    """Let the tasks that are ready do their work."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_first_token_is_fetched_once_for_all(endpoint: Endpoint) -> None:
    """A hundred callers without a token wait for one request."""
    source = source_of(endpoint)
    assert source.ready() is None
    tokens = await asyncio.gather(*(source.obtain("op") for _ in range(100)))
    assert endpoint.asked == 1
    assert {id(token) for token in tokens} == {id(source.ready())}
    assert tokens[0].header == b"Bearer t1"
    assert source.secrets == ("key-secret", "t1")


async def test_caller_that_gives_up_neither_fails_the_others_nor_the_fetch(endpoint: Endpoint) -> None:
    """The fetch is nobody's: cancelled callers leave it to those who wait, and to those who come."""
    source = source_of(endpoint)
    endpoint.gate.clear()
    first, second = (asyncio.ensure_future(source.obtain("op")) for _ in range(2))
    await settled()
    first.cancel()
    await settled()
    assert first.cancelled()
    endpoint.gate.set()
    assert (await second).header == b"Bearer t1"
    assert endpoint.asked == 1


async def test_fetch_slower_than_every_caller_serves_the_next_wave(endpoint: Endpoint) -> None:
    """When all have given up, the token is kept for those who come later."""
    source = source_of(endpoint)
    endpoint.gate.clear()
    wave = [asyncio.ensure_future(source.obtain("op")) for _ in range(5)]
    await settled()
    for call in wave:
        call.cancel()
    await settled()
    endpoint.gate.set()
    await settled()
    ready = source.ready()
    assert ready is not None
    assert ready.header == b"Bearer t1"
    assert endpoint.asked == 1


async def test_failure_is_raised_to_each_waiter_as_its_own(endpoint: Endpoint) -> None:
    """Every caller gets an error that names its operation, none shared, and the next call asks again."""
    source = source_of(endpoint)
    endpoint.outcomes.append(GONE)
    errors = await asyncio.gather(source.obtain("getA"), source.obtain("getB"), return_exceptions=True)
    assert [type(error) for error in errors] == [APIConnectionError] * 2
    assert [getattr(error, "operation_id", None) for error in errors] == ["getA", "getB"]
    assert errors[0] is not errors[1]
    assert source.ready() is None
    assert source.secrets == ("key-secret",)
    assert (await source.obtain("op")).header == b"Bearer t2"
    assert endpoint.asked == 2


@pytest.mark.parametrize(
    ("lifetime", "margin"), [(3600.0, 300.0), (1200.0, 300.0), (400.0, 100.0), (20.0, 5.0)]
)
async def test_token_is_renewed_early_in_the_background(
    endpoint: Endpoint, lifetime: float, margin: float
) -> None:
    """`min(300 s, a quarter of its life)` before the end: the old token serves until the new one is there."""
    endpoint.lifetime = lifetime
    source = source_of(endpoint)
    first = await source.obtain("op")
    assert (first.expires_at, first.lifetime) == (1_000.0 + lifetime, lifetime)
    endpoint.clock.now = 1_000.0 + lifetime - margin - 0.01
    assert source.ready() is first
    await settled()
    assert endpoint.asked == 1
    endpoint.gate.clear()
    endpoint.clock.now = 1_000.0 + lifetime - margin
    assert [source.ready() for _ in range(10)] == [first] * 10
    await settled()
    assert endpoint.asked == 2
    endpoint.gate.set()
    await settled()
    second = source.ready()
    assert second is not None
    assert second.header == b"Bearer t2"
    assert second.expires_at == 1_000.0 + 2 * lifetime - margin


async def test_jitter_renews_later_and_never_after_the_end(endpoint: Endpoint) -> None:
    """A fleet that started together does not renew together: up to a tenth of the margin later."""
    source = source_of(endpoint, random=lambda: 1.0)
    first = await source.obtain("op")
    assert first.renew_at == pytest.approx(1_000.0 + 3600 - 270)
    assert source_of(endpoint, random=lambda: 0.5) is not source
    endpoint.clock.now = 1_000.0 + 3600 - 280
    assert source.ready() is first
    await settled()
    assert endpoint.asked == 1


async def test_expired_token_is_not_used(endpoint: Endpoint) -> None:
    """At its end a token is gone, and callers wait for the next."""
    endpoint.lifetime = 100.0
    source = source_of(endpoint)
    await source.obtain("op")
    endpoint.clock.now = 1_099.9
    endpoint.gate.clear()
    assert source.ready() is not None
    endpoint.clock.now = 1_100.0
    assert source.ready() is None
    endpoint.gate.set()
    assert (await source.obtain("op")).header == b"Bearer t2"
    assert endpoint.asked == 2


async def test_life_counts_from_before_the_request(endpoint: Endpoint) -> None:
    """The seconds that the endpoint takes to answer are seconds of the token's life."""
    endpoint.took = 30.0
    source = source_of(endpoint)
    token = await source.obtain("op")
    assert token.expires_at == 1_000.0 + 3600


@pytest.mark.parametrize(("lifetime", "pause"), [(3600.0, 30.0), (100.0, 10.0)])
async def test_failed_early_renewal_is_invisible_and_paces_itself(
    endpoint: Endpoint, lifetime: float, pause: float
) -> None:
    """The old token goes on; the next try comes after 30 s or a tenth of its life, whichever is less."""
    endpoint.lifetime = lifetime
    source = source_of(endpoint)
    first = await source.obtain("op")
    due = 1_000.0 + lifetime - min(300.0, lifetime / 4)
    endpoint.clock.now = due
    endpoint.outcomes.append(GONE)
    assert source.ready() is first
    await settled()
    assert endpoint.asked == 2
    endpoint.clock.now = due + pause - 0.01
    assert source.ready() is first
    await settled()
    assert endpoint.asked == 2
    endpoint.clock.now = due + pause
    assert source.ready() is first
    await settled()
    assert endpoint.asked == 3
    second = source.ready()
    assert second is not None
    assert second.header == b"Bearer t3"
    endpoint.clock.now = second.renew_at
    source.ready()
    await settled()
    assert endpoint.asked == 4


async def test_refused_token_is_discarded_once(endpoint: Endpoint) -> None:
    """Of a hundred callers that were refused with one token, one discards it; none discards its successor."""
    source = source_of(endpoint)
    first = await source.obtain("op")
    assert source.reject(first)
    assert source.ready() is None
    second = await source.obtain("op")
    assert second.header == b"Bearer t2"
    for _ in range(99):
        assert source.reject(first)
    assert source.ready() is second
    assert endpoint.asked == 2


@pytest.mark.parametrize("lifetime", [0.0])
async def test_token_without_a_life_serves_those_who_waited(endpoint: Endpoint, lifetime: float) -> None:
    """It is given to the calls that waited for it and not kept."""
    endpoint.lifetime = lifetime
    source = source_of(endpoint)
    tokens = await asyncio.gather(source.obtain("a"), source.obtain("b"))
    assert [token.header for token in tokens] == [b"Bearer t1"] * 2
    assert source.ready() is None
    assert (await source.obtain("c")).header == b"Bearer t2"


async def test_observer_is_told_of_each_fetch(endpoint: Endpoint) -> None:
    """A hook sees success and failure, whether somebody waited, the life and the time it took."""
    events: list[TokenEvent] = []
    source = source_of(endpoint, on_token=events.append)
    endpoint.took = 2.0
    await source.obtain("op")
    endpoint.clock.now = 1_000.0 + 3400
    endpoint.outcomes.append(GONE)
    source.ready()
    await settled()
    assert events == [
        TokenEvent("key-id", True, False, 3600.0, 2.0, False),
        TokenEvent("key-id", False, True, None, 2.0, False),
    ]


async def test_fetch_runs_outside_the_callers_context(endpoint: Endpoint) -> None:
    """What a caller has set in its context (a trace, a scope) is not carried on by the fetch."""
    source = source_of(endpoint)
    endpoint.gate.clear()
    CALLER.set("a trace")
    call = asyncio.ensure_future(source.obtain("op"))
    await settled()
    assert endpoint.heard == [None]
    endpoint.gate.set()
    await call


async def test_aclose_ends_the_fetch(endpoint: Endpoint) -> None:
    """A fetch under way is cancelled and awaited; closing again, or with nothing to end, does nothing."""
    source = source_of(endpoint)
    await source.aclose()
    endpoint.gate.clear()
    source.ready()
    call = asyncio.ensure_future(source.obtain("op"))
    await settled()
    fetch = next(task for task in asyncio.all_tasks() if task.get_name() == "sinch_provisioning token")
    call.cancel()
    await source.aclose()
    assert fetch.cancelled()
    await source.aclose()


async def test_waiter_outlives_a_fetch_that_somebody_cancelled(endpoint: Endpoint) -> None:
    """A fetch that is cancelled from outside is begun anew for those who still wait."""
    source = source_of(endpoint)
    endpoint.gate.clear()
    call = asyncio.ensure_future(source.obtain("op"))
    await settled()
    next(task for task in asyncio.all_tasks() if task.get_name() == "sinch_provisioning token").cancel()
    endpoint.gate.set()
    assert (await call).header == b"Bearer t2"


async def test_fetch_of_another_process_is_not_waited_for(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fork the child begins its own fetch, and closing it leaves the parent's alone."""
    source = source_of(endpoint)
    endpoint.gate.clear()
    call = asyncio.ensure_future(source.obtain("op"))
    await settled()
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    await source.aclose()
    assert not call.done()
    again = asyncio.ensure_future(source.obtain("op"))
    await settled()
    assert endpoint.asked == 2
    endpoint.gate.set()
    await asyncio.gather(call, again)


def test_fetch_of_an_ended_loop_is_not_waited_for(endpoint: Endpoint) -> None:
    """In a second event loop the token is fetched anew, or used if it is there."""
    endpoint.gate.set()
    source = source_of(endpoint)

    async def obtain() -> Token:
        endpoint.gate = asyncio.Event()
        endpoint.gate.set()
        return source.ready() or await source.obtain("op")

    async def abandon() -> None:
        endpoint.gate = asyncio.Event()
        call = asyncio.ensure_future(source.obtain("op"))
        await settled()
        call.cancel()

    asyncio.run(abandon())
    asyncio.run(source.aclose())
    first = asyncio.run(obtain())
    assert first.header == b"Bearer t2"
    assert asyncio.run(obtain()) is first


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (None, 3600.0),
        (3599, 3599.0),
        (1, 1.0),
        (0.5, 0.5),
        ("3600", 3600.0),
        ("12.5", 12.5),
        (0, 0.0),
        (-1, 0.0),
        ("0", 0.0),
        ("-5", 0.0),
        (True, 0.0),
        (False, 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        (float("nan"), 0.0),
        (float("inf"), 0.0),
        ([], 0.0),
        ({}, 0.0),
        (86_400, 86_400.0),
        (86_401, 86_400.0),
        (1e12, 86_400.0),
        (10**400, 86_400.0),
        (-(10**400), 0.0),
    ],
)
def test_odd_expires_in_has_a_defined_result(expires_in: object, lifetime: float) -> None:
    """Absent an hour, a numeric string counts, at most a day, and 0 (not kept) for what is no time."""
    assert lifetime_of(expires_in) == lifetime


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the token endpoint's reply is not JSON"),
        (b"<html>", "the token endpoint's reply is not JSON"),
        (b"\xff", "the token endpoint's reply is not JSON"),
        (b"[" * 100_000, "the token endpoint's reply is not JSON"),
        (b"null", "the token endpoint's reply is not a JSON object"),
        (b"[]", "the token endpoint's reply is not a JSON object"),
        (b"{}", "the token endpoint's reply has no usable access_token"),
        (b'{"access_token": null}', "the token endpoint's reply has no usable access_token"),
        (b'{"access_token": ""}', "the token endpoint's reply has no usable access_token"),
        (b'{"access_token": 7}', "the token endpoint's reply has no usable access_token"),
        (b'{"access_token": "a b"}', "the token endpoint's reply has no usable access_token"),
        (b'{"access_token": "a\\r\\nX: y"}', "the token endpoint's reply has no usable access_token"),
        ('{"access_token": "\u00e4"}'.encode(), "the token endpoint's reply has no usable access_token"),
        (
            b'{"access_token": "t", "token_type": "mac"}',
            "the token endpoint granted a token that is not a bearer token",
        ),
    ],
)
def test_token_reply_that_is_none_is_named(body: bytes, said: str) -> None:
    """Rubbish from the token endpoint is said to be so, without a word of it."""
    assert read_grant(body) == said


@pytest.mark.parametrize(
    "kind", [b"", b', "token_type": "Bearer"', b', "token_type": "bearer"', b', "token_type": null']
)
def test_token_reply_is_read(kind: bytes) -> None:
    """An access token is a token whatever the case of its type, and where there is none."""
    assert read_grant(b'{"access_token": "t", "expires_in": 60' + kind + b"}") == Grant(Secret("t"), 60.0)


def test_token_and_grant_show_no_token() -> None:
    """Neither value has the token in its repr."""
    assert "canary" not in repr(Token("Bearer", "canary"))
    assert "canary" not in repr(Grant(Secret("canary"), 1.0))


async def test_fixed_credentials_are_a_header_that_never_changes() -> None:
    """Basic authentication and a bearer token from elsewhere need no endpoint and can't be renewed."""
    basic = FixedAuth(BasicCredentials("key-id", "key-secret"))
    encoded = base64.b64encode(b"key-id:key-secret").decode()
    assert basic.ready().header == f"Basic {encoded}".encode()
    assert basic.secrets == ("key-secret", encoded)
    bearer = FixedAuth(BearerToken("tok"))
    token = await bearer.obtain("op")
    assert token.header == b"Bearer tok"
    assert token is bearer.ready()
    assert (token.renew_at, token.expires_at, token.lifetime) == (float("inf"),) * 3
    assert bearer.secrets == ("tok",)
    assert not bearer.reject(token)


def test_refusal_becomes_a_token_error_with_its_parts() -> None:
    """What the endpoint said is on the error; a time-out is told from an endpoint that is gone."""
    assert isinstance(GONE.error("getA"), APIConnectionError)
    assert str(GONE.error("getA")) == "getA: no token, the token endpoint could not be reached"
    assert not isinstance(GONE.error("getA"), TokenError)
