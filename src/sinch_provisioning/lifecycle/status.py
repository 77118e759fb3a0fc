"""How far a sender has come on its way to the carriers' approval, and what the helpers conclude from it.

Statuses are an open set: any that is not named here means "not there yet".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, cast

from attrs import frozen

from ..errors import ConfigurationError, LaunchRejectedError, Rejection

LAUNCHED: Final = "LAUNCHED"

# A sender in one of these needs no further launch.
UNDER_WAY: Final = frozenset({"PREPARING_LAUNCH", "PENDING_LAUNCH", "LAUNCHING", LAUNCHED})

# A launch that ended in one of these will not become LAUNCHED by waiting.
FAILED: Final = frozenset({"REJECTED", "LAUNCH_REJECTED", "LAUNCH_FAILED", "FAILED", "UNLAUNCHED"})


@frozen
class Progress:
    """What a sender says about its launch.

    `status` is the server's own word. `under_way`: launching or launched, so that no launch is to be sent. `launched`:
    wherever it was to be launched, as far as carriers accepted it. `failed`: it will not be launched by waiting.
    `unsubmitted`: it is launched, but was never submitted to some of the `places` (countries) it is wanted in.
    """

    status: str | None
    under_way: bool
    launched: bool
    failed: bool
    rejections: tuple[Rejection, ...] = ()
    unsubmitted: bool = False
    places: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether the launch has ended, successfully or not."""
        return self.launched or self.failed


def progress_of(sender: object) -> Progress:
    """Read it off a sender whose status alone says everything."""
    return progress_at(status_of(sender))


def progress_at(status: str | None) -> Progress:
    """Return the progress of a sender of which only the status is known."""
    return Progress(status, status in UNDER_WAY, status == LAUNCHED, status in FAILED)


def status_of(sender: object) -> str | None:
    """Return the sender's `status`; Sinch's own API calls it `state`."""
    status = getattr(sender, "status", None)
    if status is None:
        extras = cast("Mapping[str, object]", getattr(sender, "additional_properties", {}))
        status = getattr(sender, "state", None) or extras.get("state")
    return status if isinstance(status, str) else None


def statuses(until: str | Iterable[str]) -> frozenset[str]:
    """Return the awaited statuses as a set; a single one may be given as a string."""
    wanted = [until] if isinstance(until, str) else list(until) if isinstance(until, Iterable) else []
    if not wanted or not all(isinstance(status, str) and status for status in wanted):
        raise ConfigurationError("until must name at least one status, such as 'LAUNCHED'")
    return frozenset(wanted)


def has_arrived(sender: object, progress: Progress, wanted: Collection[str], *, operation_id: str) -> bool:
    """Whether the sender has one of the awaited statuses; raises LaunchRejectedError where it can't get there."""
    if progress.status in wanted and (progress.launched or progress.status != LAUNCHED):
        return True
    if progress.failed:
        reason = refusals(progress) or f"status {progress.status}"
        raise LaunchRejectedError(
            f"sender {getattr(sender, 'id', None)} was not approved ({reason}): "
            "read the carriers' remarks, correct the brand fields, then launch it again",
            sender=sender,
            rejections=progress.rejections,
            operation_id=operation_id,
        )
    return False


def refusals(progress: Progress) -> str:
    """Say where the sender was refused, by whom and why; empty where the sender does not tell."""
    return ", ".join(
        " ".join(filter(None, (country, operator, status, remark and f"({remark})")))
        for country, operator, status, remark in progress.rejections
    )
