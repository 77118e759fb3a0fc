"""Tokens in a store of any make: one for all, and a store's failures cost a warning and no call."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from sinch_provisioning import OAuth2ClientCredentials, TokenError, TokenEvent
from sinch_provisioning._tokens import shared_tokens as _shared_tokens
from sinch_provisioning._tokens.shared_tokens import Saved, store_key
from sinch_provisioning_emulator import Emulator, VirtualClock

from .conftest import client_on


class MemoryStore:
    """A store that works, and remembers what was done to it."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.lifetimes: list[float] = []
        self._lock = asyncio.Lock()

    async def load(self, key: str, /) -> str | None:
        """Look it up."""
        return self.values.get(key)

    async def save(self, key: str, value: str, lifetime: float, /) -> None:
        """Keep it, and how long it was to be kept."""
        self.values[key] = value
        self.lifetimes.append(lifetime)

    @asynccontextmanager
    async def lock(self, key: str, /) -> AsyncGenerator[None, None]:
        """One lock does for all keys."""
        async with self._lock:
            yield


def broken(method: str, how: str) -> MemoryStore:
    """Return a store whose `method` raises or hangs."""
    store = MemoryStore()

    async def fail(*_: object) -> Any:
        if how == "raises":
            raise OSError("the store is gone")
        await asyncio.Event().wait()

    @asynccontextmanager
    async def locked(_: str) -> AsyncGenerator[None, None]:
        if method == "acquire":
            await fail()
        yield
        if method == "release":
            await fail()

    setattr(store, "lock" if method in ("acquire", "release") else method, locked)
    if method in ("load", "save"):
        setattr(store, method, fail)
    return store


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings about tokens."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "sinch_provisioning.tokens" and record.levelno >= logging.WARNING
    ]


async def test_clients_of_one_store_ask_once() -> None:
    """Ten clients, as in ten processes, begin at once: one asks for a token, and the others are told so."""
    emulator, store, events = Emulator(), MemoryStore(), list[TokenEvent]()
    clients = [client_on(emulator, token_store=store, on_token=events.append) for _ in range(10)]
    await asyncio.gather(*(client.rcs.list() for client in clients))
    assert emulator.requests.count("token") == 1
    assert sorted(event.shared for event in events) == [False] + [True] * 9
    assert store.lifetimes == [3600]


async def test_one_client_renews_for_all() -> None:
    """Near its end the token is renewed by the first who notices; the others take the new one from the store."""
    emulator, store = Emulator(), MemoryStore()
    clients = [client_on(emulator, token_store=store) for _ in range(3)]
    for client in clients:
        await client.rcs.list()
    emulator.clock.advance(seconds=3350)
    for _ in range(3):
        await asyncio.gather(*(client.rcs.list() for client in clients))
        await asyncio.sleep(0.01)
    assert emulator.requests.count("token") == 2
    emulator.clock.advance(seconds=300)
    await asyncio.gather(*(client.rcs.list() for client in clients))
    assert emulator.requests.count("token") == 2


async def test_a_refused_token_is_replaced_once_for_all() -> None:
    """When the server forgets a token, one client fetches the next one and nobody takes the old one back."""
    emulator, store = Emulator(), MemoryStore()
    clients = [client_on(emulator, token_store=store) for _ in range(5)]
    await asyncio.gather(*(client.rcs.list() for client in clients))
    emulator.expire_tokens()
    await asyncio.gather(*(client.rcs.list() for client in clients))
    assert emulator.requests.count("token") == 2


