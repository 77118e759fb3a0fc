"""What tests of several rooms share: clients on the emulator and brands that carriers accept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning_api.models import CreateRcsSenderRequestFields
from sinch_provisioning_emulator import Emulator

BRAND: CreateRcsSenderRequestFields = {
    "display_name": "Acme",
    "description": "Orders and deliveries",
    "logo_url": "https://acme.example/logo.png",
    "hero_image_url": "https://acme.example/hero.png",
    "website": "https://acme.example",
    "privacy_policy": "https://acme.example/privacy",
    "terms_of_service": "https://acme.example/terms",
}

ENVIRONMENT = (
    "SINCH_PROJECT_ID",
    "SINCH_KEY_ID",
    "SINCH_KEY_SECRET",
    "SINCH_PROVISIONING_URL",
    "SINCH_TOKEN_URL",
    *(f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")),
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL", "NO")),
)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own settings out of the tests."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def client_on(emulator: Emulator, **options: Any) -> ProvisioningClient:
    """Open a client on an emulator, in process and on its clock unless `options` say otherwise."""
    settings: dict[str, Any] = {
        "project_id": emulator.project_id,
        "credentials": OAuth2ClientCredentials(emulator.key_id, emulator.key_secret, emulator.token_url),
        "base_url": emulator.base_url,
        "clock": emulator.clock,
    }
    if "http_client" not in options:
        settings["transport"] = emulator.transport()
    return ProvisioningClient(**(settings | options))


@pytest.fixture
async def served() -> AsyncIterator[tuple[Emulator, Callable[..., ProvisioningClient]]]:
    """Serve an emulator over a real socket, and make clients that reach it there."""
    emulator = Emulator()
    async with emulator.serve():
        yield emulator, lambda **options: client_on(emulator, **({"transport": "httpx"} | options))
