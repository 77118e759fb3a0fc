"""One request and its reply: a place among the requests in flight, the time one attempt may take, bounded bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from typing import Final

import httpx
from attrs import define, field, frozen

from ..errors import ConfigurationError
from .body import UnreadableBodyError, read
from .deadlines import Deadlines
from .loop_shutdown import at_loop_end
from .outcome import Failure, Received
from .send_progress import Phase

# Their texts are the operating system's or the TLS library's, and hold nothing of the request.
_SELF_EXPLANATORY: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


@frozen
class AttemptTimeout:
    """What one attempt may take: per phase, and (`total`, in seconds) as a whole once it has its place."""

    phases: dict[str, float | None]
    total: float | None

    @classmethod
    def of(cls, timeout: httpx.Timeout | float) -> AttemptTimeout:
        """Read the client's `timeout` option: seconds bound the whole attempt, an `httpx.Timeout` its phases."""
        if isinstance(timeout, httpx.Timeout):
            return cls(timeout.as_dict(), None)
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise ConfigurationError("timeout must be a positive number of seconds, or an httpx.Timeout")
        return cls({"pool": None}, timeout)


@define(eq=False)
class LoopState:
    """What belongs to one event loop in one process."""

    loop: asyncio.AbstractEventLoop
    pid: int
    places: asyncio.Semaphore | None
    sender: httpx.AsyncBaseTransport | httpx.AsyncClient
    deadlines: Deadlines
    in_flight: int = 0
    under_way: set[asyncio.Timeout] = field(factory=set[asyncio.Timeout])
    emptied: asyncio.Event = field(factory=asyncio.Event)
    farewell: AsyncGenerator[None, None] | None = None


class Transport:
    """The way to the server, shared by all views of a client.

    `make` builds the sender anew for each event loop and after a fork, so that neither loops nor processes share
    a socket. `owned` false means it is the caller's: it is used in every loop and never closed here.
    """

    def __init__(
        self,
        make: Callable[[], httpx.AsyncBaseTransport | httpx.AsyncClient],
        *,
        limit: int | None,
        owned: bool,
    ) -> None:
        self._make = make
        self.limit = limit
        self._owned = owned
        self._state: LoopState | None = None
        self.closed = False

    @property
    def in_flight(self) -> int:
        """Requests that hold a place now."""
        return 0 if self._state is None else self._state.in_flight

    def _current(self) -> LoopState:
        state = self._state
        loop = asyncio.get_running_loop()
        if state is None or state.loop is not loop or state.pid != os.getpid():
            places = None if self.limit is None else asyncio.Semaphore(self.limit)
            sender = self._make()
            self._state = state = LoopState(loop, os.getpid(), places, sender, Deadlines(loop))
            if self._owned and isinstance(sender, httpx.AsyncBaseTransport):
                state.farewell = at_loop_end(sender)
        return state

    def begin(self, scope: asyncio.Timeout, seconds: float) -> LoopState:
        """Count a call as under way; its `scope` ends after `seconds`, or when `aclose` has drained long enough."""
        state = self._current()
        state.under_way.add(scope)
        state.deadlines.begin(scope, seconds)
        return state

    def end(self, state: LoopState, scope: asyncio.Timeout, seconds: float) -> None:
        """Count a call as over; `state` is what `begin` returned."""
        state.under_way.discard(scope)
        state.deadlines.end(scope, seconds)
        if self.closed and not state.under_way:
            state.emptied.set()

    def request(self, method: str, url: httpx.URL, headers: httpx.Headers, content: bytes) -> httpx.Request:
        """Build a request for `exchange`: bare for a transport, with its own defaults for a caller's client."""
        sender = self._current().sender
        if isinstance(sender, httpx.AsyncClient):
            return sender.build_request(method, url, headers=headers, content=content)
        return httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(content))

    async def exchange(
        self, request: httpx.Request, *, timeout: AttemptTimeout, max_body: int, phase: Phase
    ) -> Received | Failure:
        """Send `request` once and read its reply; whatever fails is a `Failure` that holds no foreign exception.

        An exception of the HTTP stack can quote a header (the token), so none is kept, not even as a context.
        """
        state = self._current()
        request.extensions["timeout"] = timeout.phases
        if phase.watched:
            request.extensions["trace"] = phase.trace
            phase.tells = getattr(state.sender, "tells_phases", False) is True
        try:
            await self._enter(state, timeout.phases.get("pool"))
        except TimeoutError:
            return Failure("PoolTimeout", maybe_processed=False, timed_out=True)
        phase.started = True
        try:
            if timeout.total is None:
                return await _send(state.sender, request, max_body)
            async with asyncio.timeout(timeout.total):
                return await _send(state.sender, request, max_body)
        except TimeoutError:
            return Failure("AttemptTimeout", maybe_processed=phase.maybe_processed(None), timed_out=True)
        # Any exception: transports are pluggable, and below httpx sit h11, ssl, anyio and the caller's own code.
        except Exception as error:
            return Failure(
                type(error).__name__,
                maybe_processed=phase.maybe_processed(error),
                timed_out=isinstance(error, httpx.TimeoutException),
                explanation=str(error) if isinstance(error, _SELF_EXPLANATORY) else "",
            )
        except BaseException as error:
            # A cancellation comes through without the frames below, whose variables hold the request's bytes.
            error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - from itself
        finally:
            self._leave(state)

    async def _enter(self, state: LoopState, seconds: float | None) -> None:
        places = state.places
        if places is not None:
            if seconds is None or not places.locked():
                await places.acquire()
            else:
                async with asyncio.timeout(seconds):
                    await places.acquire()
        state.in_flight += 1

    @staticmethod
    def _leave(state: LoopState) -> None:
        state.in_flight -= 1
        if state.places is not None:
            state.places.release()

    async def drain(self, seconds: float) -> None:
        """Refuse new calls, give those under way `seconds`, then end the rest."""
        self.closed = True
        state = self._mine()
        if state is None or not state.under_way:
            return
        try:
            async with asyncio.timeout(seconds):
                await state.emptied.wait()
        except TimeoutError:
            self._end_all(state)
            await state.emptied.wait()
        except BaseException:
            self._end_all(state)
            raise

    @staticmethod
    def _end_all(state: LoopState) -> None:
        for scope in state.under_way:
            if not scope.expired():
                scope.reschedule(state.loop.time())

    async def aclose(self) -> None:
        """Close the connections, unless they are the caller's or another loop's or process's."""
        self.closed = True
        state = self._mine()
        # The state stays: a call that is being ended must not open a new one.
        if state is not None and state.farewell is not None:
            farewell, state.farewell = state.farewell, None
            await farewell.aclose()

    def _mine(self) -> LoopState | None:
        state = self._state
        if state is None or state.loop is not asyncio.get_running_loop() or state.pid != os.getpid():
            return None
        return state


async def _send(
    sender: httpx.AsyncBaseTransport | httpx.AsyncClient, request: httpx.Request, max_body: int
) -> Received:
    if isinstance(sender, httpx.AsyncClient):
        response = await sender.send(request, stream=True, auth=None, follow_redirects=False)
    else:
        response = await sender.handle_async_request(request)
    if isinstance(sender, httpx.AsyncClient) and response.is_stream_consumed:
        # A response hook of the caller's client has read it already.
        return Received(response.status_code, response.headers, response.content)
    unreadable = None
    try:
        content = await read(response, max_body)
    except UnreadableBodyError as error:
        content, unreadable = error.raw, error.why
    finally:
        if isinstance(response.stream, httpx.AsyncByteStream):
            await response.stream.aclose()
    return Received(response.status_code, response.headers, content, unreadable)
