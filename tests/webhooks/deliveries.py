"""Deliveries as Sinch makes them, signed by code that shares nothing with the package under test."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import itertools
import json
from typing import Any

from attrs import define, field

from sinch_provisioning.webhooks import WebhookEvent

SECRET = "canary-webhook-secret"
NOW = 1_772_446_530.0
SENDER_ID = "3f2c1a9e-8d1e-4f77-9c2a-0b5d6e7f8a91"
AUTH_TOKEN = "canary-auth-token"

_numbers = itertools.count()


def sender(**changes: Any) -> dict[str, Any]:
    """Make a sender as deliveries carry it, its live token included."""
    return {
        "id": SENDER_ID,
        "region": "EU",
        "billingCategory": "CONVERSATIONAL",
        "useCase": "TRANSACTIONAL",
        "hostingRegion": "EUROPE",
        "state": "LAUNCHED",
        "modified": "2026-03-02t10:15:30.125Z",
        "authName": "acme",
        "authToken": AUTH_TOKEN,
    } | changes


def status_updated(**changes: Any) -> dict[str, Any]:
    """Make a delivery's JSON: a sender's state changed."""
    return {
        "type": "RCS_SENDER_STATUS_UPDATED",
        "payload": sender(),
        "previousState": "LAUNCHING",
        "currentState": "LAUNCHED",
    } | changes


def sign(body: bytes, *, secret: str = SECRET, at: float = NOW, nonce: str | None = None) -> dict[str, str]:
    """Return the four headers for `body`."""
    nonce = f"01JN9X3Z8QWERTYASDF{next(_numbers):07d}" if nonce is None else nonce
    timestamp = str(int(at))
    signed = body + b"." + nonce.encode() + b"." + timestamp.encode()
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-sinch-webhook-signature": base64.b64encode(mac).decode(),
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": timestamp,
    }


def encode(delivery: object) -> bytes:
    """Write a delivery's JSON as its body."""
    return json.dumps(delivery).encode()


def event(**changes: Any) -> WebhookEvent:
    """Make the event of a delivery whose JSON has these changes."""
    return WebhookEvent.parse(
        encode(status_updated(**changes)), received=dt.datetime.fromtimestamp(NOW, dt.UTC), sent=None
    )


@define
class SetClock:
    """A clock that stands where it was set or moved to; who sleeps on it wakes when it is moved that far."""

    now: float = NOW
    sleepers: list[tuple[float, asyncio.Future[None]]] = field(
        factory=list[tuple[float, "asyncio.Future[None]"]]
    )

    def monotonic(self) -> float:
        """Return where it stands."""
        return self.now

    def time(self) -> float:
        """Return where it stands."""
        return self.now

    async def sleep(self, seconds: float, /) -> None:
        """Wait until the clock is moved that far."""
        sleeper = (self.now + seconds, asyncio.get_running_loop().create_future())
        self.sleepers.append(sleeper)
        try:
            await sleeper[1]
        finally:
            self.sleepers.remove(sleeper)

    def move(self, seconds: float) -> None:
        """Move it forward, and wake whose time has come."""
        self.now += seconds
        for wake, future in self.sleepers:
            if wake <= self.now and not future.done():
                future.set_result(None)


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(50):
        await asyncio.sleep(0)
