"""Connecting to a host that has several addresses, some of which may lead nowhere (Happy Eyeballs, RFC 8305).

asyncio's own, `create_connection(happy_eyeballs_delay=...)`, loses its socket where it is cancelled in the very turn in
which the connection stands, and uvloop has none.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterable
from typing import Final

_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int | bytes, ...]]

# Seconds until the next address is tried beside the ones before it (section 5).
_DELAY: Final = 0.25


async def connected_socket(host: str, port: int) -> socket.socket:
    """Connect to the address of `host` that answers first; OSError, the first address's, where none does."""
    loop = asyncio.get_running_loop()
    addresses = _alternating(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if len(addresses) == 1:
        return await _connect(loop, addresses[0])
    racers: list[asyncio.Task[socket.socket]] = []
    winner: asyncio.Task[socket.socket] | None = None
    try:
        while addresses or any(not racer.done() for racer in racers):
            if addresses:
                racers.append(loop.create_task(_connect(loop, addresses.pop(0))))
            running = [racer for racer in racers if not racer.done()]
            pause = _DELAY if addresses else None
            done, _ = await asyncio.wait(running, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            winner = next((racer for racer in done if racer.exception() is None), None)
            if winner is not None:
                return winner.result()
        return racers[0].result()
    finally:
        # Not waited for, which could be cancelled with the winner in hand; they end with the loop's next turn.
        for racer in racers:
            if racer is not winner:
                racer.cancel()
                racer.add_done_callback(_close)


async def _connect(loop: asyncio.AbstractEventLoop, address: _Address) -> socket.socket:
    family, kind, protocol, _, place = address
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.setblocking(False)
        await loop.sock_connect(connecting, place)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _close(loser: asyncio.Task[socket.socket]) -> None:
    if not loser.cancelled() and loser.exception() is None:
        loser.result().close()


def _alternating(addresses: Iterable[_Address]) -> list[_Address]:
    """Let the families take turns, as the resolver's order has them (section 4)."""
    families: dict[socket.AddressFamily, list[_Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    rows = itertools.zip_longest(*families.values())
    return [address for row in rows for address in row if address is not None]
