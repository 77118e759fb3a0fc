"""Hosts with several addresses: the first that answers is taken, and no socket is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sinch_provisioning._http import happy_eyeballs as _happy_eyeballs
from sinch_provisioning._http.happy_eyeballs import connected_socket


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


async def test_refused_address_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, refusing: int, answering: int
) -> None:
    """The next address is tried at once where one refuses."""
    resolve_to(monkeypatch, refusing, refusing, answering)
    with await connected_socket("host", 80) as connected:
        assert connected.getpeername()[1] == answering


async def test_silent_address_is_overtaken(
    monkeypatch: pytest.MonkeyPatch, silent: int, answering: int
) -> None:
    """An address that never answers delays by the pause and no more, and its socket is closed."""
    monkeypatch.setattr(_happy_eyeballs, "_DELAY", 0.01)
    resolve_to(monkeypatch, silent, answering)
    before = asyncio.all_tasks()
    with await connected_socket("host", 80) as connected:
        assert connected.getpeername()[1] == answering
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()


async def test_all_refuse(monkeypatch: pytest.MonkeyPatch, refusing: int) -> None:
    """Where none answers, the first address's error is told."""
    resolve_to(monkeypatch, refusing, refusing)
    with pytest.raises(ConnectionRefusedError):
        await connected_socket("host", 80)
    gc.collect()


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_at_every_turn(
    monkeypatch: pytest.MonkeyPatch, silent: int, answering: int, turns: int
) -> None:
    """Whenever the caller gives up, no task and no socket stays; an unclosed one would be a warning."""
    monkeypatch.setattr(_happy_eyeballs, "_DELAY", 0)
    resolve_to(monkeypatch, silent, answering, answering)
    before = asyncio.all_tasks()
    connecting = asyncio.ensure_future(connected_socket("host", 80))
    for _ in range(turns):
        await asyncio.sleep(0)
    connecting.cancel()
    [outcome] = await asyncio.gather(connecting, return_exceptions=True)
    if isinstance(outcome, socket.socket):
        outcome.close()
    assert asyncio.all_tasks() == before
    del outcome, connecting
    gc.collect()


def test_families_take_turns() -> None:
    """A family whose way is broken delays by one pause, however many addresses it has."""
    six = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (name, 80, 0, 0)) for name in ("a", "b", "c")]
    four = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 80)) for name in ("d",)]
    assert [address[4][0] for address in _happy_eyeballs._alternating([*six, *four])] == ["a", "d", "b", "c"]
