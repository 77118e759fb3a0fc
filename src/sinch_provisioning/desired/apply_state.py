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

from ..clock import Clock, SystemClock
from ..errors import ConfigurationError
from ..lifecycle.polling import Polling
from .file import load
from .kinds import AnyClient
from .outcome import Applied, Event, Observer
from .plans import list_channels, raise_if_all_failed, resolve
from .rounds import Pauses, Rounds
from .sender_task import SenderTask
from .state import DesiredState

DEFAULT_CONCURRENCY: Final = 20
_RETRY_PAUSES: Final = Polling(first_pause=0.5, longest_pause=10.0, growth=2.0)
# This many rounds without a single success are an outage; a script that never ends is no help in one.
_MAX_ROUNDS_WITHOUT_PROGRESS: Final = 5


async def apply(
    sinch: AnyClient,
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
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise ConfigurationError("concurrency must be a whole number of at least 1")
    stopping = asyncio.Event() if stop is None else stop

    def notify(event: Event, task: SenderTask) -> None:
        if observer is not None:
            observer(event, task.outcome())

    tasks = [SenderTask(wanted, wait, notify) for wanted in resolve(sinch, state)]
    run = _Run(
        Rounds(tasks, concurrency, stopping.is_set),
        Pauses(_RETRY_PAUSES, Polling() if polling is None else polling),
        stopping,
        SystemClock() if clock is None else clock,
    )
    await run.until_settled(timeout)
    return Applied((task.outcome() for task in tasks), stopping.is_set())


@define(eq=False)
class _Run:
    """Round after round, with the pauses between them."""

    rounds: Rounds
    pauses: Pauses
    stop: asyncio.Event
    clock: Clock

    async def until_settled(self, timeout: float | None) -> None:
        rounds, no_progress = self.rounds, 0
        ends = None if timeout is None else self.clock.monotonic() + timeout
        listings = await list_channels(task.wanted for task in rounds.tasks)
        raise_if_all_failed(listings)
        rounds.compare(listings)
        while True:
            await rounds.write()
            waiting = all(task.is_waiting for task in rounds.open)
            no_progress = 0 if rounds.successes or waiting else no_progress + 1
            if no_progress == _MAX_ROUNDS_WITHOUT_PROGRESS:
                self._give_up()
            left = None if ends is None else ends - self.clock.monotonic()
            if not rounds.open or self.stop.is_set() or (waiting and left is not None and left <= 0):
                return
            pause = self.pauses.after(rounds)
            rounds.requested = 0.0
            await self._pause(min(pause, left) if waiting and left is not None else pause)
            if self.stop.is_set():
                return
            await rounds.look()

    def _give_up(self) -> None:
        for task in self.rounds.open:
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