@pytest.mark.parametrize("how", ["raises", "hangs"])
@pytest.mark.parametrize("method", ["load", "save", "acquire", "release"])
async def test_a_broken_store_costs_one_warning_and_no_call(
    method: str, how: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever part of a store fails, and whether it says so or hangs, calls go on with a local token."""
    monkeypatch.setattr(_shared_tokens, "_PATIENCE", 0.02)
    monkeypatch.setattr(_shared_tokens, "_LOCK_PATIENCE", 0.02)
    emulator = Emulator()
    emulator.add_key("other", "other-secret")
    client = client_on(emulator, token_store=broken(method, how))
    other = client.for_project(
        "p2", OAuth2ClientCredentials("other", "other-secret", token_url=emulator.token_url)
    )
    await asyncio.gather(client.rcs.list(), client.line.list(), other.rcs.list())
    assert emulator.requests.count("token") == 2
    assert len(warnings_of(caplog)) == 1
    assert "the token store failed" in warnings_of(caplog)[0]


async def test_a_store_that_recovers_is_used_again(caplog: pytest.LogCaptureFixture) -> None:
    """After an outage the next token goes into the store, and the log says that it works again."""
    caplog.set_level(logging.INFO, "sinch_provisioning.tokens")
    emulator, store = Emulator(), MemoryStore()
    save = store.save

    async def fail(*_: object) -> None:
        raise ConnectionError

    store.save = fail  # type: ignore[method-assign] # an outage
    client = client_on(emulator, token_store=store)
    await client.rcs.list()
    store.save = save  # type: ignore[method-assign]
    emulator.clock.advance(hours=2)
    await client.rcs.list()
    assert store.lifetimes == [3600]
    assert "the token store works again" in caplog.messages


RUBBISH = [
    "",
    "\x00\xff",
    "null",
    "[]",
    "[" * 100_000,
    "1e999",
    '{"access_token": "t"}',
    '{"access_token": "t", "expires_at": NaN, "lifetime": 3600}',
    '{"access_token": "t", "expires_at": Infinity, "lifetime": 3600}',
    f'{{"access_token": "t", "expires_at": 1{"0" * 400}, "lifetime": 3600}}',
    '{"access_token": "t", "expires_at": 9e9, "lifetime": 1e12}',
    '{"access_token": "t", "expires_at": 9e9, "lifetime": true}',
    '{"access_token": "", "expires_at": 9e9, "lifetime": 3600}',
    '{"access_token": "t\\r\\nX-Evil: 1", "expires_at": 9e9, "lifetime": 3600}',
    '{"access_token": "t t", "expires_at": 9e9, "lifetime": 3600}',
    '{"access_token": 7, "expires_at": 9e9, "lifetime": 3600}',
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
async def test_rubbish_in_the_store_is_replaced(rubbish: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever lies under our key and is no token of ours costs one warning, and is overwritten by a good one."""
    emulator, store = Emulator(), MemoryStore()
    credentials = OAuth2ClientCredentials(emulator.key_id, emulator.key_secret, emulator.token_url)
    key = store_key(emulator.token_url, credentials)
    store.values[key] = rubbish
    await client_on(emulator, token_store=store).rcs.list()
    assert Saved.read(store.values[key]) is not None
    assert emulator.requests.count("token") == 1
    assert len(warnings_of(caplog)) == 1


async def test_a_value_that_lies_about_its_end_is_used_no_longer_than_its_life() -> None:
    """A clock that is wrong on another machine can't make a token live longer here than it may."""
    clock, store = VirtualClock(), MemoryStore()
    emulator = Emulator(clock=clock)
    await client_on(emulator, token_store=store).rcs.list()
    [key] = store.values
    value = json.loads(store.values[key])
    store.values[key] = json.dumps(value | {"expires_at": value["expires_at"] + 1e6})
    client = client_on(emulator, token_store=store)
    await client.rcs.list()
    clock.advance(seconds=3600)
    await client.rcs.list()
    assert emulator.requests.count("token") == 2


async def test_who_knows_only_the_key_id_gets_no_token_from_the_store() -> None:
    """In a service of many tenants, one who names another's key with a wrong secret must not find its token."""
    emulator, store = Emulator(), MemoryStore()
    await client_on(emulator, token_store=store).rcs.list()
    guess = OAuth2ClientCredentials(emulator.key_id, "a guess".replace(" ", "-"), emulator.token_url)
    with pytest.raises(TokenError):
        await client_on(emulator, token_store=store, credentials=guess).rcs.list()


async def test_the_secret_is_not_in_the_store() -> None:
    """Neither keys nor values hold the key secret, and no key holds the key's id."""
    emulator, store = Emulator(key_secret="canary-secret-51"), MemoryStore()
    await client_on(emulator, token_store=store).rcs.list()
    text = json.dumps(store.values)
    assert "canary-secret-51" not in text
    assert emulator.key_id not in text


async def test_a_failure_of_the_token_endpoint_is_no_failure_of_the_store(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong secret is a TokenError as ever, is saved nowhere, and the log blames no store."""
    store = MemoryStore()
    emulator = Emulator()
    wrong = OAuth2ClientCredentials(emulator.key_id, "wrong", emulator.token_url)
    with pytest.raises(TokenError):
        await client_on(emulator, token_store=store, credentials=wrong).rcs.list()
    assert store.values == {}
    assert not any("store" in message for message in warnings_of(caplog))


async def test_a_token_that_lives_no_time_is_not_shared() -> None:
    """`expires_in: 0` serves the calls that waited, and does not go into the store."""
    store = MemoryStore()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 0})
        return httpx.Response(200, json={"senders": []})

    emulator = Emulator()
    client = client_on(emulator, token_store=store, transport=httpx.MockTransport(answer))
    assert await client.rcs.list() == []
    assert store.values == {}
