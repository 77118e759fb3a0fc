"""How much the emulator bears: enough for a test suite, and ten thousand senders."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import psutil

from sinch_provisioning_emulator import Emulator

from .processes import Command

RCS = "/v1/projects/emulator-project/rcs/senders"
AUTH = ("emulator-key-id", "emulator-key-secret")


async def test_one_core_bears_300_requests_a_second_among_10_000_senders(
    tmp_path: Path, brand: dict[str, str]
) -> None:
    """Over a socket; counted in processor time of the server, which other load on the machine doesn't change."""
    state = tmp_path / "state.json"
    filled = Emulator(state=state)
    for number in range(10_000):
        filled.add("rcs", {**brand, "displayName": f"sender {number}"})
    filled.close()
    with Command("--state", str(state)) as served:
        server = psutil.Process(served.process.pid)
        async with httpx.AsyncClient(base_url=served.origin, auth=AUTH, timeout=60) as api:
            began = sum(server.cpu_times()[:2])
            listed = (await api.get(RCS)).json()["senders"]
            spent = sum(server.cpu_times()[:2]) - began
            assert (len(listed), listed[-1]["displayName"]) == (10_000, "sender 9999")
            assert spent < 2.0, f"listing took {spent:.2f} s"
            ids = [each["id"] for each in listed[:100]]

            async def work(mine: list[str]) -> None:
                for sender_id in mine:
                    assert (await api.get(f"{RCS}/{sender_id}")).status_code == 200
                    assert (
                        await api.patch(f"{RCS}/{sender_id}", json={"description": "x"})
                    ).status_code == 200
                    assert (await api.post(RCS, json=brand)).status_code == 200
                    assert (await api.get(RCS, params={"pageSize": "10"})).status_code == 200

            began = sum(server.cpu_times()[:2])
            await asyncio.gather(*(work(ids[start::8]) for start in range(8)))
            spent = sum(server.cpu_times()[:2]) - began
            assert 400 / spent > 300, f"{400 / spent:.0f} requests per second of processor time"


async def test_a_call_in_process_takes_less_than_two_milliseconds(
    emulator: Emulator, brand: dict[str, str]
) -> None:
    """Processor time of client and emulator together, the best of five rounds; nothing in it waits."""
    async with httpx.AsyncClient(
        transport=emulator.transport(), base_url=emulator.base_url, auth=AUTH
    ) as api:
        rounds = []
        for _ in range(5):
            began = time.process_time()
            for _ in range(50):
                await api.post(RCS, json=brand)
            rounds.append((time.process_time() - began) / 50)
    assert min(rounds) < 0.002
