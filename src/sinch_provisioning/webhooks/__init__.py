"""Receiving Sinch's webhooks: is a delivery genuine, what does it say, and who waits for it.

::

    verifier = WebhookVerifier(os.environ["SINCH_WEBHOOK_SECRET"])
    hub = EventHub()

    async def endpoint(headers, body) -> int:
        return await receive(verifier, hub.publish, headers, body)

    sender = await sinch.rcs.wait_for_status(sender_id, "LAUNCHED", events=hub)
"""

from ..errors import WebhookSignatureError
from .background import BackgroundHandler, Handler
from .event import WebhookEvent
from .hub import EventHub
from .receiver import Publisher, receive
from .replays import MemoryReplays, Replays
from .signature import sinch_signature
from .verifier import WebhookVerifier

__all__ = [
    "BackgroundHandler",
    "EventHub",
    "Handler",
    "MemoryReplays",
    "Publisher",
    "Replays",
    "WebhookEvent",
    "WebhookSignatureError",
    "WebhookVerifier",
    "receive",
    "sinch_signature",
]
