"""Reviews of launches: how long they take and how they end."""

from __future__ import annotations

from typing import Literal

from ..openapi.error_replies import EmulatorError
from .clock import Clock

Verdict = Literal["accepted", "rejected", "pending", "suspended"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected", "pending", "suspended")
"""Only Sinch's own API has suspended launches."""


class Lifecycle:
    """The clock, the length of a review, and the verdicts set by name."""

    def __init__(self, clock: Clock, *, review: float, approval: Verdict = "accepted") -> None:
        """`review` is the time between a launch and its verdict in seconds; `approval` is the default verdict."""
        if not 0 <= review < float("inf"):
            raise EmulatorError("review must be finite and not negative")
        self.clock = clock
        self.review = review
        self.approval: Verdict = known_verdict(approval)
        self.announced: dict[str, Verdict] = {}

    def announce(self, name: str, verdict: Verdict) -> None:
        """Set the verdict for every sender of that name, existing or future."""
        self.announced[name] = known_verdict(verdict)

    def verdict(self, name: str, own: Verdict | None) -> Verdict:
        """Return a sender's own verdict, else that of its name, else the default."""
        return own or self.announced.get(name, self.approval)


def known_verdict(verdict: str) -> Verdict:
    """Return the verdict; EmulatorError if it is none of these."""
    for known in VERDICTS:
        if verdict == known:
            return known
    raise EmulatorError(f"unknown verdict {verdict!r}: use one of {', '.join(VERDICTS)}")
