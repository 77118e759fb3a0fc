"""Cancelled calls, in every phase and at every step: nothing is held, nothing is left."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
import trustme

from sinch_provisioning import (
    DeadlineExceededError,
    OutcomeUnknownError,
    ProvisioningClient,
)
from sinch_provisioning._http import tls as _tls
from sinch_provisioning._http.connection_pool import ConnectionPool

from . import faults
from .clients import FakeClock, client_on, own_tasks, policy, settle
from .conftest import Open
from .server import Server


def pool_of(sinch: ProvisioningClient) -> ConnectionPool:
    """Reach for the default transport's connections, whose number no public name tells."""
    sender = sinch._session.transport.current().sender
    assert isinstance(sender, ConnectionPool)
    return sender


@pytest.fixture
async def tls_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """Serve with a certificate of an authority that the client is told to trust by SSL_CERT_FILE."""
    authority = trustme.CA()
    bundle = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    _tls._default_context.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost", "api.example").configure_cert(context)
    async with Server(context) as running:
        yield running
    _tls._default_context.cache_clear()


async def by_cancel(call: asyncio.Future[Any]) -> None:
    """Cancel natively."""
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


PHASES: dict[str, Callable[[Server], None]] = {
    "token": lambda server: server.always("token", faults.hang),
    "connect_unread": lambda server: server.on_accept.extend(["stall"] * 3),
    "headers": lambda server: server.always("GET rcs", faults.half_head),
    "reply": lambda server: server.always("GET rcs", faults.hang),
    "body": lambda server: server.always("GET rcs", faults.drip(0.02)),
    "pause": lambda server: server.always("GET rcs", faults.status(503)),
}


class SleepingClock(FakeClock):
    """A clock whose pauses last until they are cancelled."""

    async def sleep(self, seconds: float, /) -> None:
        """Wait for ever."""
        self.sleeps.append(seconds)
        await asyncio.Event().wait()


async def reach(server: Server, phase: str, clock: FakeClock) -> None:
    """Wait until a call is in its phase."""
    reached = {
        "token": lambda: server.count("token") >= 1,
        "connect_unread": lambda: server.connections >= 1,
        "pause": lambda: bool(clock.sleeps),
    }
    await settle(reached.get(phase, lambda: server.count("GET rcs") >= 1))
    await asyncio.sleep(0.05 if phase == "body" else 0.01)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["cancel", "timeout", "anyio", "task_group"])
async def test_cancelled_in_each_phase_leaves_nothing(
    server: Server, open_client: Open, phase: str, how: str
) -> None:
    """The cancellation comes through at once; the place is free, no task and no socket of the call is left."""
    PHASES[phase](server)
    clock = SleepingClock()
    sinch = open_client(clock=clock)
    before = asyncio.all_tasks()
    call = asyncio.ensure_future(_called(sinch, how, server, phase, clock))
    await call
    assert sinch.in_flight == (1 if phase in ("token", "connect_unread") else 0)
    if phase not in ("token", "connect_unread"):
        assert own_tasks(before) == set()
        kept = 1 if phase == "pause" else 0
        # The token's connection is idle; the call's own is gone.
        await settle(lambda: server.open_connections <= 1 + kept)
    await sinch.aclose()
    assert sinch.in_flight == 0
    assert own_tasks(before) == set()
    await settle(lambda: server.open_connections == 0)


async def _called(sinch: ProvisioningClient, how: str, server: Server, phase: str, clock: FakeClock) -> None:
    if how == "cancel":
        call = asyncio.ensure_future(sinch.rcs.list())
        await reach(server, phase, clock)
        await by_cancel(call)
    elif how == "timeout":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await sinch.rcs.list()
    elif how == "anyio":
        with anyio.move_on_after(0.1) as scope:
            await sinch.rcs.list()
        assert scope.cancelled_caught
    else:
        with pytest.raises(ExceptionGroup):
            await _grouped(sinch, server, phase, clock)


async def _grouped(sinch: ProvisioningClient, server: Server, phase: str, clock: FakeClock) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(sinch.rcs.list())
        await reach(server, phase, clock)
        raise RuntimeError("a neighbour in the group failed")


async def test_cancelled_while_waiting_for_a_place(server: Server, open_client: Open) -> None:
    """Whoever gives up in the queue takes nobody's turn, and the queue goes on in order."""
    sinch = open_client(max_connections=1)
    await sinch.rcs.list()
    server.arm("GET rcs", faults.delay(0.1))
    first = asyncio.ensure_future(sinch.rcs.list())
    await settle(lambda: server.count("GET rcs") == 2)
    done: list[int] = []

    async def numbered(number: int) -> None:
        await sinch.rcs.list()
        done.append(number)

    waiting = [asyncio.ensure_future(numbered(number)) for number in range(6)]
    await asyncio.sleep(0.01)
    for call in waiting[::2]:
        call.cancel()
    await first
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [1, 3, 5]
    assert sinch.in_flight == 0
    assert server.peak == 1


