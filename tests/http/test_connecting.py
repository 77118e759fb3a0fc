"""Hosts with several addresses: the first that answers is taken, and no socket is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sinch_provisioning._http import connecting
from sinch_provisioning._http.connecting import open_connection
from sinch_provisioning._http.connection import Connection
from sinch_provisioning._http.outcome import ExchangeError


def listener(backlog: int = 8) -> socket.socket:
    """Listen on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(backlog)
    return listening


@pytest.fixture
def answering() -> Iterator[int]:
    """A port on which connections are accepted."""
    with listener() as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose queue is full, so that the kernel answers no further connection."""
    with ExitStack() as stack:
        listening = stack.enter_context(listener(0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@pytest.fixture
def refusing() -> int:
    """A port on which nobody listens."""
    with listener() as listening:
        port: int = listening.getsockname()[1]
    return port


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let every host have these addresses, all of them here."""

    async def getaddrinfo(*_: object, **__: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def connect() -> Connection:
    """Connect to a host that has to be looked up."""
    return await open_connection(("http", "host", 80), tls=None, proxy=None, seconds=5.0)


def port_of(connection: Connection) -> int:
    """Say which of the addresses it was."""
    assert connection._transport is not None
    port: int = connection._transport.get_extra_info("peername")[1]
    return port


async def test_refused_address_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, refusing: int, answering: int
) -> None:
    """The next address is tried at once where one refuses."""
    resolve_to(monkeypatch, refusing, refusing, answering)
    connection = await connect()
    assert port_of(connection) == answering
    connection.abort()
    await asyncio.sleep(0)


async def test_silent_address_is_overtaken(
    monkeypatch: pytest.MonkeyPatch, silent: int, answering: int
) -> None:
    """An address that never answers delays by the pause and no more, and its socket is closed."""
    monkeypatch.setattr(connecting, "_ATTEMPT_DELAY", 0.01)
    resolve_to(monkeypatch, silent, answering)
    before = asyncio.all_tasks()
    connection = await connect()
    assert port_of(connection) == answering
    connection.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()


async def test_all_refuse(monkeypatch: pytest.MonkeyPatch, refusing: int) -> None:
    """Where none answers, the error says so."""
    resolve_to(monkeypatch, refusing, refusing)
    with pytest.raises(ExchangeError, match="Connect call failed"):
        await connect()
    gc.collect()


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_at_every_turn(
    monkeypatch: pytest.MonkeyPatch, silent: int, answering: int, turns: int
) -> None:
    """Whenever the caller gives up, no task and no socket stays; an unclosed one would be a warning."""
    monkeypatch.setattr(connecting, "_ATTEMPT_DELAY", 0.001)
    resolve_to(monkeypatch, silent, answering, answering)
    before = asyncio.all_tasks()
    opening = asyncio.ensure_future(connect())
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    [outcome] = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(outcome, Connection):
        outcome.abort()
    # The losers of the race end with the loop's next turns.
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    del outcome, opening
    gc.collect()
