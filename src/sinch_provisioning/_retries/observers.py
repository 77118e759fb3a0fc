"""Reporting attempts, retries and tokens: to the log, to the caller's hooks, to telemetry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar, cast

from attrs import field, frozen

from ..events import AttemptEvent, RetryEvent, TokenEvent

if TYPE_CHECKING:
    from ..telemetry import Telemetry

_logger = logging.getLogger("sinch_provisioning.calls")
_retry_logger = logging.getLogger("sinch_provisioning.retries")
_token_logger = logging.getLogger("sinch_provisioning.tokens")

_E = TypeVar("_E")


@frozen
class Observers:
    """The caller's hooks, and the log; an exception in a hook is logged and affects no call."""

    on_attempt: Callable[[AttemptEvent], None] | None = field(default=None)
    on_retry: Callable[[RetryEvent], None] | None = field(default=None)
    on_token: Callable[[TokenEvent], None] | None = field(default=None)
    telemetry: Telemetry | None = field(default=None)

    @property
    def want_attempts(self) -> bool:
        """Whether a hook or the log wants attempts; otherwise none is recorded."""
        return self.on_attempt is not None or _logger.isEnabledFor(logging.DEBUG)

    def attempted(self, event: AttemptEvent) -> None:
        """Report an attempt."""
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug(
                "%s attempt %d: %s in %.3f s",
                event.operation_id,
                event.attempt,
                event.cause if event.status is None else event.status,
                event.duration,
                extra={
                    "operation_id": event.operation_id,
                    "attempt": event.attempt,
                    "status": event.status,
                    "cause": event.cause,
                    "duration": event.duration,
                    "request_id": event.request_id,
                },
            )
        _tell(self.on_attempt, event)

    def retried(self, event: RetryEvent) -> None:
        """Report a retry."""
        _retry_logger.info(
            "%s attempt %d: %s; retry in %.3f s",
            event.operation_id,
            event.attempt,
            event.cause if event.status is None else event.status,
            event.pause,
            extra={
                "operation_id": event.operation_id,
                "attempt": event.attempt,
                "status": event.status,
                "cause": event.cause,
                "pause": event.pause,
            },
        )
        _tell(self.on_retry, event)

    def token(self, event: TokenEvent) -> None:
        """Report a token request."""
        _token_logger.log(
            logging.DEBUG if event.ok else logging.WARNING,
            "token for key %s: %s in %.3f s",
            event.key_id,
            "fetched" if event.ok else "not fetched",
            event.duration,
            extra={
                "key_id": event.key_id,
                "ok": event.ok,
                "early": event.early,
                "lifetime": event.lifetime,
                "shared": event.shared,
                "duration": event.duration,
            },
        )
        if self.telemetry is not None:
            self.telemetry.token(event)
        _tell(self.on_token, event)


def _tell(hook: Callable[[_E], None] | None, event: _E) -> None:
    if hook is None:
        return
    try:
        result: object = hook(event)
    # The caller's code: whatever it raises must not change the call's result.
    except Exception as error:
        _logger.warning("a hook raised %s; it was ignored", type(error).__name__)
        return
    if isinstance(result, Coroutine):
        # A lambda around a coroutine function, for example, which could not be refused when it was given.
        cast("Coroutine[object, object, object]", result).close()
        _logger.warning("a hook returned a coroutine, which is not awaited: pass a plain function")
