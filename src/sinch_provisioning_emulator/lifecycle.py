"""How a sender's status moves when time passes: drafts, launches under review, verdicts.

None of this is in the document; it follows what is known of the live API.
"""

from __future__ import annotations

from typing import Literal

import attrs

from .clock import Clock
from .problems import EmulatorError

Verdict = Literal["accepted", "rejected", "pending"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected", "pending")

UNDER_WAY = ("PREPARING_LAUNCH", "PENDING_LAUNCH", "LAUNCHING", "LAUNCHED")
"""A launch in one of these is a conflict."""

_PHASES = ((0.1, "PREPARING_LAUNCH"), (0.3, "IN_TEST"), (1.0, "LAUNCHING"))
_VERIFIED_CHANNELS = frozenset({"kakaoTalk"})
"""Channels whose new senders wait for a verification; elsewhere they are active at once."""


@attrs.define
class Life:
    """What has happened to one sender, in wall seconds; `pinned` is a status that was given, not earned."""

    created: float
    changed: float
    launched: float | None = None
    verdict: Verdict | None = None
    decided: float | None = None
    pinned: str | None = None


class Lifecycle:
    """The statuses of all senders; `review` is the time between a launch and its verdict, in seconds."""

    def __init__(self, clock: Clock, *, review: float, approval: Verdict = "accepted") -> None:
        """`approval` is the verdict where nobody gives another."""
        if not 0 <= review < float("inf"):
            raise EmulatorError("review must be a time that is not negative")
        self.clock = clock
        self.review = review
        self.approval: Verdict = known_verdict(approval)
        self.announced: dict[str, Verdict] = {}

    def announce(self, name: str, verdict: Verdict) -> None:
        """Set the verdict for senders of a name, whether or not they are there yet."""
        self.announced[name] = known_verdict(verdict)

    def decide(self, life: Life, verdict: Verdict) -> None:
        """Give a sender's verdict; it ends a review that is under way."""
        life.verdict = known_verdict(verdict)
        life.decided = self.clock.time()

    def status(self, life: Life, *, channel: str, name: str, launchable: bool) -> tuple[str, float]:
        """The present status, and when it began."""
        if life.pinned is not None:
            return life.pinned, life.created
        verdict = life.verdict or self.announced.get(name, self.approval)
        if launchable:
            if life.launched is None:
                return "DRAFT", life.created
            return self._reviewed(life, life.launched, verdict, "LAUNCHED")
        if channel in _VERIFIED_CHANNELS:
            status, since = self._reviewed(life, life.created, verdict, "ACTIVE")
            return (status if status in {"ACTIVE", "REJECTED"} else "PENDING_VERIFICATION"), since
        return "ACTIVE", life.created

    def _reviewed(self, life: Life, began: float, verdict: Verdict, success: str) -> tuple[str, float]:
        now = self.clock.time()
        ends = began + self.review
        if life.decided is not None and life.decided >= began:
            ends = life.decided
        if verdict != "pending" and now >= ends:
            return (success if verdict == "accepted" else "REJECTED"), ends
        since = began
        for share, status in _PHASES:
            if now < began + share * self.review:
                return status, since
            since = began + share * self.review
        return _PHASES[-1][1], began + _PHASES[-2][0] * self.review


def known_verdict(verdict: str) -> Verdict:
    """The verdict, or an EmulatorError that names the three there are."""
    for known in VERDICTS:
        if verdict == known:
            return known
    raise EmulatorError(f"unknown verdict {verdict!r}: use one of {', '.join(VERDICTS)}")
