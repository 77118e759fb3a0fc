"""How a sender's status changes over time: drafts, launches under review, verdicts.

None of this is in the document; it follows what is publicly known about the live API.
"""

from __future__ import annotations

from typing import Literal

import attrs

from ..openapi.error_replies import EmulatorError
from .clock import Clock

Verdict = Literal["accepted", "rejected", "pending"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected", "pending")

UNDER_WAY = ("PREPARING_LAUNCH", "PENDING_LAUNCH", "LAUNCHING", "LAUNCHED")
"""Statuses in which a launch is refused with 409."""

_PHASES = ((0.1, "PREPARING_LAUNCH"), (0.3, "IN_TEST"), (1.0, "LAUNCHING"))
_VERIFIED_CHANNELS = frozenset({"kakaoTalk"})
"""Channels whose new senders await verification; on the others they are active at once."""


@attrs.define
class SenderHistory:
    """When things happened to one sender, in seconds since the epoch; `pinned` is a status set by hand."""

    created: float
    changed: float
    launched: float | None = None
    verdict: Verdict | None = None
    decided: float | None = None
    pinned: str | None = None


class Lifecycle:
    """Computes statuses; `review` is the time between a launch and its verdict, in seconds."""

    def __init__(self, clock: Clock, *, review: float, approval: Verdict = "accepted") -> None:
        """`approval` is the verdict unless one is set for the sender or its name."""
        if not 0 <= review < float("inf"):
            raise EmulatorError("review must be finite and not negative")
        self.clock = clock
        self.review = review
        self.approval: Verdict = known_verdict(approval)
        self.announced: dict[str, Verdict] = {}

    def announce(self, name: str, verdict: Verdict) -> None:
        """Set the verdict for every sender of that name, existing or future."""
        self.announced[name] = known_verdict(verdict)

    def decide(self, history: SenderHistory, verdict: Verdict) -> None:
        """Set one sender's verdict; this ends a review in progress."""
        history.verdict = known_verdict(verdict)
        history.decided = self.clock.time()

    def status(
        self, history: SenderHistory, *, channel: str, name: str, launchable: bool
    ) -> tuple[str, float]:
        """Return the current status and when it began."""
        if history.pinned is not None:
            return history.pinned, history.created
        verdict = history.verdict or self.announced.get(name, self.approval)
        if launchable:
            if history.launched is None:
                return "DRAFT", history.created
            return self._reviewed(history, history.launched, verdict, "LAUNCHED")
        if channel in _VERIFIED_CHANNELS:
            status, since = self._reviewed(history, history.created, verdict, "ACTIVE")
            return (status if status in {"ACTIVE", "REJECTED"} else "PENDING_VERIFICATION"), since
        return "ACTIVE", history.created

    def _reviewed(
        self, history: SenderHistory, began: float, verdict: Verdict, success: str
    ) -> tuple[str, float]:
        now = self.clock.time()
        ends = began + self.review
        if history.decided is not None and history.decided >= began:
            ends = history.decided
        if verdict != "pending" and now >= ends:
            return (success if verdict == "accepted" else "REJECTED"), ends
        since = began
        for share, status in _PHASES:
            if now < began + share * self.review:
                return status, since
            since = began + share * self.review
        return _PHASES[-1][1], began + _PHASES[-2][0] * self.review


def known_verdict(verdict: str) -> Verdict:
    """Return the verdict; EmulatorError if it is not one of the three."""
    for known in VERDICTS:
        if verdict == known:
            return known
    raise EmulatorError(f"unknown verdict {verdict!r}: use one of {', '.join(VERDICTS)}")
