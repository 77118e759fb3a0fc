"""The path of a call: authorize, send until answered, turn the reply into a value or into one of our errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

import httpx
from attrs import define, evolve, frozen

from sinch_provisioning_api import Reply, Request, SchemaMismatchError

from .._http.body import ACCEPT_ENCODING
from .._http.outcome import Failure, Received
from .._http.transport import Transport
from .._json import loads
from .._retries.error_bodies import status_error
from .._retries.retry_loop import Attempts, Limits, Progress
from .._tokens.token_source import Auth, Token
from .._version import __version__
from ..clock import Clock
from ..errors import ConfigurationError, ProvisioningError
from ..rate_limit import RateLimit, permission
from .body_secrets import secret_values
from .call_errors import decode_error, no_reply, out_of_time

_T = TypeVar("_T")

_NOT_FOUND: Final = 404
_NO_CONTENT: Final = 204

# Building a URL costs as much as a twentieth of a call, and services ask for the same ones again and again.
_url = lru_cache(maxsize=4096)(httpx.URL)


class _Headers:
    """The headers of every request, with the token that was asked for last."""

    def __init__(self, constant: tuple[tuple[bytes, bytes], ...]) -> None:
        self.constant = constant
        self._last: tuple[Token, httpx.Headers] | None = None

    def bearing(self, token: Token) -> httpx.Headers:
        """Return all of them, for an `httpx.Request` to copy: that is quicker than checking them anew."""
        last = self._last
        if last is None or last[0] is not token:
            headers = httpx.Headers([*self.constant, (b"Authorization", token.header)])
            last = self._last = token, headers
        return last[1]


@frozen
class Pipeline:
    """Carries the requests of the generated functions, with one server, one way to authorize and one set of limits.

    `with_limits` and `with_auth` make views that share the transport and everything behind it.
    """

    base_url: str
    auth: Auth
    limits: Limits
    transport: Transport
    attempts: Attempts
    clock: Clock
    headers: _Headers
    rate_limit: RateLimit | None = None

    @classmethod
    def to(
        cls,
        base_url: str,
        *,
        auth: Auth,
        limits: Limits,
        transport: Transport,
        attempts: Attempts,
        clock: Clock,
        rate_limit: RateLimit | None = None,
    ) -> Pipeline:
        """Open the path to `base_url`, with the headers that all its requests bear prepared."""
        headers = (
            (b"Host", httpx.URL(base_url).netloc),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", ACCEPT_ENCODING.encode()),
            (b"User-Agent", f"sinch-provisioning-python/{__version__}".encode()),
        )
        return cls(base_url, auth, limits, transport, attempts, clock, _Headers(headers), rate_limit)

    def with_limits(self, limits: Limits) -> Pipeline:
        """Return this pipeline with other limits."""
        return evolve(self, limits=limits)

    def with_auth(self, auth: Auth) -> Pipeline:
        """Return this pipeline with other credentials."""
        return evolve(self, auth=auth, headers=_Headers(self.headers.constant))

    async def authenticate(self) -> None:
        """Wait for a token unless one is live; raises `ProvisioningError` only."""
        self._check_open("authenticate")
        if self.auth.ready() is None:
            await self.auth.obtain("authenticate")

    async def call(self, request: Request, parse: Callable[[Reply], _T]) -> _T:
        """Send `request` and return what `parse` makes of its reply; raises `ProvisioningError` only."""
        progress = Progress(
            request.operation_id,
            request.method,
            repeatable=request.method != "POST",
            deadline=self.clock.monotonic() + self.limits.policy.deadline,
            secretive=self.auth,
        )
        telemetry = self.attempts.telemetry
        trace = None if telemetry is None else telemetry.call(request.operation_id, request.method)
        if trace is None:
            return self._value(request, parse, progress, await self._outcome(request, progress))
        with trace as progress.trace:
            return self._value(request, parse, progress, await self._outcome(request, progress))

    def _value(
        self,
        request: Request,
        parse: Callable[[Reply], _T],
        progress: Progress,
        outcome: Received | Failure | None,
    ) -> _T:
        """Return what the last reply says, or raise what it or the failure amounts to."""
        if request.method == "DELETE" and progress.lost_reply:
            outcome = _deleted_before(outcome)
        if isinstance(outcome, Received) and 200 <= outcome.status < 300:
            if outcome.unreadable is not None:
                raise decode_error(progress, outcome, outcome.unreadable)
            try:
                return parse(Reply(outcome.status, outcome.headers, outcome.content, loads))
            except SchemaMismatchError as error:
                why = f"its body is not what the API's document says: {error}"
            # Whatever else a parser stumbles over, the fault is the reply's; its text may quote the body.
            except Exception as error:
                why = f"its body can't be read ({type(error).__name__})"
            raise decode_error(progress, outcome, why)
        raise self._error(request, progress, outcome)

    def _error(
        self, request: Request, progress: Progress, outcome: Received | Failure | None
    ) -> ProvisioningError:
        """Choose the error, apart from the frame that raises it: error trackers show such a frame's variables."""
        secrets = (*self.auth.secrets, progress.authorization.partition(b" ")[2].decode())
        if isinstance(outcome, Received):
            return status_error(
                outcome,
                operation_id=progress.operation_id,
                attempts=progress.attempts,
                now=self.clock.time(),
                secrets=(*secrets, *secret_values(request.content)),
            )
        if outcome is not None:
            return no_reply(progress, outcome, secrets)
        return out_of_time(progress, self.limits.policy.deadline, closed=self.transport.closed)

    async def _outcome(self, request: Request, progress: Progress) -> Received | Failure | None:
        """Return the last reply or failure, or None when the deadline passed first."""
        transport = self.transport
        self._check_open(progress.operation_id)
        seconds = self.limits.policy.deadline
        scope = asyncio.timeout(None)
        try:
            async with scope:
                state = transport.begin(scope, seconds)
                try:
                    return await self.attempts.run(progress, self.limits, _Run(self, request, progress))
                finally:
                    transport.end(state, scope, seconds)
        except TimeoutError:
            if not scope.expired():
                raise
        return None

    def _check_open(self, operation_id: str) -> None:
        if self.transport.closed:
            raise ConfigurationError(
                f"{operation_id}: the client is closed; open a new one", operation_id=operation_id
            )


