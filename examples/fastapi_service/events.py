"""A sender's way to its launch, as server-sent events (the HTML standard's `text/event-stream`)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator

from sinch_provisioning import ProvisioningError
from sinch_provisioning_api.models import RcsSender


async def events(senders: AsyncIterator[RcsSender]) -> AsyncGenerator[str, None]:
    """Write an event for each change of status, and a last one that says how it ended."""
    try:
        async for sender in senders:
            yield _event("status", {"id": sender.id, "status": sender.status})
    # The response has begun, so a status code can't say it any more.
    except ProvisioningError as error:
        yield _event("failed", {"error": type(error).__name__})
    else:
        yield _event("done", {})


def _event(name: str, data: dict[str, str | None]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
