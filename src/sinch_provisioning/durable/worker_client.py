"""What a worker's workflows work with: its database, its share of the rate, and its client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from attrs import define, field

from .. import ProvisioningClient, RetryPolicy
from ..desired import DesiredSender, ProjectChannel, open_channels
from .database import Database
from .limiter import Limiter
from .order import read_project

# Seconds. Whoever takes a channel over waits this long before repeating what its last owner may have sent.
CALL_TIMEOUT: Final = 10.0
# The limiter counts requests, so a call must be one request.
_ONE_ATTEMPT: Final = RetryPolicy(max_attempts=1, deadline=CALL_TIMEOUT)


@define(eq=False)
class WorkerClient:
    """One worker; the client is made in the event loop of the workflows."""

    id: str
    database: Database
    limiter: Limiter
    connect: Callable[[], ProvisioningClient]
    notify: Callable[[str], None]
    stopping: bool = False
    rounds: int = 0
    no_progress: dict[str, int] = field(factory=dict[str, int])
    doubt_until: dict[str, float] = field(factory=dict[str, float])
    pages: dict[str, int] = field(factory=dict[str, int])
    _client: ProvisioningClient | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _channels: dict[tuple[str, str | None], ProjectChannel] = field(
        factory=dict[tuple[str, str | None], ProjectChannel]
    )

    def channel(self, channel_id: str, credentials: str | None, sender: DesiredSender) -> ProjectChannel:
        """Return a project channel, opened once for each key."""
        name = (channel_id, credentials)
        if name not in self._channels:
            if self._client is None:
                self._client, self._loop = self.connect(), asyncio.get_running_loop()
            client = self._client.with_options(timeout=CALL_TIMEOUT, retry=_ONE_ATTEMPT)
            project = read_project(channel_id, credentials, sender)
            self._channels[name] = open_channels(client, project)[sender.channel]
        return self._channels[name]

    async def close(self, patience: float) -> None:
        """Start no further request, give those under way `patience` seconds, and close the client."""
        self.stopping = True
        self.limiter.close()
        loop = asyncio.get_running_loop()
        ends = loop.time() + patience
        while (self.rounds or self.limiter.lower(0)) and loop.time() < ends:  # noqa: ASYNC110 - in another loop
            await asyncio.sleep(0.02)
        if self._client is not None and self._loop is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop))


class CurrentWorker:
    """The worker of this process: the engine finds workflows by name, so they can't be given it."""

    worker: WorkerClient | None = None


async def never() -> None:
    """Wait for the end of this process's engine, so that nothing is recorded by a worker that may not go on."""
    await asyncio.Event().wait()
