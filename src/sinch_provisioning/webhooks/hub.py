"""Handing events to whoever waits for them, within one process."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self, cast

from attrs import define, field

from .event import WebhookEvent

_DIGESTS_KEPT: Final = 32


class EventHub:
    """Hands each event to all subscribers of its sender, old and repeated ones left out.

    Sinch promises no order and repeats deliveries: an event is dropped where a newer one of its sender was seen (by the
    sender's `modified`, else by the time it was sent; comments are never too old), or one with the same content. It
    remembers `max_senders` senders.
    """

    def __init__(self, *, max_senders: int = 10_000) -> None:
        self._max_senders = max_senders
        self._histories: OrderedDict[str | None, _History] = OrderedDict()
        self._subscriptions: dict[str | None, set[_Subscription]] = {}

    async def publish(self, event: WebhookEvent, /) -> None:
        """Hand `event` to its subscribers without waiting for them."""
        if not self._is_news(event):
            return
        for key in {event.sender_id, None}:
            for subscription in self._subscriptions.get(key, ()):
                subscription.put(event)

    @asynccontextmanager
    async def subscribe(
        self, sender_id: str | None = None, /, *, max_pending: int = 1000
    ) -> AsyncGenerator[AsyncIterator[WebhookEvent], None]:
        """Iterate over the events of one sender, or of all, from now on and for the length of the block.

        Of the events not yet taken, the newest `max_pending` are kept.
        """
        subscription = _Subscription(max_pending)
        subscriptions = self._subscriptions.setdefault(sender_id, set())
        subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            subscriptions.discard(subscription)
            if not subscriptions and self._subscriptions.get(sender_id) is subscriptions:
                del self._subscriptions[sender_id]

    def _is_news(self, event: WebhookEvent) -> bool:
        history = self._histories.get(event.sender_id)
        if history is None:
            history = self._histories[event.sender_id] = _History()
            if len(self._histories) > self._max_senders:
                self._histories.popitem(last=False)
        else:
            self._histories.move_to_end(event.sender_id)
        return history.add(event)


class _Subscription(AsyncIterator[WebhookEvent]):
    def __init__(self, max_pending: int) -> None:
        self._pending: deque[WebhookEvent] = deque(maxlen=max_pending)
        self._filled = asyncio.Event()

    def put(self, event: WebhookEvent) -> None:
        self._pending.append(event)
        self._filled.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WebhookEvent:
        while not self._pending:
            self._filled.clear()
            await self._filled.wait()
        return self._pending.popleft()


@define
class _History:
    """What was seen of one sender, or of all events that are about none."""

    modified: dt.datetime | None = None
    sent: dt.datetime | None = None
    digests: deque[bytes] = field(factory=lambda: deque[bytes](maxlen=_DIGESTS_KEPT))

    def add(self, event: WebhookEvent) -> bool:
        """Take note of `event`; False where it is old or was seen before."""
        digest = _digest(event)
        if digest in self.digests:
            return False
        self.digests.append(digest)
        return self._is_newest(event) or event.sender_id is None or event.type.endswith("COMMENT_ADDED")

    def _is_newest(self, event: WebhookEvent) -> bool:
        modified = _modified(event)
        # Only like is compared with like: the two times come from different clocks.
        if modified is not None and self.modified is not None:
            if modified < self.modified:
                return False
        elif event.sent is not None and self.sent is not None and event.sent < self.sent:
            return False
        self.modified = modified or self.modified
        self.sent = event.sent or self.sent
        return True


def _digest(event: WebhookEvent) -> bytes:
    content = json.dumps([event.type, event.raw], sort_keys=True, default=str)
    return hashlib.blake2b(content.encode(), digest_size=16).digest()


def _modified(event: WebhookEvent) -> dt.datetime | None:
    payload = event.raw.get("payload")
    text = cast("Mapping[str, object]", payload).get("modified") if isinstance(payload, Mapping) else None
    try:
        # The API's own examples have a small t.
        moment = dt.datetime.fromisoformat(text.upper()) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment is not None and moment.tzinfo is None else moment
