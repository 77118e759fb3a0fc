"""From a request to the status that answers it, for any web framework."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Final, Protocol, runtime_checkable

from ..errors import WebhookSignatureError
from .event import WebhookEvent
from .signature import Headers
from .verifier import WebhookVerifier

_logger = logging.getLogger("sinch_provisioning.webhooks")

MAX_BODY_BYTES: Final = 2**20

Publish = Callable[[WebhookEvent], Awaitable[object]]


@runtime_checkable
class Publisher(Protocol):
    """What events are handed to, such as `EventHub`."""

    async def publish(self, event: WebhookEvent, /) -> None:
        """Accept `event`, or raise."""
        ...


async def receive(
    verifier: WebhookVerifier,
    publish: Publish,
    headers: Headers,
    body: bytes | AsyncIterable[bytes],
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> int:
    """Verify a delivery, await `publish(event)`, and return the status to answer with.

    204: handed over. 400: signed, but not an event. 401: refused. 413: larger than `max_body_bytes`. 503: `publish`
    raised, so that Sinch sends the delivery again. Sinch ignores the body of an answer. The log says why, and never
    holds a body, a signature or a secret.
    """
    content = await _read(body, max_body_bytes)
    if content is None:
        _logger.warning("webhook delivery refused: its body is larger than %d bytes", max_body_bytes)
        return 413
    try:
        event = await verifier.verify(headers, content)
    except WebhookSignatureError as error:
        _logger.warning("%s", error, extra={"reason": error.reason})
        return 400 if error.reason == "body" else 401
    failure = await _hand_over(publish, event)
    if failure is None:
        return 204
    # Sinch's next attempt must not count as a repetition; neither after a cancellation.
    await verifier.release(headers)
    if isinstance(failure, Exception):
        return 503
    del headers, body, content
    raise failure


async def _hand_over(publish: Publish, event: WebhookEvent) -> BaseException | None:
    """Return what `publish` raised; in a frame that has no secret, since error trackers report its variables."""
    try:
        await publish(event)
    # The caller's own code, which may raise anything.
    except Exception as error:
        _logger.exception("a %s event of sender %s was not handed over", event.type, event.sender_id)
        return error
    # A cancellation: raised again once the delivery may be repeated.
    except BaseException as error:
        return error
    _logger.debug("a %s event of sender %s was handed over", event.type, event.sender_id)
    return None


async def _read(body: bytes | AsyncIterable[bytes], limit: int) -> bytes | None:
    """Return the whole body, or None as soon as it exceeds `limit` bytes."""
    if isinstance(body, bytes):
        return body if len(body) <= limit else None
    content = bytearray()
    async for chunk in body:
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)
