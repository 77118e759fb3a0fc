"""An event hub for a fleet of processes: the webhook arrives at one, the wait is in another."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self, cast

from attrs import define, field
from redis.asyncio import Redis

from ..errors import ProvisioningError
from ..webhooks import EventHub, WebhookEvent
from .connections import FAILURES, Connection, open_client, stop
from .outage import Outage

_logger = logging.getLogger("sinch_provisioning.redis")

_BLOCK: Final = 10.0
_BATCH: Final = 500
_KEPT: Final = 3600
_FIELD: Final = b"event"


class RedisEventHub:
    """An `EventHub` over all processes that share a Redis: what one publishes, the subscribers of all get.

    Events go through a stream, so that a process whose connection was cut misses nothing: the last `max_events` are
    kept, for an hour at most, without their secrets. Only a process with subscribers reads them, over one connection
    of its own. A Redis that fails costs one warning, and waits poll meanwhile.

    `url` is a Redis URL, `name` tells applications apart, `timeout` (seconds) bounds each exchange, and `pause` is
    how long a reader waits before it tries again.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "sinch-provisioning",
        max_events: int = 10_000,
        timeout: float = 1.0,
        pause: float = 1.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._stream = f"{name}:events"
        self._max_events = max_events
        self._timeout = timeout
        self._sleep = sleep
        self._pause = pause
        self._connection = Connection(url, timeout=timeout)
        self._outage = Outage("the event hub's Redis failed (%s); waits poll until it is back", pause=pause)
        self._hub = EventHub()
        self._reader: _Reader | None = None

    async def publish(self, event: WebhookEvent, /) -> None:
        """Hand `event` to the subscribers of all processes; raises ProvisioningError where Redis did not take it."""
        content = json.dumps(event.to_dict(), separators=(",", ":"))
        try:
            async with cast("Redis", self._connection.client()).pipeline(transaction=False) as pipeline:
                pipeline.xadd(self._stream, {_FIELD: content}, maxlen=self._max_events, approximate=True)
                pipeline.expire(self._stream, _KEPT)
                await pipeline.execute()
        except FAILURES as error:
            failure = type(error).__name__
        else:
            return
        raise ProvisioningError(
            f"the event hub's Redis did not take the event ({failure}): answer 503, and Sinch sends it again"
        )

    @asynccontextmanager
    async def subscribe(
        self, sender_id: str | None = None, /, *, max_pending: int = 1000
    ) -> AsyncGenerator[AsyncIterator[WebhookEvent], None]:
        """Iterate over the events of one sender, or of all, as `EventHub.subscribe` does."""
        async with self._hub.subscribe(sender_id, max_pending=max_pending) as events:
            reader = self._reader
            if reader is None:
                reader = self._reader = _Reader()
                reader.task = asyncio.create_task(self._read(reader), name="sinch_provisioning event hub")
            reader.users += 1
            try:
                await self._begun(reader)
                yield events
            finally:
                reader.users -= 1
                if reader.users == 0:
                    self._reader = None
                    if reader.task is not None:
                        await stop(reader.task)

    async def _begun(self, reader: _Reader) -> None:
        """Wait until events are read; where Redis is down, no longer than `timeout`."""
        try:
            async with asyncio.timeout(self._timeout):
                await reader.begun.wait()
        except TimeoutError:
            reader.begun.set()

    async def _read(self, reader: _Reader) -> None:
        last: bytes | str | None = None
        # The timeout of a read that waits for news has to be longer than the wait.
        async with open_client(self._url, _BLOCK + self._timeout) as redis:
            stream = cast("Any", redis)
            while True:
                try:
                    if last is None:
                        newest = await stream.xrevrange(self._stream, count=1)
                        last = newest[0][0] if newest else b"0-0"
                        reader.begun.set()
                    found = await stream.xread({self._stream: last}, count=_BATCH, block=int(_BLOCK * 1000))
                except FAILURES as error:
                    self._outage.failed(error)
                    await self._sleep(self._pause)
                    continue
                self._outage.ended()
                for _, entries in found or ():
                    for entry_id, fields in entries:
                        last = entry_id
                        await self._hand_over(fields)

    async def _hand_over(self, fields: Mapping[bytes, bytes]) -> None:
        try:
            event = WebhookEvent.from_dict(json.loads(fields[_FIELD]))
        # Somebody else's entry, or one of a version to come.
        except (ProvisioningError, ValueError, LookupError, TypeError):
            _logger.warning("the event hub's stream holds something that is not an event")
            return
        await self._hub.publish(event)

    async def aclose(self) -> None:
        """Close the connection that events are published on."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@define(eq=False)
class _Reader:
    """The task that reads for all subscribers of a process, from the first one's begin to the last one's end."""

    begun: asyncio.Event = field(factory=asyncio.Event)
    users: int = 0
    task: asyncio.Task[None] | None = None
