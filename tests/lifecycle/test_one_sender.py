"""One sender is one sender: over pages that shift, lists that lag, respelled names, loops and threads."""

from __future__ import annotations

import asyncio
import json
import threading
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from sinch_provisioning import (
    BadRequestError,
    BearerToken,
    DeadlineExceededError,
    ProvisioningClient,
    ResponseDecodeError,
    RetryPolicy,
    SenderMismatchError,
    ServerError,
    WaitTimeoutError,
)
from sinch_provisioning.lifecycle.keyed_locks import KeyedLocks
from sinch_provisioning.lifecycle.recent_writes import LIST_LAG, normal_name

from ..faults.clients import FakeClock

Handler = Callable[[httpx.Request], httpx.Response]


def client_of(handler: Handler, **options: Any) -> ProvisioningClient:
    """Open a client whose server is `handler`."""
    settings: dict[str, Any] = {
        "project_id": "p1",
        "credentials": BearerToken("t"),
        "base_url": "http://localhost",
        "transport": httpx.MockTransport(handler),
        "clock": FakeClock(),
    }
    return ProvisioningClient(**(settings | options))


def reply(value: object, status: int = 200) -> httpx.Response:
    """Answer with JSON."""
    return httpx.Response(status, json=value)


def shifting(request: httpx.Request) -> httpx.Response:
    """Show s1 on both of two pages, as where somebody inserts while we page."""
    first, second = {"id": "s1", "displayName": "Acme", "name": "Acme"}, {"id": "s2", "displayName": "Other"}
    if "pageToken" in request.url.params:
        return reply({"senders": [second, first]})
    return reply({"senders": [first], "nextPageToken": 7})


async def test_sender_on_two_pages_counts_once() -> None:
    """It is listed once and found once, and a page token may be a number."""
    async with client_of(shifting) as sinch:
        assert [sender.id for sender in await sinch.rcs.list()] == ["s1", "s2"]
        assert (await sinch.rcs.ensure(display_name="Acme")).id == "s1"
        assert (await sinch.line.ensure(name="Acme")).id == "s1"


async def test_total_size_that_is_not_reached_is_refused() -> None:
    """A list that is cut is no list to decide on."""
    async with client_of(lambda _: reply({"senders": [{"id": "s1"}], "totalSize": 2})) as sinch:
        with pytest.raises(ResponseDecodeError, match="totalSize"):
            await sinch.rcs.list()


async def test_one_deadline_covers_all_pages() -> None:
    """A server with ever new page tokens is followed until the deadline."""
    clock = FakeClock()

    def endless(_: httpx.Request) -> httpx.Response:
        clock.now += 1.0
        return reply({"senders": [{"id": str(clock.now)}], "nextPageToken": str(clock.now)})

    async with client_of(endless, clock=clock, retry=RetryPolicy(deadline=10.0)) as sinch:
        with pytest.raises(DeadlineExceededError):
            await sinch.rcs.list()
    assert clock.now <= 1_012.0


class Store:
    """A server whose list lags `lag` seconds behind creates, and that stores what `respell` makes of a value."""

    def __init__(
        self, clock: FakeClock, *, lag: float = 0.0, respell: Callable[[str], str] = lambda value: value
    ) -> None:
        self.clock = clock
        self.lag = lag
        self.respell = respell
        self.lose_next = False
        self.senders: dict[str, tuple[float, dict[str, Any]]] = {}
        self.methods: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.methods.append(request.method)
        name = request.url.path.rpartition("/")[2]
        if request.method == "GET" and name == "senders":
            shown = [sender for made, sender in self.senders.values() if self.clock.now - made >= self.lag]
            return reply({"senders": shown})
        if request.method == "GET":
            return reply(self.senders[name][1]) if name in self.senders else reply({}, 404)
        body = {key: self.respell(value) for key, value in json.loads(request.content).items()}
        if request.method == "PATCH":
            self.senders[name][1].update(body)
            return reply(self.senders[name][1])
        sender_id = f"s{len(self.senders) + 1}"
        self.senders[sender_id] = (self.clock.now, {"id": sender_id, "status": "DRAFT", **body})
        if self.lose_next:
            self.lose_next = False
            raise httpx.ReadError("lost")
        return reply(self.senders[sender_id][1])


async def test_list_that_lags_makes_no_second_sender() -> None:
    """What this client has just created is there, although no list shows it yet."""
    clock = FakeClock()
    store = Store(clock, lag=LIST_LAG / 2)
    async with client_of(store, clock=clock) as sinch:
        assert (await sinch.rcs.ensure(display_name="Acme")).id == "s1"
        assert (await sinch.rcs.ensure(display_name="Acme")).id == "s1"
        assert (await sinch.line.ensure(name="Acme")).id == "s2"
        assert (await sinch.line.ensure(name="Acme")).id == "s2"


