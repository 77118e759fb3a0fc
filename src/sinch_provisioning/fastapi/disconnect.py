"""ASGI middleware that cancels a request's handler when its caller disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_GONE: Final = "http.disconnect"


class CancelOnDisconnect:
    """Cancels a request's handler, and the calls it is waiting for, when the caller disconnects.

    ASGI servers otherwise let the handler run to its end. Background tasks, which run after the last byte of the
    response, are not cancelled.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(receive, send).run(self.app, scope)


class _Exchange:
    """One request and its response; reads one message ahead in order to notice a disconnect."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._messages: asyncio.Queue[Message] = asyncio.Queue(maxsize=1)
        self._scope = asyncio.timeout(None)
        self._answered = False
        self._gone: Message | None = None

    async def run(self, app: App, scope: Scope) -> None:
        """Run `app` until it ends or the caller disconnects."""
        try:
            async with self._scope:
                watcher = asyncio.create_task(self._watch(), name="sinch_provisioning disconnect")
                try:
                    await app(scope, self.receive, self.send)
                finally:
                    watcher.cancel()
        except TimeoutError:
            if not self._scope.expired():
                raise

    async def _watch(self) -> None:
        while True:
            try:
                message = await self._receive()
            # A server that fails to receive has lost its caller; the handler must not wait for ever.
            except Exception:
                message = {"type": _GONE}
            if message["type"] == _GONE:
                self._gone = message
                if not self._answered:
                    self._scope.reschedule(asyncio.get_running_loop().time())
            await self._messages.put(message)
            if self._gone is not None:
                return

    async def receive(self) -> Message:
        """Give the application its next message."""
        if self._gone is not None and self._messages.empty():
            return self._gone
        return await self._messages.get()

    async def send(self, message: Message) -> None:
        """Pass a message on; after the last one of the response the caller may leave."""
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._answered = True
        await self._send(message)
