"""One sender on its way to what is wanted: what is known, what was done, and what a failure means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import define, field

from ..errors import ConflictError, LaunchNotReadyError, NotFoundError, ProvisioningError
from ..lifecycle.next_step import Action, Situation, next_step, steps_ahead
from .changes import situation_of
from .outcome import Event, Outcome, State
from .plans import Wanted
from .project_channel import AnySender

# Ten failures in a row are more than bad luck: with a tenth of calls failing, one sender in 10^10.
MAX_TRIES: Final = 10
# Seconds. A server that asks for a longer pause is left alone until the next run.
MAX_PAUSE: Final = 60.0
# RCS asks for a day without requests, without a Retry-After.
_DAY_LONG_LIMIT: Final = "rbm_too_many_requests"
_DAY: Final = 86_400.0
# Listings without a sender that was created, after which it counts as deleted.
_MAX_LAG: Final = 5


@define(eq=False)
class SenderTask:
    """A wanted sender and how it stands; `notify` is told of every change."""

    wanted: Wanted
    wait: bool
    notify: Callable[[Event, SenderTask], None]
    state: State = "left"
    is_open: bool = True
    done: list[Action] = field(factory=list[Action])
    created: AnySender | None = None
    sender_id: str | None = None
    status: str | None = None
    differing: tuple[str, ...] = ()
    problem: str | None = None
    missing: tuple[str, ...] = ()
    tries: int = 0
    unconfirmed: Action | None = None
    max_tries: int = MAX_TRIES
    max_pause: float = MAX_PAUSE
    held: bool = False  # left alone while somebody else's write may be under way

    @property
    def is_waiting(self) -> bool:
        """Whether only the carriers' decision is missing."""
        return self.is_open and self.state == "in review"

    def outcome(self) -> Outcome:
        """Return how it stands as a value."""
        sender = self.wanted.sender
        return Outcome(
            self.wanted.channel.project_id,
            sender.channel,
            sender.name,
            self.state,
            self.sender_id,
            self.status,
            tuple(self.done),
            self.problem,
            self.missing,
        )

    @classmethod
    def from_record(
        cls, wanted: Wanted, record: Any, notify: Callable[[Event, SenderTask], None]
    ) -> SenderTask:
        """Return a task for as long as it takes, which goes on where `record`, an object with its values, was made."""
        return cls(
            wanted,
            wait=True,
            notify=notify,
            state="in review" if record.state == "in review" else "left",
            done=record.done.split(",") if record.done else [],
            sender_id=record.sender_id,
            status=record.status,
            tries=record.tries,
            max_tries=2 * MAX_TRIES,
            max_pause=_DAY,
        )

    def record(self) -> dict[str, object]:
        """Return what it takes to go on later, without the state if it has come to none."""
        found = {"sender_id": self.sender_id, "status": self.status, "problem": self.problem}
        state = {} if self.state == "left" else {"state": self.state}
        return {**found, **state, "tries": self.tries, "done": ",".join(self.done)}

    def listed(self, found: Sequence[AnySender]) -> Action | None:
        """Take what a listing shows; returns the write that is needed now, if any."""
        if found:
            self.created = None
        elif self.created is not None:
            # The listing lags behind a create of this run; creating it again would double it.
            found = [self.created]
        elif "create" in self.done:
            # Created in an earlier round: the listing lags behind, or the sender is gone.
            self.tries += 1
            if self.tries < _MAX_LAG:
                return None
            self.done.clear()
        situation = self._observe(found)
        if self.unconfirmed is not None:
            actions, _ = steps_ahead(situation, launch=self.wanted.sender.launch)
            if self.unconfirmed not in actions:
                # Its reply was lost, and it turns out to have been done.
                self._did(self.unconfirmed)
        self.unconfirmed = None
        return self._take(situation)

    def wrote(self, action: Action, sender: AnySender) -> Action | None:
        """Take the reply to a write; returns the write that is needed next, if any."""
        if action == "create":
            self.created = sender
        self.problem, self.tries = None, 0
        situation = self._observe([sender])
        self._did(action)
        return self._take(situation)

    def read(self, sender: AnySender) -> Action | None:
        """Take the present state of a sender under review; returns the write that is needed now, if any."""
        return self._take(self._observe([sender]))

    def _observe(self, found: Sequence[AnySender]) -> Situation:
        situation = situation_of(self.wanted.channel, self.wanted.sender, found)
        if len(found) == 1:
            self.sender_id = self.wanted.channel.kind.id_of(found[0]) or self.sender_id
        self.status, self.differing = situation.status or self.status, situation.differing
        return situation

    def _did(self, action: Action) -> None:
        self.done.append(action)
        self.notify(action, self)

    def _take(self, situation: Situation) -> Action | None:
        step = next_step(situation, launch=self.wanted.sender.launch, done=self.done)
        if step.kind == "failed":
            self.fail(str(step.problem), step.missing)
        elif step.kind == "wait":
            self._settle("in review", is_open=self.wait)
        elif step.kind == "done":
            self._settle("done", is_open=False)
        return step.action

    def fail(self, problem: str, missing: tuple[str, ...] = ()) -> None:
        """Give the sender up."""
        self.problem, self.missing = problem, missing
        self._settle("failed", is_open=False)

    def failed(self, error: ProvisioningError, action: Action | None = None) -> None:
        """Take the failure of a call: try again in the next round, or give up."""
        self.tries += 1
        self.unconfirmed = action
        if may_pass(error, self.max_pause) and self.tries < self.max_tries:
            self.problem = str(error)
            self.notify("again", self)
            return
        self.fail(str(error), error.missing if isinstance(error, LaunchNotReadyError) else ())

    def _settle(self, state: State, *, is_open: bool) -> None:
        changed = state != self.state
        if state != "failed":
            self.problem, self.tries = None, 0
        self.state, self.is_open = state, is_open
        if changed:
            self.notify(state, self)


def may_pass(error: ProvisioningError, max_pause: float = MAX_PAUSE) -> bool:
    """Whether looking again, and then perhaps writing again, can succeed after `max_pause` seconds at most."""
    # Somebody else's write came first: a new listing shows what is left to do.
    stale = isinstance(error, ConflictError | NotFoundError)
    return (error.retryable or stale) and requested_pause(error) <= max_pause


def requested_pause(error: ProvisioningError) -> float:
    """Return the seconds that the server asked to be left alone, 0 if it did not."""
    if getattr(error, "error_code", None) == _DAY_LONG_LIMIT:
        return _DAY
    pause: float | None = getattr(error, "retry_after", None)
    return 0.0 if pause is None else pause
