"""The command, run in this process against an emulator on a socket, or as a process of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from sinch_provisioning.cli import main
from sinch_provisioning_emulator import Emulator, RunningClock

FILE = """version: 1
defaults:
  rcs:
    description: Orders and deliveries
    logo_url: https://acme.example/logo.png
    hero_image_url: https://acme.example/hero.png
    website: https://acme.example
    privacy_policy: https://acme.example/privacy
    terms_of_service: https://acme.example/terms
    launch: true
rcs:
  - display_name: Acme
  - display_name: Bolt
"""


@frozen
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[list[str]]:
        """The output's cells."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def data(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


def reach(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment that leads to an emulator."""
    for name, value in {
        "SINCH_PROJECT_ID": emulator.project_id,
        "SINCH_KEY_ID": emulator.key_id,
        "SINCH_KEY_SECRET": emulator.key_secret,
        "SINCH_PROVISIONING_URL": emulator.base_url,
        "SINCH_TOKEN_URL": emulator.token_url,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def api() -> str:
    """The API that is served; a module of tests may have another."""
    return "1.0"


@pytest.fixture
async def server(api: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """An emulator on a socket, and the environment that leads to it."""
    emulator = Emulator(api=api, clock=RunningClock(), review=0.0)
    async with emulator.serve():
        reach(emulator, monkeypatch)
        yield emulator


Command = Callable[..., "asyncio.Future[Ran]"]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command in a thread, where it makes its own event loop, while this one serves."""

    async def run(*arguments: object) -> Ran:
        capfd.readouterr()
        code = await asyncio.to_thread(main, [str(each) for each in arguments])
        return Ran(code, *capfd.readouterr())

    return lambda *arguments: asyncio.ensure_future(run(*arguments))


@frozen
class File:
    """A file to plan and apply."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def write(self, text: str) -> None:
        """Let it say something else."""
        self.path.write_text(text)


@pytest.fixture
def file(tmp_path: Path) -> File:
    """A file of two RCS senders, ready to be launched."""
    written = File(tmp_path / "senders.yaml")
    written.write(FILE)
    return written
