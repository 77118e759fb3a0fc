"""The end of a client, of an event loop, of a process: calls are drained or ended, sockets closed, nothing shared."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import httpx
import pytest

from sinch_provisioning import (
    APIConnectionError,
    ConfigurationError,
    OutcomeUnknownError,
    ProvisioningClient,
    ProvisioningError,
)

from . import faults
from .clients import FakeClock, client_on, own_tasks, settle
from .conftest import Open
from .server import Server
from .test_cancellation import PHASES, SleepingClock, reach


async def test_aclose_waits_for_calls_under_way(server: Server, open_client: Open) -> None:
    """A call that ends within the drain time gets its reply."""
    sinch = open_client()
    server.arm("GET rcs", faults.delay(0.1))
    call = asyncio.ensure_future(sinch.rcs.list())
    await settle(lambda: server.count("GET rcs") == 1)
    await sinch.aclose()
    assert call.done()
    assert call.result() == []
    await settle(lambda: server.open_connections == 0)


@pytest.mark.parametrize("phase", PHASES)
async def test_aclose_ends_calls_in_every_phase(server: Server, open_client: Open, phase: str) -> None:
    """What is not done within the drain time ends with a typed error, and leaves nothing."""
    PHASES[phase](server)
    clock = SleepingClock()
    sinch = open_client(clock=clock)
    before = asyncio.all_tasks()
    calls = [asyncio.ensure_future(sinch.rcs.list()) for _ in range(3)]
    await reach(server, phase, clock)
    started = time.monotonic()
    await sinch.aclose(drain=0.1)
    assert time.monotonic() - started < 1.0
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {APIConnectionError}
    assert "closed" in str(outcomes[0])
    assert sinch.in_flight == 0
    assert own_tasks(before) == set()
    await settle(lambda: server.open_connections == 0)


async def test_aclose_of_a_create_in_flight_is_outcome_unknown(server: Server, open_client: Open) -> None:
    """A create that is cut off by closing says that it may have happened."""
    server.always("POST rcs", faults.commit_then_hang)
    sinch = open_client()
    call = asyncio.ensure_future(sinch.rcs.create(display_name="New"))
    await settle(lambda: server.count("POST rcs") == 1)
    await sinch.aclose(drain=0)
    with pytest.raises(OutcomeUnknownError):
        await call


async def test_aclose_ends_the_queue_too(server: Server, open_client: Open) -> None:
    """Calls that wait for a place end as those do that hold one."""
    sinch = open_client(max_connections=1)
    await sinch.rcs.list()
    server.always("GET rcs", faults.hang)
    calls = [asyncio.ensure_future(sinch.rcs.list()) for _ in range(5)]
    await settle(lambda: server.count("GET rcs") == 2)
    await sinch.aclose(drain=0.05)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, APIConnectionError) for outcome in outcomes)
    assert sinch.in_flight == 0


async def test_call_after_aclose_is_a_configuration_error(server: Server, open_client: Open) -> None:
    """A closed client sends nothing, and may be closed again, twice at once, too."""
    sinch = open_client()
    await sinch.rcs.list()
    await asyncio.gather(sinch.aclose(), sinch.aclose())
    await sinch.aclose()
    for view in (sinch, sinch.for_project("p2"), sinch.with_options(timeout=1)):
        with pytest.raises(ConfigurationError, match="closed"):
            await view.rcs.list()
    assert server.count("GET rcs") == 1


async def test_views_close_nothing(server: Server, open_client: Open) -> None:
    """Closing a view leaves the client, and the other views, at work."""
    sinch = open_client()
    async with sinch.with_options(timeout=1) as view:
        await view.rcs.list()
    await sinch.rcs.list()
    assert server.connections == 1


async def test_cancelled_aclose_still_ends_calls_and_closes(server: Server, open_client: Open) -> None:
    """Whoever has no patience for draining leaves neither calls nor sockets behind."""
    sinch = open_client()
    before = asyncio.all_tasks()
    server.always("GET rcs", faults.hang)
    call = asyncio.ensure_future(sinch.rcs.list())
    await settle(lambda: server.count("GET rcs") == 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await sinch.aclose(drain=60)
    with pytest.raises(APIConnectionError):
        await call
    await settle(lambda: server.open_connections == 0)
    assert own_tasks(before) == set()


async def test_injected_http_client_is_never_closed(server: Server) -> None:
    """The caller's httpx client outlives ours, with its own hooks and default headers in use."""
    asked: list[str] = []

    async def hook(request: httpx.Request) -> None:
        asked.append(request.url.path)

    async with httpx.AsyncClient(headers={"X-Team": "senders"}, event_hooks={"request": [hook]}) as http:
        async with client_on(server, http_client=http) as sinch:
            await sinch.rcs.list()
        assert not http.is_closed
        assert (await http.get(f"{server.url}/v1/projects/p1/rcs/senders")).status_code == 401
    assert asked[:2] == ["/oauth2/token", "/v1/projects/p1/rcs/senders"]
    assert server.seen[1].headers["x-team"] == "senders"


