"""`webhooks`: registered, listed, listened for and deleted, on the emulator of Sinch's own API."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sinch_provisioning.v1_2.models import CreateRcsSenderRequest
from sinch_provisioning_emulator import Emulator, RunningClock

from ..v1_2.details import FIELDS
from .conftest import Command, reach

SECRET = "canary-of-the-webhook"


@pytest.fixture
async def own_api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """An emulator of Sinch's own API on a socket, and the environment that leads to it."""
    emulator = Emulator(api="1.2", clock=RunningClock(), review=0.0)
    async with emulator.serve():
        reach(emulator, monkeypatch)
        monkeypatch.setenv("SINCH_WEBHOOK_SECRET", SECRET)
        yield emulator


@asynccontextmanager
async def listening(*options: str) -> AsyncIterator[tuple[asyncio.StreamReader, str]]:
    """Listen in a process of its own, and return its output and its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sinch_provisioning.cli", "webhooks", "listen", "--port", "0", *options),
        # Otherwise Python would hide that an event stays in a buffer.
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        told = (await process.stderr.readline()).decode()
        assert told.startswith("listening on http://127.0.0.1:"), told
        yield process.stdout, told.split()[-1]
    finally:
        process.terminate()
        rest = b"".join(await process.communicate())
        assert b"canary" not in rest


async def test_events_are_printed_as_they_come(command: Command, own_api: Emulator) -> None:
    """A line an event, or JSON, at once although the output is a pipe; neither shows a secret or a token."""
    sender = own_api.add("rcs", CreateRcsSenderRequest(**FIELDS).to_dict())
    async with listening() as (lines, url), listening("--json") as (objects, other):
        for target in (url, other):
            ran = await command("webhooks", "ensure", f"{target}/hook", "RCS_SENDER_STATUS_UPDATED")
            assert ran.code == 0, ran.err
        ran = await command("senders", "launch", sender.id, "--api", "1.2")
        assert ran.code == 0, ran.err
        line = (await asyncio.wait_for(lines.readline(), 30)).decode()
        text = (await asyncio.wait_for(objects.readuntil(b"\n}\n"), 30)).decode()
    assert line.rstrip().split("\t")[1:] == ["RCS_SENDER_STATUS_UPDATED", sender.id, "IN_TEST -> LAUNCHED"]
    event = json.loads(text)["raw"]
    assert (event["type"], event["currentState"]) == ("RCS_SENDER_STATUS_UPDATED", "LAUNCHED")
    assert event["payload"]["details"]["brand"]["name"] == "Acme"
    for printed in (line, text):
        assert SECRET not in printed
        assert "emulated-token" not in printed


async def test_webhooks_are_registered_listed_and_deleted(
    command: Command, own_api: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One a target, however often it is asked for; the secret is shown nowhere and needed."""
    target = "https://acme.example/hook"
    first = (await command("webhooks", "ensure", target, "--json")).data
    assert (await command("webhooks", "ensure", target)).lines == [[first["id"], target, "ALL"]]
    listed = await command("webhooks", "list", "--json")
    assert listed.data == [first]
    assert SECRET not in listed.out
    assert (await command("webhooks", "delete", first["id"])).code == 0
    assert (await command("webhooks", "list")).out == ""
    monkeypatch.delenv("SINCH_WEBHOOK_SECRET")
    refused = await command("webhooks", "ensure", target)
    assert (refused.code, "SINCH_WEBHOOK_SECRET" in refused.err) == (1, True)