def _deleted_before(outcome: Received | Failure | None) -> Received | Failure | None:
    """Take a 404 for the success of an attempt whose reply was lost: what was asked for is done."""
    if isinstance(outcome, Received) and outcome.status == _NOT_FOUND:
        return Received(_NO_CONTENT, outcome.headers, b"")
    return outcome


def _own_headers(request: Request) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    content = request.content
    if content is not None:
        if request.content_type is not None:
            headers.append((b"Content-Type", request.content_type.encode("ascii")))
        headers.append((b"Content-Length", b"%d" % len(content)))
    elif request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"Content-Length", b"0"))
    for name, value in request.headers:
        headers.append((name.encode("ascii"), value.encode("utf-8")))
    return headers


@define
class _Run:
    """One call's requests: the same content each time, with the token of the moment."""

    pipeline: Pipeline
    request: Request
    progress: Progress
    token: Token | None = None

    async def prepare(self) -> httpx.Request:
        """Build the next attempt's request."""
        pipeline, request = self.pipeline, self.request
        auth = pipeline.auth
        if pipeline.rate_limit is not None:
            await permission(pipeline.rate_limit)
        self.token = token = auth.ready() or await auth.obtain(request.operation_id)
        self.progress.authorization = token.header
        url = self._url()
        headers = pipeline.headers.bearing(token)
        if own := _own_headers(request):
            headers = httpx.Headers([*headers.raw, *own])
        return pipeline.transport.request(request.method, url, headers, request.content or b"")

    def _url(self) -> httpx.URL:
        request = self.request
        target = self.pipeline.base_url + request.path
        try:
            return _url(target) if not request.params else httpx.URL(target, params=request.params)
        except (httpx.InvalidURL, ValueError):
            pass
        raise ConfigurationError(
            f"{request.operation_id}: its path and parameters make no URL; are they too long, or no text?",
            operation_id=request.operation_id,
        )

    def renew(self) -> bool:
        """Discard the token that was refused; true when another may be had."""
        return self.token is not None and self.pipeline.auth.reject(self.token)
