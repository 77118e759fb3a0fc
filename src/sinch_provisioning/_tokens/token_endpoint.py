"""The token endpoint: one request for a token, and what its answer means (RFC 6749, sections 4.4 and 5)."""

from __future__ import annotations

import asyncio
import math
from typing import Final, cast

import httpx
from attrs import field, frozen

from .._http.outcome import Failure, Received
from .._http.request import HeaderBlock, HttpRequest, Server
from .._json import loads
from .._retries.authorization import Authorization
from .._retries.call import Call, CommonHeaders, Limits, common_headers
from .._retries.error_bodies import masked, masked_body
from .._retries.retry_loop import Attempts
from ..credentials import Secret
from ..errors import APIConnectionError, APITimeoutError, Attempt, ProvisioningError, TokenError

DEFAULT_LIFETIME: Final = 3600.0
LONGEST_LIFETIME: Final = 86_400.0

_FORM: Final = b"grant_type=client_credentials"
_FORM_HEADERS: Final = HeaderBlock(
    ((b"Content-Type", b"application/x-www-form-urlencoded"), (b"Content-Length", b"%d" % len(_FORM)))
)


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
        return "the token endpoint's reply is not JSON"
    if not isinstance(body, dict):
        return "the token endpoint's reply is not a JSON object"
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
        return "the token endpoint's reply has no usable access_token"
    kind = reply.get("token_type")
    if isinstance(kind, str) and kind.lower() != "bearer":
        return "the token endpoint granted a token that is not a bearer token"
    return Grant(Secret(token), lifetime_of(reply.get("expires_in")))


class TokenEndpoint:
    """Asks one token URL for tokens of one key."""

    def __init__(
        self,
        key_id: str,
        url: httpx.URL,
        *,
        authorization: Authorization,
        attempts: Attempts,
        limits: Limits,
    ) -> None:
        self.key_id = key_id
        self._authorization = authorization
        self._attempts = attempts
        self._limits = limits
        server = Server(url)
        self._request = HttpRequest("POST", server, "", _FORM_HEADERS, _FORM)
        self._headers = CommonHeaders(common_headers(server))

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not show: the key secret, plain and as Basic authentication sends it."""
        return self._authorization.secrets

    async def fetch(self) -> Grant | GrantFailure:
        """Ask for a token, as often as the retry policy allows; it raises nothing but cancellation."""
        deadline = self._limits.policy.deadline
        call = Call(
            "token",
            self._request,
            self._headers,
            self._authorization,
            self._limits,
            repeatable=True,
            deadline=self._attempts.clock.monotonic() + deadline,
        )
        telemetry = self._attempts.telemetry
        trace = None if telemetry is None else telemetry.call(call.operation_id, "POST")
        if trace is None:
            return await self._fetch(call, deadline)
        with trace as call.trace:
            grant = await self._fetch(call, deadline)
            if isinstance(grant, GrantFailure):
                trace.failed(type(grant.error(call.operation_id)).__name__)
            return grant

    async def _fetch(self, call: Call, deadline: float) -> Grant | GrantFailure:
        outcome: Received | Failure
        try:
            async with asyncio.timeout(deadline):
                outcome = await self._attempts.run(call, self._attempts.transport.current())
        except TimeoutError:
            outcome = Failure("DeadlineExceeded", timed_out=True)
            call.attempts += (Attempt(None, "DeadlineExceeded", 0.0),)
        attempts = call.attempts
        if isinstance(outcome, Failure):
            return self._failure(outcome, attempts)
        grant = read_grant(outcome.content) if outcome.unreadable is None else f"because {outcome.unreadable}"
        if isinstance(grant, str):
            return GrantFailure(outcome, grant, attempts=(*attempts, Attempt(outcome.status, None, 0.0)))
        return grant

    def _failure(self, failure: Failure, attempts: tuple[Attempt, ...]) -> GrantFailure:
        if failure.received is None:
            what = "did not answer in time" if failure.timed_out else "could not be reached"
            explanation = f": {masked(failure.explanation, self.secrets)}" if failure.explanation else ""
            return GrantFailure(
                failure, f"the token endpoint {what} ({failure.cause}{explanation})", attempts=attempts
            )
        status = failure.received.status
        body = masked_body(failure.error_body, self.secrets)
        said = "".join(
            [
                f" {body.error_code}" if body.error_code is not None else "",
                f": {body.message}" if body.message is not None else "",
            ]
        )
        advice = (
            "try again later"
            if status == 429 or status >= 500
            else "check the key id, the key secret and the token URL"
        )
        return GrantFailure(
            failure.received,
            " ".join(f"the token endpoint refused with {status}{said} - {advice}".split()),
            body.error_code,
            failure.retry_after,
            attempts,
        )
