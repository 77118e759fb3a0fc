"""A sender's way to its launch, as server-sent events (the HTML standard's `text/event-stream`)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator

from sinch_provisioning import ProvisioningError
from sinch_provisioning_v1_2_api.models import RcsSender


async def events(now: RcsSender, changes: AsyncIterator[RcsSender]) -> AsyncGenerator[str, None]:
    """Write an event for the state `now` and each change of it, and a last one that says how it ended."""
    yield _state(now)
    try:
        async for sender in changes:
            yield _state(sender)
    # The response has begun, so a status code can't say it any more.
    except ProvisioningError as error:
        yield _event("failed", {"error": type(error).__name__})
    else:
        yield _event("done", {})


def _state(sender: RcsSender) -> str:
    return _event("state", {"id": sender.id, "state": sender.state})


def _event(name: str, data: dict[str, str | None]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
