"""Sends webhook deliveries: over HTTP, or to what stands for a target in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from threading import RLock
from typing import Any

import httpx

from ..api.v1_2.deliveries import Deliveries, Delivery

_TIMEOUT = 10.0

Receiver = Callable[[Mapping[str, str], bytes], Awaitable[int]]
"""Takes the headers and the body of a delivery, and returns the status of its answer."""


class WebhookSender:
    """Sends what is due; a failure is recorded, and never raised."""

    def __init__(self, deliveries: Deliveries, lock: RLock) -> None:
        """`lock` guards the emulator's state."""
        self._deliveries = deliveries
        self._lock = lock
        self._receivers: dict[str, Receiver | httpx.AsyncBaseTransport] = {}

    def receive(self, target: str, receiver: Receiver | None, app: Callable[..., Any] | None) -> None:
        """Let a coroutine function, or an ASGI application, stand for a target."""
        if app is not None:
            self._receivers[target] = httpx.ASGITransport(app)
        elif receiver is not None:
            self._receivers[target] = receiver

    async def send_due(self) -> int:
        """Send what is due now, one after the other; returns how many were accepted."""
        with self._lock:
            self._deliveries.settle()
            due = self._deliveries.due()
        accepted = 0
        for delivery in due:
            status = await self._send(delivery)
            with self._lock:
                self._deliveries.sent(delivery, status)
            accepted += delivery.outcome == "delivered"
        return accepted

    async def _send(self, delivery: Delivery) -> int | None:
        headers = delivery.headers(self._deliveries.clock.time())
        receiver = self._receivers.get(delivery.target)
        try:
            if receiver is not None and not isinstance(receiver, httpx.AsyncBaseTransport):
                return await receiver(headers, delivery.body)
            async with httpx.AsyncClient(transport=receiver, timeout=_TIMEOUT, trust_env=False) as http:
                reply = await http.post(delivery.target, content=delivery.body, headers=headers)
                return reply.status_code
        # A dead target, or the bug of a receiver under test: to Sinch both are a delivery that failed.
        except Exception:
            return None
