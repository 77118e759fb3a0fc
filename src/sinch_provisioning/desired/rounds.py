"""Making what is there what is wanted: list, compare, act, and again, until nothing is left to do.

Every round begins with one listing of each place, so no write is ever repeated that the server has already
done: a create without a reply is looked for in the next round's listing, together with all others of its kind.
Ten thousand senders with a tenth of their calls going wrong cost a handful of listings.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, TypeVar

from attrs import define

from .. import Clock, ConfigurationError, ProvisioningClient, ProvisioningError, SystemClock
from ..lifecycle.polling import Polling
from .difference import Action, Change, decide
from .file import load
from .outcome import Applied, Observer, Outcome
from .places import Place
from .plans import Listing, Wanted, open_all, raise_if_blind, survey
from .state import DesiredState
from .task import Task, may_pass

DEFAULT_CONCURRENCY: Final = 20
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
# So many rounds without a single success are an outage, and a script that never ends helps nobody in one.
_BARREN_ROUNDS: Final = 5
# A sender is cheaper to ask for alone than in a listing, as long as it is one of few.
_FEW: Final = 20

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

    One sender's failure is its outcome and stops no other. With `wait`, polls until the carriers have decided about
    every launch, for at most `timeout` seconds (None: for ever); who is undecided then stays "in review". Setting
    `stop` ends it after the calls under way. Raises `ProvisioningError` where nothing could even be listed.
    """
    state = desired if isinstance(desired, DesiredState) else load(desired)
    run = _Run(
        [Task(wanted, wait, _nobody if observer is None else observer) for wanted in open_all(sinch, state)],
        _check_concurrency(concurrency),
        Polling() if polling is None else polling,
        asyncio.Event() if stop is None else stop,
        SystemClock() if clock is None else clock,
    )
    await run.rounds(timeout)
    return Applied((task.outcome() for task in run.tasks), run.stop.is_set())


def _nobody(_: object, __: Outcome) -> None:
    """Hear of an outcome where nobody else does."""


def _check_concurrency(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError("concurrency must be a whole number of at least 1")
    return value


@define(eq=False)
class _Run:
    """All tasks, round after round."""

    tasks: list[Task]
    concurrency: int
    polling: Polling
    stop: asyncio.Event
    clock: Clock
    streak: int = 0
    successes: int = 0
    last_failure: str = ""

    async def rounds(self, timeout: float | None) -> None:
        ends = None if timeout is None else self.clock.monotonic() + timeout
        listings = await survey(task.wanted for task in self.tasks)
        raise_if_blind(listings)
        pauses, polls, barren = self._pauses(_FIRST_PAUSE, 2.0, _LONGEST_PAUSE), self._polls(), 0
        while True:
            self.successes = 0
            await self._work(list(self._compare(listings)))
            still_open = [task for task in self.tasks if task.is_open]
            if not still_open or self.stop.is_set():
                return
            if all(task.is_waiting for task in still_open):
                left = None if ends is None else ends - self.clock.monotonic()
                if left is not None and left <= 0:
                    return
                pause, barren = next(polls) if left is None else min(next(polls), left), 0
            else:
                barren = 0 if self.successes else barren + 1
                if barren == _BARREN_ROUNDS:
                    self._give_up(still_open)
                    return
                if not barren:
                    pauses = self._pauses(_FIRST_PAUSE, 2.0, _LONGEST_PAUSE)
                pause = next(pauses)
            await self._pause(pause)
            if self.stop.is_set():
                return
            listings = await self._look(still_open)

    def _polls(self) -> Iterator[float]:
        return self._pauses(self.polling.first_pause, self.polling.growth, self.polling.longest_pause)

    def _pauses(self, first: float, growth: float, longest: float) -> Iterator[float]:
        pause = first
        while True:
            yield min(pause, longest)
            pause = min(pause * growth, longest)

    async def _look(self, still_open: Iterable[Task]) -> dict[Place, Listing]:
        """Ask for the senders under review one by one where they are few, and list the other places."""
        groups: defaultdict[Place, list[Task]] = defaultdict(list)
        for task in still_open:
            groups[task.wanted.place].append(task)
        listed: list[Wanted] = []
        alone: list[Task] = []
        for tasks in groups.values():
            few = len(tasks) <= _FEW and all(task.is_waiting and task.sender_id is not None for task in tasks)
            if few:
                alone.extend(tasks)
            else:
                listed.extend(task.wanted for task in tasks)
        await self._each(alone, self._ask)
        return await survey(listed)

    async def _ask(self, task: Task) -> None:
        try:
            task.seen(await task.wanted.place.client.rcs.get(task.sender_id))
        except ProvisioningError as error:
            task.failed(error)

    def _compare(self, listings: dict[Place, Listing]) -> Iterator[tuple[Task, Change, tuple[Action, ...]]]:
        for task in self.tasks:
            listing = listings.get(task.wanted.place)
            if not task.is_open or listing is None:
                continue
            if isinstance(listing, ProvisioningError):
                task.failed(listing)
                continue
            found = listing.get(task.wanted.sender.name, [])
            if found:
                task.made = None
            elif task.made is not None:
                # Made by this run, and the listing lags behind: to make it again would double it.
                found = [task.made]
            change = decide(task.wanted.place.project_id, task.wanted.sender, found)
            actions = task.actions(change)
            if actions:
                yield task, change, actions

    async def _work(self, work: list[tuple[Task, Change, tuple[Action, ...]]]) -> None:
        self.streak = 0
        await self._each(work, lambda item: self._act(*item))

    async def _each(self, items: list[_T], act: Callable[[_T], Awaitable[None]]) -> None:
        pending = iter(items)

        async def worker() -> None:
            for item in pending:
                if self.stop.is_set() or self.streak >= max(_FEW, 2 * self.concurrency):
                    return
                await act(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.concurrency, len(items))):
                group.create_task(worker())

    async def _act(self, task: Task, change: Change, actions: tuple[Action, ...]) -> None:
        place, wanted = task.wanted.place, task.wanted.sender
        action: Action | None = None
        try:
            for action in actions:
                if action == "create":
                    sender = await place.create(wanted)
                elif action == "update":
                    sender = await place.update(task.sender_id, wanted, change.differing)
                elif self.stop.is_set():
                    return
                else:
                    sender = await place.launch(task.sender_id)
                task.did(action, sender)
                self.streak, self.successes = 0, self.successes + 1
        except ProvisioningError as error:
            self.streak += may_pass(error)
            self.last_failure = str(error)
            task.failed(error, action)
        else:
            task.complete(change)

    def _give_up(self, still_open: Iterable[Task]) -> None:
        for task in still_open:
            if not task.is_waiting:
                task.fail(
                    task.problem or f"not tried any more, for nothing came through: {self.last_failure}"
                )

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless it is to stop."""
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait([sleeping, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()
            await asyncio.gather(sleeping, stopping, return_exceptions=True)