@pytest.fixture
def server_thread() -> Iterator[Server]:
    """Serve in a thread of its own, for tests that start and end event loops."""
    ready, end = threading.Event(), threading.Event()
    server = Server()

    async def serve() -> None:
        async with server:
            ready.set()
            while not end.is_set():  # noqa: ASYNC110 - a thread's event is not the loop's
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(5)
    yield server
    end.set()
    thread.join(5)


def test_second_event_loop_works_and_the_first_leaves_no_socket(
    server_thread: Server, transport: str
) -> None:
    """A client outlives its loop: the token is kept, sockets go with the loop they were opened in."""
    sinch = client_on(server_thread, transport=transport)

    async def calls() -> None:
        await asyncio.gather(sinch.rcs.list(), sinch.rcs.list(), sinch.rcs.list())

    asyncio.run(calls())
    gc.collect()
    asyncio.run(settle(lambda: server_thread.open_connections == 0))
    asyncio.run(calls())

    async def last() -> None:
        await sinch.rcs.list()
        await sinch.aclose()

    asyncio.run(last())
    asyncio.run(settle(lambda: server_thread.open_connections == 0))
    assert server_thread.count("token") == 1
    assert server_thread.count("GET rcs") == 7


def test_loop_that_ends_during_a_token_fetch_spoils_nothing(server_thread: Server, transport: str) -> None:
    """A fetch that died with its loop is begun anew in the next one."""
    sinch = client_on(server_thread, transport=transport)
    server_thread.arm("token", faults.hang)

    async def abandon() -> None:
        call = asyncio.ensure_future(sinch.rcs.list())
        await settle(lambda: server_thread.count("token") == 1)
        call.cancel()

    asyncio.run(abandon())

    async def again() -> None:
        async with sinch:
            await sinch.rcs.list()

    asyncio.run(again())
    assert server_thread.count("token") == 2


def test_aclose_in_another_loop_is_harmless(server_thread: Server, transport: str) -> None:
    """Closing in a loop that opened nothing raises nothing, and closes the client."""
    sinch = client_on(server_thread, transport=transport)

    async def list_senders() -> None:
        await sinch.rcs.list()

    asyncio.run(list_senders())
    asyncio.run(sinch.aclose())
    with pytest.raises(ConfigurationError):
        asyncio.run(list_senders())


def _in_the_child(sinch: ProvisioningClient, outcome: Connection) -> None:
    async def call() -> str:
        try:
            await sinch.rcs.list()
            await sinch.aclose()
        except ProvisioningError as error:
            return repr(error)
        return "done"

    outcome.send(asyncio.run(call()))


async def test_forked_process_opens_its_own_connections(server: Server) -> None:
    """Parent and child call at once after a fork; they share the token and no socket.

    On our own connections only: a transport of the caller's is the caller's to open in each process.
    """
    context = multiprocessing.get_context("fork")
    async with client_on(server) as sinch:
        await sinch.rcs.list()
        assert server.connections == 1
        here, there = context.Pipe()
        child = context.Process(target=_in_the_child, args=(sinch, there))
        child.start()
        await asyncio.gather(*(sinch.rcs.list() for _ in range(3)))
        assert await asyncio.to_thread(here.recv) == "done"
        await asyncio.to_thread(child.join)
        await sinch.rcs.list()
    assert server.connections == 4
    assert server.count("token") == 1
    assert child.exitcode == 0


async def test_clock_of_the_tests_is_not_the_machines(server: Server, open_client: Open) -> None:
    """The pauses of these tests are not waited for: a minute of them passes at once."""
    clock = FakeClock()
    server.arm("GET rcs", *[faults.status(503, None, Retry_After="10")] * 3)
    started = time.monotonic()
    await open_client(clock=clock).rcs.list()
    assert sum(clock.sleeps) == 30.0
    assert time.monotonic() - started < 5.0
