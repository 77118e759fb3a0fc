"""The token endpoint: one request for a token, and what its answer means (RFC 6749, sections 4.4 and 5)."""

from __future__ import annotations

import asyncio
import base64
import math
from typing import Final, cast

import httpx
from attrs import field, frozen

from .._http.body import ACCEPT_ENCODING
from .._http.outcome import Failure, Received
from .._http.transport import Transport
from .._json import loads
from .._retries.error_bodies import masked, read_problem
from .._retries.retry_loop import Attempts, Limits, Progress
from .._retries.retry_policy import retry_after_seconds
from ..clock import Clock
from ..credentials import OAuth2ClientCredentials, Secret
from ..errors import APIConnectionError, APITimeoutError, Attempt, ProvisioningError, TokenError

DEFAULT_LIFETIME: Final = 3600.0
LONGEST_LIFETIME: Final = 86_400.0

_FORM: Final = b"grant_type=client_credentials"


@frozen
class Grant:
    """An access token and the seconds it lives from the moment it was asked for; 0 means it is not kept.

    `shared`: another process asked for it.
    """

    access_token: Secret
    lifetime: float
    shared: bool = False


@frozen
class GrantFailure:
    """Why there is no token; each call that waited for it raises an error of its own."""

    outcome: Received | Failure
    problem: str
    error_code: str | None = None
    retry_after: float | None = None
    attempts: tuple[Attempt, ...] = field(default=())

    def error(self, operation_id: str) -> ProvisioningError:
        """Make the error that the call of `operation_id` raises."""
        message = f"{operation_id}: no token, {self.problem}"
        if isinstance(self.outcome, Failure):
            kind = APITimeoutError if self.outcome.timed_out else APIConnectionError
            return kind(message, operation_id=operation_id, attempts=self.attempts)
        return TokenError(
            message,
            status_code=self.outcome.status,
            error_code=self.error_code,
            retry_after=self.retry_after,
            body=self.outcome.content,
            operation_id=operation_id,
            attempts=self.attempts,
        )


def lifetime_of(expires_in: object) -> float:
    """Read `expires_in`: absent an hour, at most a day, 0 for what is no positive number of seconds."""
    if expires_in is None:
        return DEFAULT_LIFETIME
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return 0.0
    try:
        seconds = float(expires_in)
    except (ValueError, OverflowError):
        return LONGEST_LIFETIME if isinstance(expires_in, int) and expires_in > 0 else 0.0
    return min(seconds, LONGEST_LIFETIME) if math.isfinite(seconds) and seconds > 0 else 0.0


def read_grant(content: bytes) -> Grant | str:
    """Read a token reply, or say what is wrong with it without repeating any of it."""
    try:
        body = loads(content)
    except ValueError:
        return "its endpoint's answer is no JSON"
    if not isinstance(body, dict):
        return "its endpoint's answer is no JSON object"
    reply = cast("dict[str, object]", body)
    token = reply.get("access_token")
    # RFC 6750, section 2.1: visible characters only, so that it is one word of a header.
    if (
        not isinstance(token, str)
        or not token.isascii()
        or not token.isprintable()
        or not token
        or " " in token
    ):
        return "its endpoint's answer holds no usable access_token"
    kind = reply.get("token_type")
    if isinstance(kind, str) and kind.lower() != "bearer":
        return "its endpoint granted a token that is no bearer token"
    return Grant(Secret(token), lifetime_of(reply.get("expires_in")))


class TokenEndpoint:
    """Asks one token URL for tokens of one key."""

    def __init__(
        self,
        credentials: OAuth2ClientCredentials,
        url: httpx.URL,
        *,
        attempts: Attempts,
        transport: Transport,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.key_id = credentials.key_id
        self.url = url
        self._secret = credentials.key_secret
        self._attempts = attempts
        self._transport = transport
        self._limits = limits
        self._clock = clock

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not show, the key secret plain and as Basic authentication sends it."""
        return self._secret.reveal(), self._basic()

    def _basic(self) -> str:
        return base64.b64encode(f"{self.key_id}:{self._secret.reveal()}".encode()).decode()

    async def prepare(self) -> httpx.Request:
        """Build the next attempt's request."""
        headers = [
            (b"Host", self.url.netloc),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", ACCEPT_ENCODING.encode()),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
            (b"Content-Length", b"%d" % len(_FORM)),
            (b"Authorization", b"Basic " + self._basic().encode()),
        ]
        return self._transport.request("POST", self.url, httpx.Headers(headers), _FORM)

    def renew(self) -> bool:
        """Say that there is no other key."""
        return False

    async def fetch(self) -> Grant | GrantFailure:
        """Ask for a token, as often as the retry policy allows; it raises nothing but cancellation."""
        deadline = self._limits.policy.deadline
        progress = Progress(
            "token",
            "POST",
            repeatable=True,
            deadline=self._clock.monotonic() + deadline,
            secretive=self,
        )
        telemetry = self._attempts.telemetry
        trace = None if telemetry is None else telemetry.call(progress.operation_id, progress.method)
        if trace is None:
            return await self._fetch(progress, deadline)
        with trace as progress.trace:
            grant = await self._fetch(progress, deadline)
            if isinstance(grant, GrantFailure):
                trace.failed(type(grant.error(progress.operation_id)).__name__)
            return grant

    async def _fetch(self, progress: Progress, deadline: float) -> Grant | GrantFailure:
        outcome: Received | Failure
        try:
            async with asyncio.timeout(deadline):
                outcome = await self._attempts.run(progress, self._limits, self)
        except TimeoutError:
            outcome = Failure("DeadlineExceeded", timed_out=True)
            progress.attempts += (Attempt(None, "DeadlineExceeded", 0.0),)
        attempts = progress.attempts
        if isinstance(outcome, Failure):
            what = "did not answer in time" if outcome.timed_out else "could not be reached"
            explanation = f": {masked(outcome.explanation, self.secrets)}" if outcome.explanation else ""
            return GrantFailure(
                outcome, f"its endpoint {what} ({outcome.cause}{explanation})", attempts=attempts
            )
        if not 200 <= outcome.status < 300:
            return self._refusal(outcome, attempts)
        grant = read_grant(outcome.content) if outcome.unreadable is None else f"because {outcome.unreadable}"
        if isinstance(grant, str):
            return GrantFailure(outcome, grant, attempts=(*attempts, Attempt(outcome.status, None, 0.0)))
        return grant

    def _refusal(self, received: Received, attempts: tuple[Attempt, ...]) -> GrantFailure:
        problem = read_problem(received.content, self.secrets)
        said = "".join(
            [
                f" {problem.error_code}" if problem.error_code is not None else "",
                f": {problem.message}" if problem.message is not None else "",
            ]
        )
        advice = (
            "try again later"
            if received.status == 429 or received.status >= 500
            else "check the key id, the key secret and the token URL"
        )
        return GrantFailure(
            received,
            " ".join(f"its endpoint refused with {received.status}{said} - {advice}".split()),
            problem.error_code,
            retry_after_seconds(received.headers.get("retry-after"), self._clock.time()),
            attempts,
        )
