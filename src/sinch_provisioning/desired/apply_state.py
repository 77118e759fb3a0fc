"""Making what exists what is wanted: list, compare, act, and repeat until nothing is left to do.

Each round begins with one listing of each channel, so no write is repeated that the server has already done: a create
whose reply was lost is looked for in the next listing, together with all others like it. Ten thousand senders with a
tenth of their calls failing cost a handful of listings.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from attrs import define

from ..client import ProvisioningClient
from ..clock import Clock, SystemClock
from ..errors import ConfigurationError
from ..lifecycle.polling import Polling
from .file import load
from .outcome import Applied, Observer, Outcome
from .plans import list_channels, raise_if_all_failed, resolve
from .rounds import Rounds, pauses
from .sender_task import SenderTask
from .state import DesiredState

DEFAULT_CONCURRENCY: Final = 20
_RETRY_PAUSES: Final = Polling(first_pause=0.5, longest_pause=10.0, growth=2.0)
# This many rounds without a single success are an outage; a script that never ends is no help in one.
_MAX_ROUNDS_WITHOUT_PROGRESS: Final = 5


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
    stopping = asyncio.Event() if stop is None else stop
    tasks = [SenderTask(wanted, wait, notify) for wanted in resolve(sinch, state)]
    run = _Run(
        Rounds(tasks, concurrency, stopping.is_set),
        Polling() if polling is None else polling,
        stopping,
        SystemClock() if clock is None else clock,
    )
    await run.until_settled(timeout)
    return Applied((task.outcome() for task in tasks), stopping.is_set())


def _ignore(_: object, __: Outcome) -> None:
    """Take the place of an observer."""


@define(eq=False)
class _Run:
    """Round after round, with the pauses between them."""

    rounds: Rounds
    polling: Polling
    stop: asyncio.Event
    clock: Clock

    async def until_settled(self, timeout: float | None) -> None:
        rounds = self.rounds
        ends = None if timeout is None else self.clock.monotonic() + timeout
        listings = await list_channels(task.wanted for task in rounds.tasks)
        raise_if_all_failed(listings)
        rounds.compare(listings)
        retries, polls, no_progress = pauses(_RETRY_PAUSES), pauses(self.polling), 0
        while True:
            await rounds.write()
            still_open = [task for task in rounds.tasks if task.is_open]
            if not still_open or self.stop.is_set():
                return
            if all(task.is_waiting for task in still_open):
                left = None if ends is None else ends - self.clock.monotonic()
                if left is not None and left <= 0:
                    return
                pause, no_progress = next(polls) if left is None else min(next(polls), left), 0
            else:
                no_progress = 0 if rounds.successes else no_progress + 1
                if no_progress == _MAX_ROUNDS_WITHOUT_PROGRESS:
                    self._give_up(still_open)
                    return
                if not no_progress:
                    retries = pauses(_RETRY_PAUSES)
                pause = next(retries)
            rounds.requested = 0.0
            await self._pause(pause)
            if self.stop.is_set():
                return
            await rounds.look()

    def _give_up(self, still_open: list[SenderTask]) -> None:
        for task in still_open:
            if not task.is_waiting:
                reason = f"not tried: no call succeeded any more ({self.rounds.last_failure})"
                task.fail(task.problem or reason)

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
