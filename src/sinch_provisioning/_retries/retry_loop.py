"""The loop of a call: send, look at what came, pause, send again, until there is an answer or no hope of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .._http.outcome import ErrorBody, Failure, Received
from .._http.request import HeaderBlock
from .._http.send_progress import SendProgress
from .._http.transport import LoopState, Transport
from ..clock import Clock
from ..errors import Attempt
from ..events import AttemptEvent, RetryEvent
from ..rate_limit import RateLimit, permission
from ..telemetry import CallTrace, Telemetry
from .call import Call
from .error_bodies import masked, read_error_body
from .observers import Observers
from .retry_policy import RetryQuota, next_pause, retry_after_seconds

_UNAUTHORIZED = 401


class Attempts:
    """Sends calls' requests, over one transport, from one quota of retries."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        random: Callable[[], float],
        observers: Observers,
        quota: RetryQuota,
    ) -> None:
        self.transport = transport
        self.clock = clock
        self.telemetry: Telemetry | None = observers.telemetry
        self._random = random
        self._observers = observers
        self._quota = quota

    async def run(  # noqa: PLR0912 - one loop, step by step
        self, call: Call, state: LoopState, rate_limits: Iterable[RateLimit] = ()
    ) -> Received | Failure:
        """Try until there is a 2xx reply or no hope of one; another token is asked for once, after the first 401."""
        limits, clock = call.limits, self.clock
        counted = 0
        renewed = False
        while True:
            for rate_limit in rate_limits:
                await permission(rate_limit)
            authorization = call.authorization
            call.token = token = authorization.ready() or await authorization.obtain(call.operation_id)
            headers = call.headers.bearing(token)
            # Records of attempts cost time, and nobody may want them.
            started = clock.monotonic() if self._observers.want_attempts else None
            if call.trace is None:
                outcome = await self.transport.exchange(
                    state,
                    call.request,
                    headers,
                    timeout=limits.timeout,
                    max_body=limits.max_body,
                    progress=call.progress,
                )
            else:
                outcome = await self._traced(call.trace, call, state, headers)
            if isinstance(outcome, Received):
                call.progress.started = False
                if 200 <= outcome.status < 300:
                    self._quota.earn(retried=counted > 0)
                    if started is not None:
                        self._report(call, outcome, None, started)
                    return outcome
                failure = self._failure(outcome)
            else:
                failure = outcome
            counted += 1
            pause: float | None
            if failure.status == _UNAUTHORIZED and not renewed and authorization.reject(token):
                renewed = True
                counted -= 1
                pause = 0.0
            else:
                pause = next_pause(
                    failure,
                    policy=limits.policy,
                    tried=counted,
                    remaining=call.deadline - clock.monotonic(),
                    repeatable=call.repeatable,
                    random=self._random,
                )
                if pause is not None and not self._quota.spend():
                    pause = None
            call.attempts += (Attempt(failure.status, failure.cause, pause or 0.0),)
            if started is not None:
                self._report(call, outcome, failure, started)
            if pause is None:
                return failure
            call.progress = SendProgress(call.progress.latest)
            call.lost_reply = call.lost_reply or _reply_lost(failure)
            self._observers.retried(
                RetryEvent(call.operation_id, len(call.attempts), failure.status, failure.cause, pause)
            )
            if pause > 0:
                await clock.sleep(pause)

    async def _traced(
        self, trace: CallTrace, call: Call, state: LoopState, headers: HeaderBlock
    ) -> Received | Failure:
        with trace.attempt(call.request.url, len(call.attempts)) as attempt:
            if added := attempt.headers:
                pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in added.items()]
                headers = HeaderBlock([*headers.pairs, *pairs])
            outcome = await self.transport.exchange(
                state,
                call.request,
                headers,
                timeout=call.limits.timeout,
                max_body=call.limits.max_body,
                progress=call.progress,
            )
            attempt.ended(outcome.status, outcome.cause if isinstance(outcome, Failure) else None)
            return outcome

    def _failure(self, received: Received) -> Failure:
        return Failure(
            None,
            status=received.status,
            retry_after=retry_after_seconds(
                received.header(b"retry-after"), self.clock.time(), received.header(b"date")
            ),
            received=received,
            error_body=ErrorBody() if received.unreadable is not None else read_error_body(received.content),
        )

    def _report(
        self, call: Call, outcome: Received | Failure, failure: Failure | None, started: float
    ) -> None:
        request_id = outcome.header(b"x-request-id") if isinstance(outcome, Received) else None
        if request_id is not None:
            request_id = masked(request_id, call.secrets())
        self._observers.attempted(
            AttemptEvent(
                call.operation_id,
                call.request.method,
                len(call.attempts) + (failure is None),
                outcome.status,
                None if failure is None else failure.cause,
                self.clock.monotonic() - started,
                request_id,
            )
        )


def _reply_lost(failure: Failure) -> bool:
    """Whether the server may have done what was asked and the answer went astray, a gateway's included."""
    if failure.status is None:
        return failure.maybe_processed
    return failure.status >= 500 and failure.retry_after is None