async def test_cancelled_create_and_a_list_that_lags_make_one_sender() -> None:
    """A create that was cancelled may have happened: the next call looks until the list has caught up."""
    clock = FakeClock()
    store = Store(clock, lag=2.0)
    acted = asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.aread()
            answer = store(request)
            if request.method == "POST" and store.methods.count("POST") == 1:
                acted.set()
                await asyncio.Event().wait()
            return answer

    async with client_of(store, transport=Slow(), clock=clock) as sinch:
        call = asyncio.ensure_future(sinch.rcs.ensure(display_name="Acme"))
        await acted.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await sinch.rcs.ensure(display_name="Acme")).id == "s1"
    assert len(store.senders) == 1


async def test_refused_create_needs_no_patience() -> None:
    """A create that the server refused did not happen, and costs the next call no pause."""
    clock = FakeClock()
    store = Store(clock)
    refuse = [True]

    def server(request: httpx.Request) -> httpx.Response:
        return reply({}, 400) if request.method == "POST" and refuse else store(request)

    async with client_of(server, clock=clock) as sinch:
        with pytest.raises(BadRequestError):
            await sinch.rcs.ensure(display_name="Acme")
        refuse.clear()
        await sinch.rcs.ensure(display_name="Acme")
    assert clock.sleeps == []


async def test_reply_about_no_sender_says_nothing() -> None:
    """While the list lags, a reply to the read by id that names no id does not prove that the sender is gone."""
    clock = FakeClock()
    store = Store(clock, lag=5.0)

    def gateway(request: httpx.Request) -> httpx.Response:
        return reply({"senders": []}) if request.method == "GET" else store(request)

    async with client_of(gateway, clock=clock) as sinch:
        first = await sinch.rcs.ensure(display_name="Acme")
        assert (await sinch.rcs.ensure(display_name="Acme")).id == first.id
    assert len(store.senders) == 1


async def test_deleted_sender_is_created_again() -> None:
    """A memory of a create does not outlive the sender."""
    clock = FakeClock()
    store = Store(clock)
    async with client_of(store, clock=clock) as sinch:
        await sinch.rcs.ensure(display_name="Acme")
        del store.senders["s1"]
        await sinch.rcs.ensure(display_name="Acme")
    assert store.methods.count("POST") == 2


async def test_renamed_sender_is_left_as_it_is() -> None:
    """A sender that was created for a name and renamed since is not renamed back: the name gets another one."""
    clock = FakeClock()
    store = Store(clock)
    async with client_of(store, clock=clock) as sinch:
        await sinch.rcs.ensure(display_name="Acme")
        await sinch.rcs.update("s1", display_name="Other")
        assert (await sinch.rcs.ensure(display_name="Acme")).id == "s2"
    assert store.senders["s1"][1]["displayName"] == "Other"


async def test_respelled_name_is_found_again() -> None:
    """A sender whose name the server spells in its own way is the one that was created for the name given."""
    clock = FakeClock()
    store = Store(clock, respell=str.upper)
    async with client_of(store, clock=clock) as sinch:
        for _ in range(3):
            assert (await sinch.rcs.ensure(display_name="Acme")).id == "s1"
            assert (await sinch.line.ensure(name="Shop")).id == "s2"
            clock.now += LIST_LAG + 1
    assert (store.methods.count("POST"), store.methods.count("PATCH")) == (2, 0)


async def test_lost_create_and_a_list_that_lags_make_one_sender() -> None:
    """After a create of unknown outcome the list gets time to catch up before the create is sent again."""
    clock = FakeClock()
    store = Store(clock, lag=2.0)
    store.lose_next = True
    async with client_of(store, clock=clock) as sinch:
        assert (await sinch.rcs.ensure(display_name="Acme")).id == "s1"
    assert store.methods.count("POST") == 1


@pytest.mark.parametrize(
    "respell",
    [str.strip, str.upper, lambda value: unicodedata.normalize("NFC", value)],
    ids=["trimmed", "upper", "composed"],
)
async def test_respelled_value_is_no_difference(respell: Callable[[str], str]) -> None:
    """What the server made of this client's own write is neither updated again nor an error."""
    clock = FakeClock()
    store = Store(clock, respell=lambda value: value if value == "Acme" else respell(value))
    async with client_of(store, clock=clock) as sinch:
        for _ in range(3):
            await sinch.rcs.ensure(display_name="Acme", description=" Cafe\u0301 ", color="#ff00aa")
    assert store.methods.count("POST") == 1
    assert store.methods.count("PATCH") == 0


