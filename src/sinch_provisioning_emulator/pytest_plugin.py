"""pytest fixtures: an emulator for each test, and a client on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sinch_provisioning import ProvisioningClient

    from .emulator import Emulator

# Nothing is imported before a fixture is asked for: a test run that never does, pays nothing for the plugin.


@pytest.fixture
def sinch_emulator() -> Emulator:
    """A fresh emulator: no senders, no faults, a clock of its own."""
    from . import Emulator  # noqa: PLC0415 - see above; by the package, which says what to install

    return Emulator()


@pytest.fixture
def sinch(sinch_emulator: Emulator) -> ProvisioningClient:
    """A client on `sinch_emulator`, in process and on its clock; a test may close it, and needn't.

    The fixture is a plain function, so that it works under every asyncio plugin and under none: the transport
    holds no socket and the client opens none.
    """
    from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient  # noqa: PLC0415 - see above

    return ProvisioningClient(
        project_id=sinch_emulator.project_id,
        credentials=OAuth2ClientCredentials(
            sinch_emulator.key_id, sinch_emulator.key_secret, token_url=sinch_emulator.token_url
        ),
        base_url=sinch_emulator.base_url,
        transport=sinch_emulator.transport(),
        clock=sinch_emulator.clock,
    )
