"""What a worker's workflows send their requests with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, field

from .. import ConfigurationError, ProvisioningClient, RetryPolicy
from ..desired import Channel, Place, places
from .order import Order

# The limiter counts attempts, so the client must make one only.
_ONE_ATTEMPT: Final = RetryPolicy(max_attempts=1)


@define
class Desk:
    """A worker's client, in the engine's event loop; after `close` no further request begins."""

    _connect: Callable[[], ProvisioningClient] | None = None
    _client: ProvisioningClient | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _in_flight: int = 0
    _places: dict[tuple[object, str, Channel], Place] = field(
        factory=dict[tuple[object, str, Channel], Place]
    )

    def open(self, connect: Callable[[], ProvisioningClient]) -> None:
        """Let requests begin; the client is made when the first one does."""
        if self._connect is not None:
            raise ConfigurationError("this process is a worker already")
        self._connect = connect

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Send within this; in a process that is ending, it never begins, and the end cancels it."""
        if self._connect is None:
            # Neither done nor failed: another worker takes it up.
            await asyncio.Event().wait()
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def place(self, order: Order) -> Place:
        """Return the order's channel, opened once for each key."""
        name = (order.key, order.project_id, order.sender.channel)
        if name not in self._places:
            self._places[name] = places(self._opened(), order.project())[order.sender.channel]
        return self._places[name]

    def _opened(self) -> ProvisioningClient:
        if self._client is None:
            if self._connect is None:
                raise ConfigurationError("this process is no worker")
            self._client = self._connect()
            self._loop = asyncio.get_running_loop()
        return self._client.with_options(retry=_ONE_ATTEMPT)

    async def close(self, patience: float) -> None:
        """Begin no further request, give those under way `patience` seconds, and close the client."""
        self._connect = None
        ends = asyncio.get_running_loop().time() + patience
        while self._in_flight and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110 - another loop's business
            await asyncio.sleep(0.05)
        client, self._client = self._client, None
        self._places.clear()
        if client is not None and self._loop is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(client.aclose(), self._loop))


# The engine finds workflows by their name and calls them in a loop of its own: there is no other way in.
desk = Desk()
