"""Sender statuses that the helpers act on. The set is open: any other status means "not there yet"."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, cast

from ..errors import ConfigurationError, LaunchRejectedError

LAUNCHED: Final = "LAUNCHED"

# A sender in one of these needs no further launch.
UNDER_WAY: Final = frozenset({"PREPARING_LAUNCH", "PENDING_LAUNCH", "LAUNCHING", LAUNCHED})

# A launch that ended in one of these will not become LAUNCHED by waiting.
FAILED: Final = frozenset({"REJECTED", "LAUNCH_REJECTED", "LAUNCH_FAILED", "FAILED", "UNLAUNCHED"})


def status_of(sender: object) -> str | None:
    """Return the sender's `status`; some replies of the live API call it `state`."""
    status = getattr(sender, "status", None)
    if status is None:
        extras = cast("Mapping[str, object]", getattr(sender, "additional_properties", {}))
        status = getattr(sender, "state", None) or extras.get("state")
    return status if isinstance(status, str) else None


def statuses(until: str | Iterable[str]) -> frozenset[str]:
    """Return the awaited statuses as a set; a single one may be given as a string."""
    wanted = frozenset([until] if isinstance(until, str) else until)
    if not wanted or not all(isinstance(status, str) and status for status in wanted):
        raise ConfigurationError("until must name at least one status, such as 'LAUNCHED'")
    return wanted


def has_arrived(sender: object, wanted: Collection[str], *, operation_id: str) -> bool:
    """Whether the sender has one of the awaited statuses; raises LaunchRejectedError where it can't get there."""
    status = status_of(sender)
    if status in wanted:
        return True
    if status in FAILED:
        raise LaunchRejectedError(
            f"sender {getattr(sender, 'id', None)} was not approved (status {status}): "
            "read the carriers' remarks, correct the brand fields, then launch it again",
            sender=sender,
            operation_id=operation_id,
        )
    return False


def is_settled(sender: object) -> bool:
    """Whether the sender's launch has ended, successfully or not."""
    status = status_of(sender)
    return status == LAUNCHED or status in FAILED


def is_under_way(sender: object) -> bool:
    """Whether the sender is launching or launched, so that no launch is to be sent."""
    return status_of(sender) in UNDER_WAY
