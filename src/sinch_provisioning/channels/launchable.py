"""What RCS senders of both APIs have in common: they are launched once, and carriers take days to decide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from ..config import Id, check_segment
from ..errors import ConfigurationError
from ..lifecycle.launch import launch_once
from ..lifecycle.polling import EventSource, Polling, check_wait, poll
from ..lifecycle.reconciling_writer import HasId
from ..lifecycle.status import LAUNCHED, Progress, has_arrived, progress_of, statuses
from ..lifecycle.waiting import arrival, changes
from .project import Project

_T = TypeVar("_T", bound=HasId)


class LaunchableSenders(ABC, Generic[_T]):
    """Launches senders and waits for them, over a channel's own `get`, `launch` and `ensure`."""

    project: Project
    _get_operation: ClassVar[str]

    @abstractmethod
    async def get(self, sender_id: Id | None) -> _T:
        """Return the sender as it is now."""

    @abstractmethod
    async def launch(self, sender_id: Id | None) -> _T:
        """Submit a sender for approval."""

    @abstractmethod
    async def ensure(self, *args: Any, **fields: Any) -> _T:
        """Return the sender that the fields describe."""

    def _progress(self, sender: _T | None = None) -> Callable[[_T], Progress]:
        """Return how to judge a sender's progress to where `sender` is to be launched."""
        return progress_of

    async def ensure_launched(
        self,
        sender_id: Id | None = None,
        *,
        wait: bool = False,
        until: str | Iterable[str] = (LAUNCHED,),
        timeout: float | None = None,
        events: EventSource | None = None,
        **fields: Any,
    ) -> _T:
        """Launch one sender at most once; see `ProvisioningClient.launch_rcs_sender`."""
        if (sender_id is None) == (not fields):
            raise ConfigurationError("launch_rcs_sender takes either a sender id or the sender's fields")
        check_wait(timeout, events=events)
        wanted = statuses(until)
        sender = await (self.get(sender_id) if sender_id is not None else self.ensure(**fields))
        progress = self._progress(sender)
        clock = self.project.pipeline.clock
        ends = None if timeout is None else clock.monotonic() + timeout
        # Twice where a place was added while an earlier launch was under way.
        for _ in range(2):
            sender_id = check_segment("sender_id", sender.id)
            sender = await launch_once(
                sender,
                sender_id,
                get=self.get,
                launch=self.launch,
                progress=progress,
                shared=self.project,
                key=("launch", self.project.project_id, sender_id, *progress(sender).places),
            )
            if not wait:
                break
            # The reply to the launch may already say what is waited for.
            if not has_arrived(sender, progress(sender), wanted, operation_id=self._get_operation):
                left = None if ends is None else max(0.0, ends - clock.monotonic())
                states = self._poll(sender.id, left, None, events)
                sender = await arrival(states, wanted, progress, operation_id=self._get_operation)
            if not progress(sender).unsubmitted:
                break
        return sender

    async def wait_for_status(
        self,
        sender_id: Id | None,
        until: str | Iterable[str] = LAUNCHED,
        *,
        timeout: float | None = None,
        polling: Polling | None = None,
        events: EventSource | None = None,
    ) -> _T:
        """Poll until the sender's status is one of `until`, and return it; `timeout` in seconds, None for no limit.

        With `events` (an `EventHub`) it reads the sender when a webhook says that it changed, and polls only in case
        one was lost: first after 10 minutes, then ever more rarely down to once an hour.

        Raises `LaunchRejectedError` where the sender's launch ends without success, and `WaitTimeoutError`; both
        carry the last state seen.
        """
        states = self._poll(sender_id, timeout, polling, events)
        return await arrival(states, statuses(until), self._progress(), operation_id=self._get_operation)

    def watch(
        self,
        sender_id: Id | None,
        *,
        timeout: float | None = None,
        polling: Polling | None = None,
        events: EventSource | None = None,
    ) -> AsyncIterator[_T]:
        """Yield the sender now and at each change of its status, until it is LAUNCHED or has failed.

        `events` works as in `wait_for_status`. Raises `WaitTimeoutError` after `timeout` seconds (None: never),
        carrying the last state seen.
        """
        return changes(self._poll(sender_id, timeout, polling, events), self._progress())

    def _poll(
        self,
        sender_id: Id | None,
        timeout: float | None,
        polling: Polling | None,
        events: EventSource | None,
    ) -> AsyncGenerator[_T, None]:
        check_wait(timeout, polling, events)
        return poll(
            self.get,
            check_segment("sender_id", sender_id),
            clock=self.project.pipeline.clock,
            polling=polling,
            timeout=timeout,
            operation_id=self._get_operation,
            events=events,
        )