async def test_cancelled_in_tls_handshake_closes_the_socket(tls_server: Server) -> None:
    """A handshake that never ends holds no socket once its caller is gone.

    On our own connections only, as the next two: httpcore forgets a socket whose handshake is cancelled.
    """
    async with Server() as silent:
        silent.always("token", faults.hang)
        silent.on_accept.extend(["stall"] * 4)
        url = silent.url.replace("http:", "https:")
        gc.disable()
        try:
            async with client_on(tls_server, base_url=url) as sinch:
                call = asyncio.ensure_future(sinch.rcs.list())
                await settle(lambda: silent.connections == 1)
                await asyncio.sleep(0.05)
                await by_cancel(call)
                await settle(lambda: silent.open_connections == 0)
                assert sinch.in_flight == 0
        finally:
            gc.enable()


async def test_reopened_connection_is_watched_as_the_first_was(tls_server: Server) -> None:
    """A handshake in place of a kept connection that has ended is closed as well when it is cancelled."""
    async with client_on(tls_server) as sinch:
        tls_server.arm("token", faults.close_after)
        await sinch.authenticate()
        await settle(lambda: tls_server.open_connections == 0)
        tls_server.on_accept.append("stall")
        call = asyncio.ensure_future(sinch.rcs.list())
        await asyncio.sleep(0.05)
        gc.disable()
        try:
            await by_cancel(call)
            await settle(lambda: tls_server.open_connections == 0)
            assert sum(len(group) for group in pool_of(sinch)._idle.values()) == 0
        finally:
            gc.enable()


@pytest.mark.parametrize("post", [False, True])
async def test_deadline_in_tls_handshake_is_no_unknown_outcome(tls_server: Server, post: bool) -> None:
    """Before the handshake's end no byte of a request has left, also of a create."""
    async with Server() as silent:
        silent.on_accept.extend(["stall"] * 4)
        url = silent.url.replace("http:", "https:")
        async with client_on(tls_server, base_url=url, retry=policy(deadline=0.2)) as sinch:
            with pytest.raises(DeadlineExceededError):
                await (sinch.rcs.create(display_name="New") if post else sinch.rcs.list())
            await settle(lambda: silent.open_connections == 0)


async def test_calls_work_over_tls(tls_server: Server, transport: str) -> None:
    """The authority named by SSL_CERT_FILE is trusted, and connections are kept."""
    async with client_on(tls_server, transport=transport) as sinch:
        await sinch.rcs.create(display_name="New")
        assert [sender.display_name for sender in await sinch.rcs.list()] == ["New"]
    assert tls_server.connections == 1


@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize("tls", [False, True])
async def test_cancelled_at_every_step(server: Server, tls_server: Server, post: bool, tls: bool) -> None:
    """However many turns of the event loop a call has had: cancelled, it leaves no place, task or socket.

    On our own connections only, for the same reason.
    """
    target = tls_server if tls else server
    context = asyncio.all_tasks()
    turns = 0
    finished = 0
    gc.disable()
    try:
        while finished < 2 and turns < 400:
            async with client_on(target) as sinch:
                call: asyncio.Future[Any] = asyncio.ensure_future(
                    sinch.rcs.create(display_name="New") if post else sinch.rcs.list()
                )
                for _ in range(turns):
                    await asyncio.sleep(0)
                call.cancel()
                outcome = (await asyncio.gather(call, return_exceptions=True))[0]
                finished += not isinstance(outcome, BaseException)
                assert isinstance(outcome, asyncio.CancelledError) or not isinstance(outcome, BaseException)
            assert sinch.in_flight == 0
            assert own_tasks(context) == set()
            await settle(lambda: target.open_connections == 0)
            turns += 3
    finally:
        gc.enable()
    assert finished == 2


async def test_deadline_in_flight_of_a_create_is_outcome_unknown(server: Server, open_client: Open) -> None:
    """A deadline that passes while a create may be done says so; for a read it is only late."""
    server.always("POST rcs", faults.commit_then_hang)
    server.always("GET rcs", faults.hang)
    sinch = open_client(retry=policy(deadline=0.2))
    with pytest.raises(OutcomeUnknownError) as unknown:
        await sinch.rcs.create(display_name="New")
    with pytest.raises(DeadlineExceededError) as late:
        await sinch.rcs.list()
    assert [attempt.cause for attempt in unknown.value.attempts] == ["DeadlineExceeded"]
    assert [attempt.cause for attempt in late.value.attempts] == ["DeadlineExceeded"]
    assert server.count("POST rcs") == 1
