"""The outcome of applying: per sender, in total, and as it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

from attrs import astuple, field, frozen

from ..lifecycle.next_step import Action
from .kinds import Channel

State = Literal["done", "in review", "failed", "left"]


@frozen
class Outcome:
    """The outcome of one sender: the writes `done` for it, and the `problem` that ended it, if any."""

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
        """Return the outcome as JSON data."""
        names = ("project", "channel", "name", "state", "id", "status", "done", "problem", "missing")
        return dict(zip(names, astuple(self), strict=True))


Event = Action | State | Literal["again"]
Observer = Callable[[Event, Outcome], None]
"""Called with a write that was done, a state that was reached, or "again" before a retry; and the present outcome."""


@frozen
class Applied:
    """One outcome for each desired sender, in the order given; `stopped` if the run was asked to end early."""

    outcomes: tuple[Outcome, ...] = field(converter=tuple[Outcome, ...])
    stopped: bool = False

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The senders that could not be made what is desired."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == "failed")

    @property
    def ok(self) -> bool:
        """Whether every sender is as desired, or under review."""
        return all(outcome.state in ("done", "in review") for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """Return how many senders were created, updated and launched, and how many are in each state."""
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
        """Return the result as JSON data."""
        return {
            "summary": self.counts(),
            "stopped": self.stopped,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }
