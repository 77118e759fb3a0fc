"""The path of a call: build its request, send it until it is answered, turn the reply into a value or an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlencode

import httpx
from attrs import evolve, frozen

from sinch_provisioning_api import Reply, Request

from .._http.outcome import Failure, Received
from .._http.request import NO_HEADERS, HeaderBlock, HttpRequest, Server
from .._json import fastest_loads
from .._retries.authorization import Authorization
from .._retries.call import Call, CommonHeaders, Limits, common_headers
from .._retries.error_bodies import status_error
from .._retries.retry_loop import Attempts
from ..clock import Clock
from ..errors import ConfigurationError, ProvisioningError
from ..rate_limit import RateLimit
from .body_secrets import secret_values
from .call_errors import decode_error, no_reply_error, out_of_time_error
from .call_options import Additions
from .low_level import LowLevel

_T = TypeVar("_T")

_NOT_FOUND: Final = 404
_NO_CONTENT: Final = 204
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_EMPTY_BODY: Final = HeaderBlock(((b"Content-Length", b"0"),))


@frozen
class Pipeline:
    """Carries the requests of the generated functions to one server, with one authorization and one set of limits.

    `with_limits`, `with_auth` and `adding` make views that share the connections and everything behind them.
    """

    server: Server
    authorization: Authorization
    limits: Limits
    attempts: Attempts
    headers: CommonHeaders
    loads: Callable[[bytes], object]
    low_level: LowLevel
    rate_limits: tuple[RateLimit, ...] = ()
    additions: Additions | None = None

    @classmethod
    def to(
        cls,
        base_url: str,
        *,
        authorization: Authorization,
        limits: Limits,
        attempts: Attempts,
        low_level: LowLevel,
        rate_limits: tuple[RateLimit, ...] = (),
    ) -> Pipeline:
        """Make the pipeline to `base_url`, with the headers that all its requests bear prepared."""
        server = Server(httpx.URL(base_url))
        headers = CommonHeaders(common_headers(server))
        # Now rather than at the first reply: a process without a free descriptor could not import the decoder then.
        return cls(server, authorization, limits, attempts, headers, fastest_loads(), low_level, rate_limits)

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        return self.attempts.clock

    @property
    def base_url(self) -> str:
        """The server's URL."""
        return self.server.root + self.server.path

    def with_limits(self, limits: Limits) -> Pipeline:
        """Return this pipeline with other limits."""
        return evolve(self, limits=limits)

    def adding(self, additions: Additions) -> Pipeline:
        """Return this pipeline with additions to each request."""
        replaced = frozenset(name.encode() for name in additions.header_names)
        return evolve(self, additions=additions, headers=self.headers.without(replaced))

    def with_auth(self, authorization: Authorization) -> Pipeline:
        """Return this pipeline with other credentials."""
        return evolve(self, authorization=authorization, headers=CommonHeaders(self.headers.constant))

    async def authenticate(self) -> None:
        """Wait for a token unless one is live; raises `ProvisioningError` only."""
        if self.attempts.transport.closed:
            raise _closed("authenticate")
        if self.authorization.ready() is None:
            await self.authorization.obtain("authenticate")

    async def call(self, request: Request, parse: Callable[[Reply], _T], deadline: float | None = None) -> _T:
        """Send `request` and return what `parse` makes of its reply; raises `ProvisioningError` only.

        `deadline`: a time of the monotonic clock that this request shares with others; None for one of its own.
        """
        attempts = self.attempts
        if attempts.transport.closed:
            raise _closed(request.operation_id)
        if self.additions is not None:
            request = self.additions.to(request)
        now = attempts.clock.monotonic()
        seconds = self.limits.policy.deadline if deadline is None else deadline - now
        call = Call(
            request.operation_id,
            _http_request(self.server, request),
            self.headers,
            self.authorization,
            self.limits,
            repeatable=request.repeatable,
            deadline=now + seconds,
        )
        telemetry = attempts.telemetry
        trace = None if telemetry is None else telemetry.call(request.operation_id, request.method)
        if trace is None:
            return self._value(call, parse, await self._outcome(call, seconds))
        with trace as call.trace:
            return self._value(call, parse, await self._outcome(call, seconds))

    async def _outcome(self, call: Call, seconds: float) -> Received | Failure | None:
        """Return the reply or the last failure, or None when the deadline, in `seconds`, passed first."""
        attempts = self.attempts
        transport = attempts.transport
        state = transport.current()
        if seconds <= 0:
            return None
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                state.calls.add(scope)
                call.progress.latest = state.loop.time() + seconds
                try:
                    return await attempts.run(call, state, self.rate_limits)
                finally:
                    state.calls.discard(scope)
                    if transport.closed and not state.calls:
                        state.emptied.set()
        except TimeoutError:
            if not scope.expired():
                raise
        return None

    def _value(self, call: Call, parse: Callable[[Reply], _T], outcome: Received | Failure | None) -> _T:
        """Return what the reply says, or raise the error that it or the failure amounts to."""
        if call.lost_reply and call.request.method == "DELETE":
            outcome = _deleted_before(outcome)
        if not isinstance(outcome, Received):
            raise self._error(call, outcome)
        if outcome.unreadable is not None:
            raise decode_error(call, outcome, outcome.unreadable)
        try:
            return parse(Reply(outcome.status, outcome.raw_headers, outcome.content, self.loads))
        except self.low_level.schema_mismatch as error:
            reason = f"its body is not what the API's document says: {error}"
        # Whatever else a parser stumbles over is the reply's fault; its text may quote the body.
        except Exception as error:
            reason = f"its body can't be read ({type(error).__name__})"
        raise decode_error(call, outcome, reason)

    def _error(self, call: Call, failure: Failure | None) -> ProvisioningError:
        """Choose the error, apart from the frame that raises it: error trackers show such a frame's variables."""
        if failure is None:
            return out_of_time_error(call, self.limits.policy.deadline, closed=self.attempts.transport.closed)
        if failure.received is None:
            return no_reply_error(call, failure, call.secrets())
        return status_error(
            failure,
            failure.received,
            operation_id=call.operation_id,
            attempts=call.attempts,
            secrets=(*call.secrets(), *secret_values(call.request.content)),
        )


def _closed(operation_id: str) -> ConfigurationError:
    return ConfigurationError(
        f"{operation_id}: the client is closed; open a new one", operation_id=operation_id
    )


def _http_request(server: Server, request: Request) -> HttpRequest:
    path = request.path
    if request.params:
        path = f"{path}?{urlencode(request.params)}"
    content = request.content
    headers = NO_HEADERS
    if content is not None or request.headers:
        fields: list[tuple[bytes, bytes]] = []
        if content is not None:
            if request.content_type is not None:
                fields.append((b"Content-Type", request.content_type.encode("ascii")))
            fields.append((b"Content-Length", b"%d" % len(content)))
        elif request.method in _WITH_BODY:
            fields.append((b"Content-Length", b"0"))
        fields += [(name.encode("ascii"), value.encode("utf-8")) for name, value in request.headers]
        headers = HeaderBlock(fields)
    elif request.method in _WITH_BODY:
        headers = _EMPTY_BODY
    try:
        return HttpRequest(request.method, server, path, headers, content)
    except ConfigurationError as error:
        reason = str(error)
    raise ConfigurationError(f"{request.operation_id}: {reason}", operation_id=request.operation_id)


def _deleted_before(outcome: Received | Failure | None) -> Received | Failure | None:
    """Take a 404 for the success of an attempt whose reply was lost: the sender is gone, as asked."""
    if isinstance(outcome, Failure) and outcome.status == _NOT_FOUND and outcome.received is not None:
        return Received(_NO_CONTENT, outcome.received.raw_headers, b"")
    return outcome
