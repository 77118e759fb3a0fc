"""One request and its reply: a slot among the requests in flight, the time one attempt may take, bounded bytes."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

import httpx

from ..errors import ConfigurationError
from .body import UnreadableBodyError, decode_body
from .httpx_sender import httpx_is_replaced
from .loop_shutdown import at_loop_shutdown
from .outcome import ExchangeError, Failure, Received
from .per_loop import PerLoop
from .request import HeaderBlock, HttpRequest
from .send_progress import SendProgress

# Their texts are the operating system's or the TLS library's, and hold nothing of the request.
_SELF_EXPLANATORY: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)

# Raised by a mock or a transport of the caller's, these are mistakes in it: no failure of the network.
_PROGRAMMING_ERRORS: Final = (AssertionError, AttributeError, TypeError, NameError, NotImplementedError)


class Sender(Protocol):
    """What carries requests: our own connections, or httpx."""

    async def exchange(
        self,
        request: HttpRequest,
        headers: HeaderBlock,
        *,
        limit: int,
        phases: dict[str, float | None],
        progress: SendProgress,
    ) -> Received:
        """Send a request once and return its reply, its body as it came."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class AttemptTimeout:
    """What one attempt may take: per phase, and (`total`, in seconds) as a whole once it has its slot."""

    __slots__ = ("phases", "total")

    def __init__(self, phases: dict[str, float | None], total: float | None) -> None:
        self.phases = phases
        self.total = total

    @classmethod
    def of(cls, timeout: httpx.Timeout | float) -> AttemptTimeout:
        """Read the client's `timeout` option: seconds bound the whole attempt, an `httpx.Timeout` its phases."""
        if isinstance(timeout, httpx.Timeout):
            return cls(timeout.as_dict(), None)
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise ConfigurationError("timeout must be a positive number of seconds, or an httpx.Timeout")
        return cls({}, timeout)


class LoopState:
    """One event loop's slots and connections, and its calls under way."""

    def __init__(self, sender: Sender, limit: int | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.sender = sender
        self.slots = None if limit is None else asyncio.Semaphore(limit)
        self.in_flight = 0
        self.calls: set[asyncio.Timeout] = set()
        self.emptied = asyncio.Event()
        self.shutdown: AsyncGenerator[None, None] | None = None
        self.stand_in: Sender | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self.sender.aclose()
        if self.stand_in is not None:
            await self.stand_in.aclose()


class Transport:
    """The way to the server, shared by all views of a client.

    `make` makes the sender for each event loop and process; `owned` false means that it is the caller's and is not
    closed here. `stand_in` makes the sender for requests that somebody who has replaced httpx's methods is to get.
    """

    def __init__(
        self,
        make: Callable[[], Sender],
        *,
        limit: int | None,
        owned: bool,
        stand_in: Callable[[], Sender] | None = None,
    ) -> None:
        self._make = make
        self._stand_in = stand_in
        self._owned = owned
        self.limit = limit
        self.closed = False
        self._states = PerLoop(self._open)
        self.current = self._states.current

    def _open(self) -> LoopState:
        state = LoopState(self._make(), self.limit)
        if self._owned:
            state.shutdown = at_loop_shutdown(state.aclose)
        return state

    @property
    def in_flight(self) -> int:
        """Requests that hold a slot now, in all event loops."""
        return sum(state.in_flight for state in self._states)

    async def exchange(  # noqa: PLR0912 - one attempt, step by step
        self,
        state: LoopState,
        request: HttpRequest,
        headers: HeaderBlock,
        *,
        timeout: AttemptTimeout,
        max_body: int,
        progress: SendProgress,
    ) -> Received | Failure:
        """Send `request` once and read its reply; whatever fails is a `Failure` that holds no foreign exception.

        An exception of the HTTP stack can quote a header (the token), so none is kept, not even as a context. What a
        transport of the caller's raises by mistake is raised as it is.
        """
        slots = state.slots
        if slots is not None:
            try:
                await (slots.acquire() if not slots.locked() else _acquire(slots, timeout.phases.get("pool")))
            except TimeoutError:
                return Failure("PoolTimeout", maybe_processed=False, timed_out=True)
        state.in_flight += 1
        progress.started = True
        try:
            sender = state.sender
            # Our own connections know whether they have sent a request; httpx's transport tells by trace events.
            if self._stand_in is not None:
                if not httpx_is_replaced():
                    progress.reported = True
                else:
                    if state.stand_in is None:
                        state.stand_in = self._stand_in()
                    sender = state.stand_in
            exchange = sender.exchange(
                request, headers, limit=max_body, phases=timeout.phases, progress=progress
            )
            if timeout.total is None:
                received = await exchange
            else:
                async with asyncio.timeout(timeout.total):
                    received = await exchange
        except ExchangeError as error:
            return Failure(
                error.cause,
                maybe_processed=progress.maybe_processed(None),
                timed_out=error.timed_out,
                final=error.final,
                explanation=error.explanation,
            )
        except TimeoutError:
            return Failure("AttemptTimeout", maybe_processed=progress.maybe_processed(None), timed_out=True)
        except _PROGRAMMING_ERRORS as error:
            error.add_note(f"raised {_place(error)}, in the transport of a request to the Provisioning API")
            error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - from itself
        # Any exception: transports are pluggable, and below httpx sit h11, ssl, anyio and the caller's own code.
        except Exception as error:
            plain = isinstance(error, _SELF_EXPLANATORY)
            return Failure(
                type(error).__name__,
                maybe_processed=progress.maybe_processed(error),
                timed_out=isinstance(error, httpx.TimeoutException),
                # A proxy that wants another password will want it again.
                final=isinstance(error, httpx.ProxyError) and str(error).startswith("407"),
                explanation=str(error) if plain else _place(error),
            )
        except BaseException as error:
            # A cancellation comes through without the frames below, whose variables hold the request's bytes.
            error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - from itself
        finally:
            state.in_flight -= 1
            if slots is not None:
                slots.release()
        return received if received.encoding is None else _decoded(received, received.encoding, max_body)

    async def drain(self, seconds: float) -> None:
        """Refuse new calls, give those of this loop `seconds` to end, then end the rest."""
        self.closed = True
        state = self._states.existing()
        if state is None or not state.calls:
            return
        try:
            async with asyncio.timeout(seconds):
                await state.emptied.wait()
        except TimeoutError:
            _end_all(state)
            await state.emptied.wait()
        except BaseException:
            _end_all(state)
            raise

    async def aclose(self) -> None:
        """Close this loop's connections, unless they are the caller's; another loop's go with their loop."""
        self.closed = True
        state = self._states.existing()
        if state is not None and state.shutdown is not None:
            shutdown, state.shutdown = state.shutdown, None
            await shutdown.aclose()


async def _acquire(slots: asyncio.Semaphore, seconds: float | None) -> None:
    async with asyncio.timeout(seconds):
        await slots.acquire()


def _end_all(state: LoopState) -> None:
    for call in state.calls:
        if not call.expired():
            call.reschedule(state.loop.time())


def _decoded(received: Received, encoding: str, limit: int) -> Received:
    if received.unreadable is not None:
        return received
    try:
        content = decode_body(received.content, encoding, limit)
    except UnreadableBodyError as error:
        return Received(received.status, received.raw_headers, error.raw, error.why)
    return Received(received.status, received.raw_headers, content)


def _place(error: BaseException) -> str:
    """Say where an exception was raised, and nothing of what it says: that could quote a header."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"at {frames[-1].filename}:{frames[-1].lineno}" if frames else "at an unknown place"
