"""What tests of several rooms share: clients on the emulator and brands that carriers accept."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
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

LOGGERS = (
    "httpx",
    "httpcore",
    "asyncio",
    "aiohttp",
    "sinch_provisioning",
    "anyio",
    "hpack",
    "redis",
    "fastapi",
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
def everything_logged() -> Iterator[io.StringIO]:
    """Log all that anybody logs, with the records' arguments and extras, at the lowest level."""
    out = io.StringIO()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            out.write(f"{record.getMessage()} {record.__dict__!r}\n")
            if record.exc_info:
                out.write(
                    "".join(traceback.TracebackException(*record.exc_info, capture_locals=True).format())
                )

    handler = Handler()
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in LOGGERS)]
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(1)
    yield out
    root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
async def served() -> AsyncIterator[tuple[Emulator, Callable[..., ProvisioningClient]]]:
    """Serve an emulator over a real socket, and make clients that reach it there."""
    emulator = Emulator()
    async with emulator.serve():
        yield emulator, lambda **options: client_on(emulator, **({"transport": "httpx"} | options))
