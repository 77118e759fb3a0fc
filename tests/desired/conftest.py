"""A client on an emulator that shares its clock, and files to apply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning_emulator import Emulator

Write = Callable[[str], Path]


@pytest.fixture
def server() -> Emulator:
    """An empty emulator on virtual time."""
    return Emulator(history=100_000)


@pytest.fixture
async def opened(server: Emulator) -> AsyncIterator[ProvisioningClient]:
    """A client on it, in process."""
    client = ProvisioningClient(
        project_id=server.project_id,
        credentials=OAuth2ClientCredentials(server.key_id, server.key_secret, server.token_url),
        base_url=server.base_url,
        transport=server.transport(),
        clock=server.clock,
    )
    async with client:
        yield client


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a desired-state file."""

    def written(text: str) -> Path:
        path = tmp_path / "senders.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written
