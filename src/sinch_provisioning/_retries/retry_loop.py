"""The loop of a call: send, look at what came, pause, send again, until an answer or the last word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httpx
from attrs import define, field, frozen

from .._http.outcome import Failure, Received
from .._http.send_progress import Phase
from .._http.transport import AttemptTimeout, Transport
from ..clock import Clock
from ..errors import Attempt
from ..events import AttemptEvent, Observers, RetryEvent
from ..telemetry import CallTrace, Telemetry
from .error_bodies import masked, read_problem
from .retry_policy import TOO_MANY_REQUESTS, RetryPolicy, RetryQuota, next_pause, retry_after_seconds

_UNAUTHORIZED = 401


@frozen
class Limits:
    """What one call may take: its retries, the time of one attempt, the bytes of one reply."""

    policy: RetryPolicy
    timeout: AttemptTimeout
    max_body: int


class Secretive(Protocol):
    """Whoever knows which strings must not show."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Those strings."""
        ...


class Requests(Protocol):
    """Whoever builds a call's requests, one for each attempt."""

    async def prepare(self) -> httpx.Request:
        """Build the next attempt's request."""
        ...

    def renew(self) -> bool:
        """Discard the token that was refused; true when another may help."""
        ...


@define
class Progress:
    """What a call has tried so far, readable from outside when its time runs out.

    `repeatable`: sending twice has the effect of sending once. `deadline` is a time of the monotonic clock.
    """

    operation_id: str
    method: str
    repeatable: bool
    deadline: float
    attempts: tuple[Attempt, ...] = ()
    phase: Phase = field(factory=Phase)
    lost_reply: bool = False
    authorization: bytes = field(default=b"", repr=False)
    trace: CallTrace | None = None
    secretive: Secretive | None = None

    @property
    def under_way(self) -> bool:
        """Whether a request has left, or holds its place to leave, and is not answered."""
        return self.phase.started

    @property
    def maybe_processed(self) -> bool:
        """Whether a request is under way that may have changed something."""
        return not self.repeatable and self.phase.maybe_processed(None)


class Attempts:
    """Sends a call's requests, over one transport, from one quota of retries."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        random: Callable[[], float],
        observers: Observers,
        quota: RetryQuota,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._random = random
        self._observers = observers
        self._quota = quota
        self.telemetry: Telemetry | None = observers.telemetry

    async def run(self, progress: Progress, limits: Limits, requests: Requests) -> Received | Failure:
        """Try until there is an answer to give; another token is asked for once, after the first 401."""
        counted = 0
        renewed = False
        repeatable = progress.repeatable
        while True:
            phase = progress.phase
            phase.watched = not repeatable
            request = await requests.prepare()
            started = self._clock.monotonic()
            if progress.trace is None:
                outcome = await self._transport.exchange(
                    request, timeout=limits.timeout, max_body=limits.max_body, phase=phase
                )
            else:
                outcome = await self._traced(progress.trace, request, progress, limits)
            now = self._clock.monotonic()
            if isinstance(outcome, Received):
                phase.started = False
                if 200 <= outcome.status < 300:
                    self._quota.earn(retried=counted > 0)
                    self._saw(progress, outcome, None, now - started)
                    return outcome
                failure = self._failure(outcome)
            else:
                failure = outcome
            counted += 1
            pause: float | None
            if failure.status == _UNAUTHORIZED and not renewed and requests.renew():
                renewed = True
                counted -= 1
                pause = 0.0
            else:
                pause = next_pause(
                    failure,
                    policy=limits.policy,
                    tried=counted,
                    remaining=progress.deadline - now,
                    repeatable=repeatable,
                    random=self._random,
                )
                if pause is not None and not self._quota.spend():
                    pause = None
            progress.attempts += (Attempt(failure.status, failure.cause, pause or 0.0),)
            self._saw(progress, outcome, failure, now - started)
            if pause is None:
                return outcome
            progress.phase = Phase()
            progress.lost_reply = progress.lost_reply or _reply_lost(failure)
            self._observers.retried(
                RetryEvent(
                    progress.operation_id, len(progress.attempts), failure.status, failure.cause, pause
                )
            )
            if pause > 0:
                await self._clock.sleep(pause)

    async def _traced(
        self, call: CallTrace, request: httpx.Request, progress: Progress, limits: Limits
    ) -> Received | Failure:
        with call.attempt(request.url, len(progress.attempts)) as trace:
            if headers := trace.headers:
                request.headers.update(headers)
            outcome = await self._transport.exchange(
                request, timeout=limits.timeout, max_body=limits.max_body, phase=progress.phase
            )
            trace.ended(outcome.status, outcome.cause if isinstance(outcome, Failure) else None)
            return outcome

    def _failure(self, received: Received) -> Failure:
        status = received.status
        return Failure(
            None,
            status=status,
            retry_after=retry_after_seconds(received.headers.get("retry-after"), self._clock.time()),
            error_code=read_problem(received.content).error_code if status >= TOO_MANY_REQUESTS else None,
        )

    def _saw(
        self, progress: Progress, outcome: Received | Failure, failure: Failure | None, duration: float
    ) -> None:
        if self._observers.want_attempts:
            request_id = outcome.headers.get("x-request-id") if isinstance(outcome, Received) else None
            if request_id is not None and progress.secretive is not None:
                token = progress.authorization.partition(b" ")[2].decode()
                request_id = masked(request_id, (*progress.secretive.secrets, token))
            self._observers.attempted(
                AttemptEvent(
                    progress.operation_id,
                    progress.method,
                    len(progress.attempts) + (failure is None),
                    outcome.status,
                    None if failure is None else failure.cause,
                    duration,
                    request_id,
                )
            )


def _reply_lost(failure: Failure) -> bool:
    """Whether the server may have done what was asked and the answer went astray, a gateway's included."""
    if failure.status is None:
        return failure.maybe_processed
    return failure.status >= 500 and failure.retry_after is None
