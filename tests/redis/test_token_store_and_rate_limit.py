"""A token store and a rate limit in a real Redis (Valkey), over processes, crashes, freezes and rubbish."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet
from redis.asyncio import Redis

from sinch_provisioning import ConfigurationError, DeadlineExceededError, ProvisioningClient, RetryPolicy
from sinch_provisioning.redis import RedisRateLimit, RedisTokenStore
from sinch_provisioning_emulator import Emulator, RunningClock

from ..conftest import client_on
from ..valkey import Valkey

# A process of a fleet: it says that it is ready, waits for its cue, makes calls at once, and says how they went.
WORKER = """
import asyncio, json, sys
from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient, RetryPolicy
from sinch_provisioning.redis import RedisRateLimit, RedisTokenStore

async def main(url, base_url, token_url, key_id, key_secret, calls, limit, lock_lifetime):
    store = RedisTokenStore(url, lock_lifetime=lock_lifetime)
    client = ProvisioningClient(
        project_id="p", credentials=OAuth2ClientCredentials(key_id, key_secret, token_url), base_url=base_url,
        token_store=store, rate_limit=RedisRateLimit(url, limit) if limit else None,
        retry=RetryPolicy(max_attempts=1),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    async with store, client:
        done = await asyncio.gather(*(client.rcs.list() for _ in range(calls)), return_exceptions=True)
    print(json.dumps([repr(each) for each in done if not isinstance(each, list)]), flush=True)

asyncio.run(main(*json.loads(sys.argv[1])))
"""


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Serve an emulator in real time on a real socket."""
    emulator = Emulator(clock=RunningClock(), history=100_000, key_secret="canary-secret-88")
    async with emulator.serve():
        yield emulator


async def start_worker(
    url: str,
    emulator: Emulator,
    *,
    calls: int = 5,
    limit: str | None = None,
    lock_lifetime: float = 10.0,
) -> asyncio.subprocess.Process:
    """Start a process of a fleet and return it when it is ready to go."""
    arguments = [
        url,
        emulator.base_url,
        emulator.token_url,
        emulator.key_id,
        emulator.key_secret,
        calls,
        limit,
        lock_lifetime,
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", WORKER, json.dumps(arguments)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def go(process: asyncio.subprocess.Process) -> None:
    """Give a process its cue."""
    assert process.stdin is not None
    process.stdin.write(b"\n")


async def failures(process: asyncio.subprocess.Process) -> list[str]:
    """Wait for a process to end, and return the calls that failed."""
    output, _ = await process.communicate()
    failed: list[str] = json.loads(output)
    assert process.returncode == 0
    return failed


def on(emulator: Emulator, store: RedisTokenStore, **options: Any) -> ProvisioningClient:
    """Open a client that reaches the emulator over its socket."""
    return client_on(emulator, token_store=store, transport="httpx", **options)


@asynccontextmanager
async def looking_into(valkey: Valkey) -> AsyncIterator[Any]:
    """Open a plain Redis client, whose types are too many for a test."""
    async with Redis.from_url(valkey.url) as redis:
        yield redis


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return all warnings of the package."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_four_processes_starting_cold_at_once_ask_for_one_token(
    valkey: Valkey, emulator: Emulator
) -> None:
    """Whoever comes first asks, under a lock; the three others find its token."""
    emulator.inject("token", delay=0.2)
    processes = await asyncio.gather(*(start_worker(valkey.url, emulator) for _ in range(4)))
    for process in processes:
        go(process)
    assert await asyncio.gather(*map(failures, processes)) == [[]] * 4
    assert emulator.requests.count("token") == 1
    assert emulator.requests.count("listRcsSenders", status=200) == 20


async def test_a_lock_dies_with_its_holder(valkey: Valkey, emulator: Emulator) -> None:
    """A process killed while it asks for the token holds up the others for the lock's lifetime and no longer."""
    slow = emulator.inject("token", delay=30, times=1)
    victim = await start_worker(valkey.url, emulator, lock_lifetime=0.6)
    go(victim)
    for _ in range(200):
        if slow.struck:
            break
        await asyncio.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    started = time.monotonic()
    async with RedisTokenStore(valkey.url) as store, on(emulator, store) as client:
        await client.rcs.list()
    assert time.monotonic() - started < 3
    assert len(emulator.requests.of("token")) <= 2


async def test_a_lock_lasts_while_its_holder_lives(valkey: Valkey, emulator: Emulator) -> None:
    """A token endpoint slower than the lock's lifetime is still asked by one process only."""
    emulator.inject("token", delay=1.0, times=None)
    async with (
        RedisTokenStore(valkey.url, lock_lifetime=0.3) as one,
        RedisTokenStore(valkey.url, lock_lifetime=0.3) as two,
        on(emulator, one) as first,
        on(emulator, two) as second,
    ):
        await asyncio.gather(first.rcs.list(), second.rcs.list())
    assert emulator.requests.count("token") == 1


async def logged(caplog: pytest.LogCaptureFixture, text: str, times: int) -> None:
    """Wait until the log has said so that often."""
    for _ in range(3000):
        if sum(text in message for message in caplog.messages) >= times:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the log never said {text!r} {times} times")


async def test_redis_killed_in_mid_run_and_back_fails_no_call(
    mortal_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens of one second make every client come back to Redis again and again, before, during and after."""
    caplog.set_level(logging.INFO, "sinch_provisioning.tokens")
    emulator = Emulator(clock=RunningClock(), token_lifetime=1, history=100_000)
    async with emulator.serve():
        stores = [RedisTokenStore(mortal_valkey.url) for _ in range(4)]
        clients = [on(emulator, store) for store in stores]
        made, over = itertools.count(), asyncio.Event()

        async def call_on(client: ProvisioningClient) -> None:
            while not over.is_set():
                await client.rcs.list()
                next(made)
                await asyncio.sleep(0.005)

        # A call that fails ends the group, and the test.
        async with asyncio.TaskGroup() as calls:
            for client in clients * 3:
                calls.create_task(call_on(client))
            await asyncio.sleep(1.2)
            mortal_valkey.kill()
            await logged(caplog, "the token store failed", len(clients))
            mortal_valkey.start()
            await logged(caplog, "the token store works again", len(clients))
            over.set()
        await asyncio.gather(*(client.aclose() for client in clients), *(store.aclose() for store in stores))
    assert next(made) > 50
    assert emulator.requests.count("listRcsSenders", status=200) >= 50


async def test_a_redis_that_hangs_costs_little_and_one_warning(
    mortal_valkey: Valkey, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that accepts connections and never answers delays the first call by the store's timeout."""
    mortal_valkey.freeze()
    started = time.monotonic()
    async with RedisTokenStore(mortal_valkey.url, timeout=0.2) as store, on(emulator, store) as client:
        await asyncio.gather(*(client.rcs.list() for _ in range(20)))
    assert time.monotonic() - started < 2
    assert emulator.requests.count("token") == 1
    assert len(warnings_of(caplog)) == 1


async def test_rubbish_of_any_type_under_our_keys_fails_no_call(
    valkey: Valkey, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes that are no text, a list where a string was, a lock of a wrong type: a local token, and a warning."""
    async with RedisTokenStore(valkey.url) as store, on(emulator, store) as client:
        await client.rcs.list()
    async with looking_into(valkey) as redis:
        [key] = await redis.keys("*")
        for value in (b"\xff\x00", b"[]", b"{" * 1_000_000):
            await redis.set(key, value)
            caplog.clear()
            async with RedisTokenStore(valkey.url) as store, on(emulator, store) as client:
                await client.rcs.list()
            assert len(warnings_of(caplog)) == 1
            assert await redis.get(key) != value
        await redis.delete(key)
        await redis.rpush(key, "a", "list")
        caplog.clear()
        async with RedisTokenStore(valkey.url) as store, on(emulator, store) as client:
            await client.rcs.list()
        assert len(warnings_of(caplog)) == 1


async def test_nothing_secret_is_in_redis(valkey: Valkey, emulator: Emulator) -> None:
    """No key and no value holds the key secret; with an encryption key, none holds the token either."""
    async with looking_into(valkey) as redis:
        for encryption_key in (None, Fernet.generate_key()):
            await redis.flushall()
            async with (
                RedisTokenStore(valkey.url, encryption_key=encryption_key) as store,
                on(emulator, store) as client,
            ):
                await client.rcs.list()
                [key] = await redis.keys("*")
                value = await redis.get(key)
                assert 3590 < await redis.ttl(key) <= 3600
                assert b"canary-secret-88" not in key + value
                assert emulator.key_id.encode() not in key + value
                assert (b"access_token" in value) is (encryption_key is None)
                again = await store.load(key.decode())
                assert again is not None
                token = json.loads(again)["access_token"]
                assert (token.encode() in value) is (encryption_key is None)
                assert "canary" not in repr(store)


async def test_encryption_keys_can_be_rotated(valkey: Valkey, emulator: Emulator) -> None:
    """The first key encrypts and the others still open; who has none of them fetches a token of its own."""
    old, new = Fernet.generate_key(), Fernet.generate_key()
    for keys, tokens in ((old, 1), ([new, old], 1), (new, 2), ([new, old], 2)):
        async with RedisTokenStore(valkey.url, encryption_key=keys) as store, on(emulator, store) as client:
            await client.rcs.list()
        assert emulator.requests.count("token") == tokens


async def test_an_encrypted_value_counts_under_its_own_key_only(valkey: Valkey) -> None:
    """Who can write to Redis can't move one tenant's token to another tenant's key, nor plant one in plain text."""
    async with (
        looking_into(valkey) as redis,
        RedisTokenStore(valkey.url, encryption_key=Fernet.generate_key()) as store,
    ):
        await store.save("a", "value", 60)
        assert await store.load("a") == "value"
        await redis.set("b", await redis.get("a"))
        assert await store.load("b") == ""
        await redis.set("a", "planted")
        assert await store.load("a") == ""


async def test_a_client_of_the_callers_is_left_open(valkey: Valkey, emulator: Emulator) -> None:
    """A Redis client that is handed in serves, whatever it decodes, and is not closed."""
    async with Redis.from_url(valkey.url, decode_responses=True) as redis:
        async with RedisTokenStore(redis) as store, on(emulator, store) as client:
            await client.rcs.list()
        assert await redis.ping()
        async with RedisTokenStore(redis) as store, on(emulator, store) as client:
            await client.rcs.list()
    assert emulator.requests.count("token") == 1


def test_a_store_serves_one_event_loop_after_another(valkey: Valkey) -> None:
    """`asyncio.run` twice with one store uses no socket of a loop that is gone."""
    store = RedisTokenStore(valkey.url)

    async def use(value: str) -> str | None:
        before = await store.load("k")
        await store.save("k", value, 60)
        await store.aclose()
        return before

    assert asyncio.run(use("one")) is None
    assert asyncio.run(use("two")) == "one"


def test_settings_that_cannot_work_are_refused_without_being_quoted() -> None:
    """A wrong encryption key or a wrong limit is a ConfigurationError, and the key is not in its text."""
    with pytest.raises(ConfigurationError) as error:
        RedisTokenStore("redis://localhost", encryption_key="canary-key")
    assert "canary" not in str(error.value)
    with pytest.raises(ConfigurationError, match="50/second"):
        RedisRateLimit("redis://localhost", "a lot")


async def test_a_fleet_keeps_to_one_rate(valkey: Valkey, emulator: Emulator) -> None:
    """Three processes with 15 calls each at 20 a second: all arrive, the last ones two seconds after the first."""
    processes = await asyncio.gather(
        *(start_worker(valkey.url, emulator, calls=15, limit="20/second") for _ in range(3))
    )
    for process in processes:
        go(process)
    assert await asyncio.gather(*map(failures, processes)) == [[]] * 3
    times = [request.at for request in emulator.requests.of("listRcsSenders")]
    assert len(times) == 45
    # Stamped where they arrive, which on a busy machine is a little later than they were let go.
    assert times[-1] - times[0] > 1.5


async def test_waiting_for_the_rate_ends_with_the_deadline(valkey: Valkey, emulator: Emulator) -> None:
    """A call that waits for its turn longer than it may, ends as any other that runs out of time."""
    limit = RedisRateLimit(valkey.url, "1/minute")
    async with (
        RedisTokenStore(valkey.url) as store,
        on(emulator, store, rate_limit=limit, retry=RetryPolicy(deadline=0.3)) as client,
    ):
        await client.rcs.list()
        with pytest.raises(DeadlineExceededError):
            await client.rcs.list()
    await limit.aclose()
    assert emulator.requests.count("listRcsSenders") == 1


async def test_a_rate_limit_without_its_redis_limits_nothing(
    mortal_valkey: Valkey, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls go on at full speed when Redis is gone, with one warning, and are limited again when it is back."""
    now = itertools.count()
    limit = RedisRateLimit(
        mortal_valkey.url, "1/minute", timeout=0.2, pause=1000, monotonic=lambda: next(now) * 10
    )
    mortal_valkey.kill()
    async with (
        RedisTokenStore(mortal_valkey.url) as store,
        on(emulator, store, rate_limit=limit, retry=RetryPolicy(deadline=2)) as client,
    ):
        started = time.monotonic()
        await asyncio.gather(*(client.rcs.list() for _ in range(50)))
        assert time.monotonic() - started < 2
        assert sum("rate limit" in text for text in warnings_of(caplog)) == 1
        mortal_valkey.start()
        for _ in range(100):
            next(now)
        await client.rcs.list()
        with pytest.raises(DeadlineExceededError):
            await client.rcs.list()
    await limit.aclose()


def test_importing_the_facade_imports_no_redis() -> None:
    """Who doesn't use it doesn't need it."""
    code = "import sys, sinch_provisioning; sys.exit('redis' in sys.modules or 'limits' in sys.modules)"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0
