"""Ten thousand senders, a tenth of the calls going wrong, and `kill -9` at five moments: the whole of it.

`python -m tests.desired.full_size [NUMBER]` takes minutes, so the suite does it with fewer; this prints its figures.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from sinch_provisioning_emulator import Emulator, RunningClock

from .brands import arm, write_brands

WRITES = ("createRcsSender", "updateRcsSender", "launchRcsSender")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _command(
    emulator: Emulator, *arguments: str, kill_after: float | None = None
) -> tuple[int, float, float]:
    """Run the command; returns exit code, seconds, and its largest resident size in MB."""
    environment = os.environ | {
        "SINCH_PROJECT_ID": emulator.project_id,
        "SINCH_KEY_ID": emulator.key_id,
        "SINCH_KEY_SECRET": emulator.key_secret,
        "SINCH_PROVISIONING_URL": emulator.base_url,
        "SINCH_TOKEN_URL": emulator.token_url,
    }
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sinch_provisioning.cli", *arguments,
        env=environment, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    watched = psutil.Process(process.pid)
    largest = 0.0
    while process.returncode is None:
        try:
            largest = max(largest, watched.memory_info().rss / 1e6)
        except psutil.NoSuchProcess:
            break
        if kill_after is not None and time.monotonic() - began > kill_after:
            process.kill()
        await asyncio.sleep(0.05)
    return await process.wait(), time.monotonic() - began, largest


async def run(number: int, folder: Path, kills: int) -> bool:
    emulator = Emulator(clock=RunningClock(), review=0.0, history=1_000_000)
    arm(emulator)
    file = str(write_brands(folder / "brands.yaml", number))
    async with emulator.serve():
        for turn in range(kills):
            moment = random.uniform(2, 2 + number / 500)
            code, seconds, size = await _command(emulator, "apply", file, kill_after=moment)
            _say(
                f"apply {turn + 1}: {code} after {seconds:.1f} s, "
                f"{len(emulator.senders)} senders, {size:.0f} MB"
            )
        code, seconds, size = await _command(emulator, "apply", file, "--wait")
        names = Counter(sender.name for sender in emulator.senders)
        launched = sum(sender.status == "LAUNCHED" for sender in emulator.senders)
        _say(
            f"apply --wait: {code} after {seconds:.1f} s, {size:.0f} MB; {len(emulator.senders)} senders, "
            f"{launched} launched, {len(emulator.senders) - len(names)} duplicates, "
            f"{emulator.requests.count('listRcsSenders')} listings"
        )
        emulator.faults.clear()
        emulator.requests.clear()
        again, seconds, second = await _command(emulator, "apply", file)
        planned, _, _ = await _command(emulator, "plan", file)
        writes = sum(emulator.requests.count(operation) for operation in WRITES)
        _say(
            f"second apply: {again} after {seconds:.1f} s, {second:.0f} MB, {writes} writes; plan: {planned}"
        )
    return (code, again, planned, launched, len(names), writes) == (0, 0, 0, number, number, 0) and size < 200


def main() -> int:
    """Do it once without a kill and once with five; 0 where both ended as they must."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    ok = True
    for kills in (0, 5):
        with tempfile.TemporaryDirectory() as folder:
            ok = asyncio.run(run(number, Path(folder), kills)) and ok
    _say("as it must be" if ok else "NOT as it must be")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
