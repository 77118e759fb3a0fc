"""Everything at once: faults, cancellations, shifting pages, a list that lags, respelled names, a loop a thread."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import unicodedata
from typing import Any

import httpx
import pytest

from sinch_provisioning import ProvisioningClient, ProvisioningError

from ..faults.clients import FakeClock
from .test_one_sender import client_of, reply

THREADS = 4
ROUNDS = 6
NAMES = ["Cafe\u0301", " Zoe  Bakery", "\u00d1o\u00f1o", *(f"Brand {number}" for number in range(12))]
LAG = 2.0


def stored(name: str) -> str:
    """Return what the server makes of a name."""
    return " ".join(unicodedata.normalize("NFC", name).split())


class ChaoticServer(httpx.AsyncBaseTransport):
    """Fails three requests of ten, before or after acting; its list lags, and shifts over two pages."""

    def __init__(self, seed: int, clock: FakeClock) -> None:
        self.chance = random.Random(seed)
        self.clock = clock
        self.guard = threading.Lock()
        self.senders: list[tuple[float, dict[str, Any]]] = []
        self.faults = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or fail; on its way there and back it can be cancelled."""
        await request.aread()
        await asyncio.sleep(0)
        answer = self._fate_of(request)
        await asyncio.sleep(0)
        return answer

    def _fate_of(self, request: httpx.Request) -> httpx.Response:
        with self.guard:
            self.clock.now += 0.001
            fate = self.chance.random()
            self.faults += fate < 0.3
            if fate < 0.1:
                raise httpx.ConnectError("refused")
            if fate < 0.15:
                return reply({"errorCode": "internal_error"}, 503)
            answer = self._answer(request)
            if fate < 0.3:
                raise httpx.ReadError("cut")
            return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            name = stored(json.loads(request.content)["displayName"])
            sender = {"id": f"s{len(self.senders)}", "displayName": name}
            self.senders.append((self.clock.now, sender))
            return reply(sender, 201)
        last = request.url.path.rpartition("/")[2]
        if last != "senders":
            found = [sender for _, sender in self.senders if sender["id"] == last]
            return reply(found[0]) if found else reply({"errorCode": "sender_not_found"}, 404)
        shown = [sender for made, sender in self.senders if self.clock.now - made >= LAG]
        half = len(shown) // 2
        if "pageToken" in request.url.params:
            # The last sender of the first page has slipped to the second.
            return reply({"senders": shown[max(0, half - 1) :]})
        return reply({"senders": shown[:half], "nextPageToken": "2"})


async def ensure_all(sinch: ProvisioningClient, chance: random.Random, cancelled: list[int]) -> None:
    """Ensure every name again and again, and leave one call of five somewhere on its way."""
    for _ in range(ROUNDS):
        for name in chance.sample(NAMES, len(NAMES)):
            call = asyncio.ensure_future(sinch.rcs.ensure(display_name=name))
            if chance.random() < 0.2:
                for _ in range(chance.randrange(1, 12)):
                    await asyncio.sleep(0)
                cancelled[0] += call.cancel()
            try:
                await call
            except (ProvisioningError, asyncio.CancelledError):
                # Told, and tried again in the next round.
                continue


@pytest.mark.parametrize("seed", range(2))
def test_exactly_one_sender_a_name(seed: int) -> None:
    """Whatever is lost, cancelled, shown late or respelled, each name has one sender in the end."""
    clock = FakeClock()
    server = ChaoticServer(seed, clock)
    sinch = client_of(reply, transport=server, clock=clock)
    cancelled = [0]
    threads = [
        threading.Thread(
            target=lambda number=number: asyncio.run(
                ensure_all(sinch, random.Random(100 * seed + number), cancelled)
            )
        )
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = sorted(sender["displayName"] for _, sender in server.senders)
    assert made == sorted(stored(name) for name in NAMES)
    assert server.faults > 100
    assert cancelled[0] > 20
