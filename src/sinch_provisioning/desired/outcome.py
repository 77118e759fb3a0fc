"""What applying came to: for each sender, in total, and as it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

from attrs import field, frozen

from .difference import Action
from .state import Channel

State = Literal["done", "in review", "failed", "left"]


@frozen
class Outcome:
    """What became of one sender: what was `done` for it, and why no more, in `problem`."""

    project_id: str
    channel: Channel
    name: str
    state: State
    sender_id: str | None = None
    status: str | None = None
    done: tuple[Action, ...] = ()
    problem: str | None = None
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Give the outcome ready for JSON."""
        return {
            "project": self.project_id,
            "channel": self.channel,
            "name": self.name,
            "state": self.state,
            "id": self.sender_id,
            "status": self.status,
            "done": list(self.done),
            "problem": self.problem,
            "missing": list(self.missing),
        }


Event = Action | State | Literal["again"]
Observer = Callable[[Event, Outcome], None]
"""Told what was done for a sender, which state it came to, or that a failure may pass ("again"), and how it stands."""


@frozen
class Applied:
    """One outcome for each wanted sender, in the order they were given; `stopped` where it was asked to end early."""

    outcomes: tuple[Outcome, ...] = field(converter=tuple[Outcome, ...])
    stopped: bool = False

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that did not come to what is wanted."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == "failed")

    @property
    def ok(self) -> bool:
        """Whether everything wanted is there, or under review."""
        return all(outcome.state in ("done", "in review") for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """Return how many senders were created, updated, launched, and where all of them stand now."""
        acted = Counter(action for outcome in self.outcomes for action in outcome.done)
        states = Counter(outcome.state for outcome in self.outcomes)
        return {
            "created": acted["create"],
            "updated": acted["update"],
            "launched": acted["launch"],
            "done": states["done"],
            "in_review": states["in review"],
            "failed": states["failed"],
            "left": states["left"],
        }

    def to_dict(self) -> dict[str, object]:
        """Give the result ready for JSON."""
        return {
            "summary": self.counts(),
            "stopped": self.stopped,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }
