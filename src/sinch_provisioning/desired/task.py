"""One sender on its way to what is wanted, over as many rounds as that takes."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from sinch_provisioning_api.models import RcsSender

from .. import (
    APIConnectionError,
    ConflictError,
    DeadlineExceededError,
    LaunchNotReadyError,
    NotFoundError,
    ProvisioningError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    TokenError,
)
from ..lifecycle.status import FAILED, LAUNCHED
from .difference import Action, Change, status
from .outcome import Observer, Outcome, State
from .places import AnySender
from .plans import Wanted

# Losing this often in a row means something other than bad luck: at a tenth of faults, one sender in 10^9.
MOST_TRIES: Final = 10
_LONGEST_WAIT: Final = 60.0


@define(eq=False)
class Task:
    """What was done for a wanted sender so far, and how it stands; `tell` hears of every change."""

    wanted: Wanted
    wait: bool
    tell: Observer
    state: State = "left"
    is_open: bool = True
    done: list[Action] = field(factory=list[Action])
    made: AnySender | None = None
    sender_id: str | None = None
    status: str | None = None
    problem: str | None = None
    missing: tuple[str, ...] = ()
    tries: int = 0
    unconfirmed: Action | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether only the carriers are awaited."""
        return self.is_open and self.state == "in review"

    def outcome(self) -> Outcome:
        """Return how it stands as a value."""
        place, sender = self.wanted.place, self.wanted.sender
        return Outcome(
            place.project_id,
            sender.channel,
            sender.name,
            self.state,
            self.sender_id,
            self.status,
            tuple(self.done),
            self.problem,
            self.missing,
        )

    def actions(self, change: Change) -> tuple[Action, ...]:
        """Return what is still to be done of `change`, and settle the task where that is nothing."""
        self.sender_id, self.status = change.sender_id or self.sender_id, change.status or self.status
        if self.unconfirmed is not None and self.unconfirmed not in change.actions:
            # It failed without saying whether it was done, and now it shows that it was.
            self.done.append(self.unconfirmed)
            self.tell(self.unconfirmed, self.outcome())
        self.unconfirmed = None
        # A launch that was accepted is not sent again because a status in between looks like none.
        launched = "launch" in self.done and self.status not in FAILED
        actions: tuple[Action, ...] = tuple(
            action for action in change.actions if action != "launch" or not launched
        )
        if actions:
            return actions
        if change.problem is not None:
            self.fail(change.problem, change.missing)
        else:
            self._arrive()
        return ()

    def did(self, action: Action, sender: AnySender) -> None:
        """Note a write that the server confirmed."""
        self.done.append(action)
        self.made = sender
        self.sender_id, self.status = sender.id or self.sender_id, status(sender)
        self.problem, self.tries = None, 0
        self.tell(action, self.outcome())

    def complete(self, change: Change) -> None:
        """Settle after everything of `change` was done."""
        if change.problem is not None:
            self.fail(change.problem, change.missing)
        else:
            self._arrive()

    def _arrive(self) -> None:
        launching = self.wanted.sender.launch and self.status != LAUNCHED
        if launching and self.status in FAILED:
            self.fail(f"the carriers' word is {self.status}: correct the brand's fields")
        elif launching:
            self._settle("in review", is_open=self.wait)
        else:
            self._settle("done", is_open=False)

    def fail(self, problem: str, missing: tuple[str, ...] = ()) -> None:
        """Give the sender up."""
        self.problem, self.missing = problem, missing
        self._settle("failed", is_open=False)

    def failed(self, error: ProvisioningError, action: Action | None = None) -> None:
        """Take a call's failure: for the next round where it may pass, for good where it won't."""
        self.tries += 1
        self.unconfirmed = action
        if may_pass(error) and self.tries < MOST_TRIES:
            self.problem = str(error)
            self.tell("again", self.outcome())
            return
        self.fail(str(error), error.missing if isinstance(error, LaunchNotReadyError) else ())

    def _settle(self, state: State, *, is_open: bool) -> None:
        changed = state != self.state
        if state != "failed":
            self.problem = None
        self.state, self.is_open = state, is_open
        if changed:
            self.tell(state, self.outcome())

    def seen(self, sender: RcsSender) -> None:
        """Take the present state of a sender under review."""
        self.sender_id, self.status = sender.id, status(sender)
        self._arrive()


def may_pass(error: ProvisioningError) -> bool:
    """Whether looking again, and then perhaps writing again, can end well."""
    if isinstance(error, RateLimitError):
        return error.retry_after is None or error.retry_after <= _LONGEST_WAIT
    if isinstance(error, TokenError):
        return error.status_code is None or error.status_code >= 500 or error.status_code == 429
    return isinstance(
        error,
        APIConnectionError
        | ServerError
        | ResponseDecodeError
        | ConflictError
        | DeadlineExceededError
        | NotFoundError,
    )
