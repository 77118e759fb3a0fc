"""The states of a sender that its helpers know; the set is open, so every other one means "not yet"."""

from __future__ import annotations

from typing import Final

from sinch_provisioning_api.models import RcsSender

LAUNCHED: Final = "LAUNCHED"

# A launch in one of these needs no further one.
UNDER_WAY: Final = frozenset({"PREPARING_LAUNCH", "PENDING_LAUNCH", "LAUNCHING", LAUNCHED})

# A launch that came to one of these will not come to LAUNCHED by waiting.
FAILED: Final = frozenset({"REJECTED", "LAUNCH_REJECTED", "LAUNCH_FAILED", "FAILED", "UNLAUNCHED"})


def status_of(sender: RcsSender) -> str | None:
    """Return the sender's `status`; some replies of the live API call it `state`."""
    if sender.status is not None:
        return sender.status
    state = sender.additional_properties.get("state")
    return state if isinstance(state, str) else None