async def test_name_is_compared_in_its_normal_form() -> None:
    """A server that trims and composes names does not make a second sender of another client's."""
    clock = FakeClock()
    store = Store(clock)
    store.senders["s9"] = (0.0, {"id": "s9", "displayName": "Caf\u00e9 Acme"})
    async with client_of(store, clock=clock) as sinch:
        sender = await sinch.rcs.ensure(display_name=" Cafe\u0301  Acme")
    assert sender.id == "s9"
    assert "POST" not in store.methods
    assert normal_name(None) is None


async def test_difference_names_field_wanted_and_found() -> None:
    """A difference that no update can mend says what is wanted and what is there, no secret among it."""
    clock = FakeClock()
    store = Store(clock)
    there = {"id": "s9", "name": "Acme", "status": "OLD", "channelCredentials": {"token": "canary-1"}}
    store.senders["s9"] = (0.0, there)
    store.senders["s8"] = (0.0, {"id": "s8", "displayName": "Acme", "color": "#000"})
    async with client_of(store, clock=clock) as sinch:
        with pytest.raises(SenderMismatchError, match=r"color \(wanted '#fff', found '#000'\)"):
            await sinch.rcs.ensure(display_name="Acme", color="#fff")
        with pytest.raises(SenderMismatchError, match="channelCredentials") as caught:
            await sinch.line.ensure(name="Acme", channel_credentials={"token": "canary-2"})
    assert "canary" not in str(caught.value)


async def test_wait_outlives_an_outage() -> None:
    """Failures that may pass end no wait; its timeout does, and says what happened last."""
    clock = FakeClock()
    calls = 0

    def failing(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if 5 < calls <= 60:
            return reply({}, 503)
        return reply({"id": "s1", "status": "LAUNCHED" if calls > 70 else "LAUNCHING"})

    async with client_of(failing, clock=clock) as sinch:
        assert (await sinch.rcs.wait_for_status("s1", timeout=86_400)).status == "LAUNCHED"
        calls = 4
        with pytest.raises(WaitTimeoutError) as caught:
            await sinch.rcs.wait_for_status("s1", timeout=10)
    assert isinstance(caught.value.__cause__, ServerError)


@pytest.mark.parametrize(
    "shown", ["DRAFT", "IN_TEST", "IN_PROGRESS", "PREPARING_LAUNCH", "LAUNCHING", "LAUNCHED"]
)
async def test_launch_is_sent_once_whatever_status_is_shown(shown: str) -> None:
    """Three calls over nine minutes send one launch, although the sender shows an early status for a while."""
    clock = FakeClock()
    launches = 0

    def server(request: httpx.Request) -> httpx.Response:
        nonlocal launches
        launches += request.method == "POST"
        return reply({"id": "s1", "displayName": "Acme", "status": shown if launches else "DRAFT"})

    async with client_of(server, clock=clock) as sinch:
        for _ in range(3):
            await sinch.launch_rcs_sender("s1")
            clock.now += 180
    assert launches == 1


async def test_failed_launch_may_be_sent_again() -> None:
    """A memory of a launch does not outlive its failure."""
    launches = 0

    def server(request: httpx.Request) -> httpx.Response:
        nonlocal launches
        launches += request.method == "POST"
        status = "LAUNCHING" if request.method == "POST" or not launches else "REJECTED"
        return reply({"id": "s1", "displayName": "Acme", "status": status if launches else "DRAFT"})

    async with client_of(server) as sinch:
        await sinch.launch_rcs_sender("s1")
        await sinch.launch_rcs_sender("s1")
    assert launches == 2


def in_threads(count: int, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` in so many threads, each with a loop of its own."""
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        asyncio.run(_awaited(work))

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def test_lock_holds_over_threads() -> None:
    """At most one holder at a time, in whatever loop, and nothing is left."""
    locks = KeyedLocks()
    inside = most = done = 0

    async def work() -> None:
        nonlocal inside, most, done
        for _ in range(200):
            async with locks.hold("key"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1
                done += 1

    in_threads(4, work)
    assert (most, done) == (1, 800)
    assert locks._waiting == {}


async def test_cancelled_waiter_gives_its_turn_on() -> None:
    """Whenever a waiter gives up, the next one gets the key."""
    locks = KeyedLocks()
    for turns in range(6):
        async with locks.hold("key"):
            waiting = [asyncio.ensure_future(_hold(locks)) for _ in range(3)]
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting[0].cancel()
        async with asyncio.timeout(1):
            await asyncio.gather(*waiting, return_exceptions=True)
    assert locks._waiting == {}


async def _hold(locks: KeyedLocks) -> None:
    async with locks.hold("key"):
        await asyncio.sleep(0)
