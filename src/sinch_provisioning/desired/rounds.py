"""One round over many senders: look at them, then do what each needs; shared by `apply` and durable work."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Final

from attrs import define, field

from ..errors import ProvisioningError
from ..lifecycle.next_step import Action
from ..lifecycle.polling import Polling
from .plans import Listings, list_channels
from .project_channel import ProjectChannel
from .request_slots import Stopped
from .sender_task import SenderTask, may_pass, requested_pause

_BLOCK: Final = 20
_MIN_STREAK: Final = 20
# Seconds. A server that asks for a longer pause gets it at once.
_SHORT: Final = 10.0

Claim = Callable[[Sequence[SenderTask]], Awaitable[Collection[SenderTask]]]
"""Called before tasks are worked on; returns those that may be."""


@define(eq=False)
class Rounds:
    """All tasks, with what the last round came to.

    `successes` counts writes, `requested` is the longest pause that the server asked for, in seconds, and `unlisted`
    says that a channel could not be listed. `totals` is how many senders each channel had when it was last listed.
    """

    tasks: Sequence[SenderTask]
    concurrency: int
    stopped: Callable[[], bool]
    claim: Claim | None = None
    totals: dict[ProjectChannel, int] = field(factory=dict[ProjectChannel, int])
    successes: int = 0
    requested: float = 0.0
    last_failure: str = ""
    unlisted: bool = False
    _streak: int = 0
    _work: deque[tuple[SenderTask, Action]] = field(factory=deque[tuple[SenderTask, Action]])
    _claimed: deque[tuple[SenderTask, Action]] = field(factory=deque[tuple[SenderTask, Action]])
    _claiming: asyncio.Lock = field(factory=asyncio.Lock)

    @property
    def open(self) -> list[SenderTask]:
        """The tasks that have not ended."""
        return [task for task in self.tasks if task.is_open]

    async def look(self) -> None:
        """Get senders under review one by one where that takes fewer requests than a listing; list the rest."""
        groups: defaultdict[ProjectChannel, list[SenderTask]] = defaultdict(list)
        for task in self.open:
            groups[task.wanted.channel].append(task)
        to_list: list[SenderTask] = []
        to_get: deque[SenderTask] = deque()
        for channel, tasks in groups.items():
            pages = 1 + self.totals.get(channel, 0) // channel.page_size
            gettable = all(task.is_waiting and task.sender_id is not None for task in tasks)
            (to_get if gettable and len(tasks) <= pages else to_list).extend(tasks)
        try:
            await self._concurrently(lambda: self._get_all(to_get), len(to_get))
            self.compare(await list_channels(task.wanted for task in to_list))
        except* Stopped:
            pass  # the worker is ending

    async def _get_all(self, to_get: deque[SenderTask]) -> None:
        while to_get and not self.stopped():
            task = to_get.popleft()
            try:
                self._plan(task, task.read(await task.wanted.channel.get(task.sender_id)))
            except ProvisioningError as error:
                task.failed(error)

    def compare(self, listings: Listings) -> None:
        """Take what the channels have."""
        failures = [each for each in listings.values() if isinstance(each, ProvisioningError)]
        self.unlisted = bool(failures)
        for error in failures:
            self._note(error)
        for task in self.tasks:
            listing = listings.get(task.wanted.channel)
            if not task.is_open or listing is None:
                continue
            if not isinstance(listing, ProvisioningError):
                self.totals[task.wanted.channel] = listing.total
                self._plan(task, task.listed(listing.found.get(task.wanted.sender.name, ())))
            elif not may_pass(listing, task.max_pause):
                task.fail(str(listing))

    def _plan(self, task: SenderTask, action: Action | None) -> None:
        if action is not None and not task.held:
            self._work.append((task, action))

    async def write(self) -> None:
        """Do what the last look has called for."""
        self._streak = self.successes = 0
        await self._concurrently(self._write_all, len(self._work))
        self._work.clear()
        self._claimed.clear()

    async def _concurrently(self, work: Callable[[], Awaitable[None]], items: int) -> None:
        async def worker() -> None:
            await work()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.concurrency, items)):
                group.create_task(worker())

    async def _write_all(self) -> None:
        while (item := await self._next()) is not None:
            await self._write(*item)

    async def _next(self) -> tuple[SenderTask, Action] | None:
        async with self._claiming:
            while not self._claimed and self._work:
                outage = self._streak >= max(_MIN_STREAK, 2 * self.concurrency)
                if self.stopped() or outage or self.requested > _SHORT:
                    return None
                block = [self._work.popleft() for _ in range(min(_BLOCK, len(self._work)))]
                if self.claim is not None:
                    claimed = await self.claim([task for task, _ in block])
                    block = [item for item in block if item[0] in claimed]
                self._claimed.extend(block)
            return self._claimed.popleft() if self._claimed and not self.stopped() else None

    async def _write(self, task: SenderTask, first: Action) -> None:
        action: Action | None = first
        wanted = task.wanted
        try:
            while action is not None and not (action == "launch" and self.stopped()):
                sender = await wanted.channel.write(action, wanted.sender, task.sender_id, task.differing)
                self._streak, self.successes = 0, self.successes + 1
                action = task.wrote(action, sender)
        except ProvisioningError as error:
            self._streak += may_pass(error, task.max_pause)
            self._note(error)
            task.failed(error, action)
        except Stopped:
            return

    def _note(self, error: ProvisioningError) -> None:
        self.last_failure = str(error)
        self.requested = max(self.requested, requested_pause(error))


@define
class Pauses:
    """The pauses between rounds, which grow until a write succeeds: `reviewing` while only carriers are waited for."""

    retrying: Polling
    reviewing: Polling
    _retries: Iterator[float] = field(init=False)
    _polls: Iterator[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._retries, self._polls = _growing(self.retrying), _growing(self.reviewing)

    def after(self, rounds: Rounds) -> float:
        """Return the seconds until the next round; a server that asked for a longer pause gets it."""
        if rounds.successes:
            self._restart()
        if not rounds.unlisted and all(task.is_waiting for task in rounds.open):
            return next(self._polls)
        return max(rounds.requested, next(self._retries))


def _growing(polling: Polling) -> Iterator[float]:
    pause = polling.first_pause
    while True:
        yield min(pause, polling.longest_pause)
        pause = min(pause * polling.growth, polling.longest_pause)
