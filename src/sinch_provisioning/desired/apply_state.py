"""Making what exists what is wanted: list, compare, act, and repeat until nothing is left to do.

Each round begins with one listing of each channel, so no write is repeated that the server has already done: a create
whose reply was lost is looked for in the next listing, together with all others like it. Ten thousand senders with a
tenth of their calls failing cost a handful of listings.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, TypeVar

from attrs import define, field

from ..client import ProvisioningClient
from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, ProvisioningError
from ..lifecycle.next_step import Action
from ..lifecycle.polling import Polling
from .file import load
from .outcome import Applied, Observer, Outcome
from .plans import Listings, list_channels, raise_if_all_failed, resolve
from .project_channel import PAGE_SIZE, ProjectChannel
from .sender_task import SenderTask, may_pass
from .state import DesiredState

DEFAULT_CONCURRENCY: Final = 20
_RETRY_PAUSES: Final = Polling(first_pause=0.5, longest_pause=10.0, growth=2.0)
# This many rounds without a single success are an outage; a script that never ends is no help in one.
_MAX_ROUNDS_WITHOUT_PROGRESS: Final = 5
_MIN_STREAK: Final = 20

_T = TypeVar("_T")


async def apply(
    sinch: ProvisioningClient,
    desired: DesiredState | str | os.PathLike[str],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    wait: bool = False,
    timeout: float | None = None,
    polling: Polling | None = None,
    stop: asyncio.Event | None = None,
    observer: Observer | None = None,
    clock: Clock | None = None,
) -> Applied:
    """Create, update and launch what is missing, `concurrency` senders at once; safe to run again at any time.

    A sender that fails is an outcome and stops no other. With `wait`, polls until carriers have decided about every
    launch, for at most `timeout` seconds (None: no limit); undecided senders then stay "in review". Setting `stop`
    ends the run after the calls under way. Raises `ProvisioningError` if nothing could be listed.
    """
    state = desired if isinstance(desired, DesiredState) else load(desired)
    notify = _ignore if observer is None else observer
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise ConfigurationError("concurrency must be a whole number of at least 1")
    run = _Run(
        [SenderTask(wanted, wait, notify) for wanted in resolve(sinch, state)],
        concurrency,
        Polling() if polling is None else polling,
        asyncio.Event() if stop is None else stop,
        SystemClock() if clock is None else clock,
    )
    await run.until_settled(timeout)
    return Applied((task.outcome() for task in run.tasks), run.stop.is_set())


def _ignore(_: object, __: Outcome) -> None:
    """Take the place of an observer."""


def _pauses(polling: Polling) -> Iterator[float]:
    pause = polling.first_pause
    while True:
        yield min(pause, polling.longest_pause)
        pause = min(pause * polling.growth, polling.longest_pause)


@define(eq=False)
class _Run:
    """All tasks, round after round."""

    tasks: list[SenderTask]
    concurrency: int
    polling: Polling
    stop: asyncio.Event
    clock: Clock
    streak: int = 0
    successes: int = 0
    last_failure: str = ""
    totals: dict[ProjectChannel, int] = field(factory=dict[ProjectChannel, int])

    async def until_settled(self, timeout: float | None) -> None:
        ends = None if timeout is None else self.clock.monotonic() + timeout
        listings = await list_channels(task.wanted for task in self.tasks)
        raise_if_all_failed(listings)
        pauses, polls, no_progress = _pauses(_RETRY_PAUSES), _pauses(self.polling), 0
        while True:
            self.streak = self.successes = 0
            await self._each(list(self._compare(listings)), lambda item: self._write(*item))
            still_open = [task for task in self.tasks if task.is_open]
            if not still_open or self.stop.is_set():
                return
            if all(task.is_waiting for task in still_open):
                left = None if ends is None else ends - self.clock.monotonic()
                if left is not None and left <= 0:
                    return
                pause, no_progress = next(polls) if left is None else min(next(polls), left), 0
            else:
                no_progress = 0 if self.successes else no_progress + 1
                if no_progress == _MAX_ROUNDS_WITHOUT_PROGRESS:
                    self._give_up(still_open)
                    return
                if not no_progress:
                    pauses = _pauses(_RETRY_PAUSES)
                pause = next(pauses)
            await self._pause(pause)
            if self.stop.is_set():
                return
            listings = await self._look(still_open)

    async def _look(self, still_open: Iterable[SenderTask]) -> Listings:
        """Get senders under review one by one where that takes fewer requests than a listing; list the rest."""
        groups: defaultdict[ProjectChannel, list[SenderTask]] = defaultdict(list)
        for task in still_open:
            groups[task.wanted.channel].append(task)
        to_list: list[SenderTask] = []
        to_get: list[SenderTask] = []
        for channel, tasks in groups.items():
            pages = 1 + self.totals.get(channel, 0) // PAGE_SIZE
            gettable = all(task.is_waiting and task.sender_id is not None for task in tasks)
            (to_get if gettable and len(tasks) <= pages else to_list).extend(tasks)
        await self._each(to_get, self._get)
        return await list_channels(task.wanted for task in to_list)

    async def _get(self, task: SenderTask) -> None:
        try:
            task.read(await task.wanted.channel.get(task.sender_id))
        except ProvisioningError as error:
            task.failed(error)

    def _compare(self, listings: Listings) -> Iterator[tuple[SenderTask, Action]]:
        for task in self.tasks:
            listing = listings.get(task.wanted.channel)
            if not task.is_open or listing is None:
                continue
            if isinstance(listing, ProvisioningError):
                task.failed(listing)
                continue
            self.totals[task.wanted.channel] = listing.total
            action = task.listed(listing.found.get(task.wanted.sender.name, ()))
            if action is not None:
                yield task, action

    async def _each(self, items: list[_T], act: Callable[[_T], Awaitable[None]]) -> None:
        pending = iter(items)

        async def worker() -> None:
            for item in pending:
                if self.stop.is_set() or self.streak >= max(_MIN_STREAK, 2 * self.concurrency):
                    return
                await act(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.concurrency, len(items))):
                group.create_task(worker())

    async def _write(self, task: SenderTask, first: Action) -> None:
        action: Action | None = first
        wanted = task.wanted
        try:
            while action is not None and not (action == "launch" and self.stop.is_set()):
                sender = await wanted.channel.write(action, wanted.sender, task.sender_id, task.differing)
                self.streak, self.successes = 0, self.successes + 1
                action = task.wrote(action, sender)
        except ProvisioningError as error:
            self.streak += may_pass(error)
            self.last_failure = str(error)
            task.failed(error, action)

    def _give_up(self, still_open: Iterable[SenderTask]) -> None:
        for task in still_open:
            if not task.is_waiting:
                task.fail(task.problem or f"not tried: no call succeeded any more ({self.last_failure})")

    async def _pause(self, seconds: float) -> None:
        """Sleep until the time is over or `stop` is set."""
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait([sleeping, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()
            await asyncio.gather(sleeping, stopping, return_exceptions=True)
