"""pytest fixtures: an emulator per test, and a client connected to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sinch_provisioning import ProvisioningClient, v1_2

    from .emulator import Emulator

# Imports are deferred so that the plugin costs nothing in test runs that do not use it.


@pytest.fixture
def sinch_emulator() -> Emulator:
    """Return a new emulator without senders or faults."""
    from . import Emulator  # noqa: PLC0415 - from the package, whose error says what to install

    return Emulator()


@pytest.fixture
def sinch_emulator_v1_2() -> Emulator:
    """Return a new emulator of Sinch's own API, without senders or faults."""
    from . import Emulator  # noqa: PLC0415 - from the package, whose error says what to install

    return Emulator(api="1.2")


@pytest.fixture
def sinch_v1_2(sinch_emulator_v1_2: Emulator) -> v1_2.ProvisioningClient:
    """Return a client of Sinch's own API, connected to `sinch_emulator_v1_2` as `sinch` is to its emulator."""
    from sinch_provisioning import OAuth2ClientCredentials, v1_2  # noqa: PLC0415 - see above

    emulator = sinch_emulator_v1_2
    return v1_2.ProvisioningClient(
        project_id=emulator.project_id,
        credentials=OAuth2ClientCredentials(
            emulator.key_id, emulator.key_secret, token_url=emulator.token_url
        ),
        base_url=emulator.base_url,
        transport=emulator.transport(any_host=False),
        clock=emulator.clock,
    )


@pytest.fixture
def sinch(sinch_emulator: Emulator) -> ProvisioningClient:
    """Return a client connected to `sinch_emulator` in process and using its clock; closing it is optional.

    It reaches nothing but the emulator and opens no socket. The fixture is synchronous, so it works with any asyncio
    plugin or none.
    """
    from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient  # noqa: PLC0415 - see above

    return ProvisioningClient(
        project_id=sinch_emulator.project_id,
        credentials=OAuth2ClientCredentials(
            sinch_emulator.key_id, sinch_emulator.key_secret, token_url=sinch_emulator.token_url
        ),
        base_url=sinch_emulator.base_url,
        transport=sinch_emulator.transport(any_host=False),
        clock=sinch_emulator.clock,
    )
