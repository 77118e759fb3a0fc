"""The client that a worker's workflows send their requests with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, field

from .. import ConfigurationError, ProvisioningClient, RetryPolicy
from ..desired import Channel, ProjectChannel, open_channels
from .order import Order

# The limiter counts attempts, so the client must make one only.
_ONE_ATTEMPT: Final = RetryPolicy(max_attempts=1)


@define
class WorkerClient:
    """A worker's client, in the engine's event loop; after `close` no further request starts."""

    _connect: Callable[[], ProvisioningClient] | None = None
    _client: ProvisioningClient | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _in_flight: int = 0
    _channels: dict[tuple[object, str, Channel], ProjectChannel] = field(
        factory=dict[tuple[object, str, Channel], ProjectChannel]
    )

    def open(self, connect: Callable[[], ProvisioningClient]) -> None:
        """Allow requests; the client is made for the first one."""
        if self._connect is not None:
            raise ConfigurationError("this process already runs a worker: start another process")
        self._connect = connect

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Send a request within this; in a process that is ending it never starts."""
        if self._connect is None:
            # Neither done nor failed, so that another worker takes it over.
            await asyncio.Event().wait()
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def channel(self, order: Order) -> ProjectChannel:
        """Return the order's channel, opened once for each key."""
        name = (order.key, order.project_id, order.sender.channel)
        if name not in self._channels:
            self._channels[name] = open_channels(self._opened(), order.project())[order.sender.channel]
        return self._channels[name]

    def _opened(self) -> ProvisioningClient:
        if self._client is None:
            if self._connect is None:
                raise ConfigurationError("this process runs no worker: call work() first")
            self._client = self._connect()
            self._loop = asyncio.get_running_loop()
        return self._client.with_options(retry=_ONE_ATTEMPT)

    async def close(self, patience: float) -> None:
        """Start no further request, give those under way `patience` seconds, and close the client."""
        self._connect = None
        ends = asyncio.get_running_loop().time() + patience
        while self._in_flight and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110 - counted in another loop
            await asyncio.sleep(0.05)
        client, self._client = self._client, None
        self._channels.clear()
        if client is not None and self._loop is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(client.aclose(), self._loop))


# The engine finds workflows by name and runs them in a loop of its own, so they share a module's variable.
worker_client = WorkerClient()
