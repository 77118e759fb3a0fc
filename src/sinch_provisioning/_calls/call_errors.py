"""Which error a call without a usable reply ends with, and what it says to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .._http.outcome import Failure, Received
from .._retries.error_bodies import masked
from .._retries.retry_loop import Progress
from ..errors import (
    APIConnectionError,
    APITimeoutError,
    Attempt,
    DeadlineExceededError,
    OutcomeUnknownError,
    ProvisioningError,
    ResponseDecodeError,
)

_READ_BACK: Final = "it may have been done: read back before sending it again"


def decode_error(progress: Progress, received: Received, why: str) -> ResponseDecodeError:
    """Make the error of a 2xx that can't be read; `why` holds nothing of the body."""
    return ResponseDecodeError(
        f"{progress.operation_id}: the server answered {received.status}, and {why}",
        status_code=received.status,
        body=received.content,
        operation_id=progress.operation_id,
        attempts=(*progress.attempts, Attempt(received.status, None, 0.0)),
    )


def no_reply(progress: Progress, failure: Failure, secrets: Iterable[str]) -> APIConnectionError:
    """Make the error of a call whose last attempt brought no reply."""
    operation_id, attempts = progress.operation_id, progress.attempts
    said = f"{failure.cause}: {masked(failure.explanation, secrets)}".removesuffix(": ")
    if failure.maybe_processed and not progress.repeatable:
        return OutcomeUnknownError(
            f"{operation_id}: sent, and no reply came ({said}); {_READ_BACK}",
            operation_id=operation_id,
            attempts=attempts,
        )
    kind = APITimeoutError if failure.timed_out else APIConnectionError
    return kind(
        f"{operation_id}: no usable reply after {len(attempts)} attempt(s) ({said}); "
        "check the network and the base URL, then try again",
        operation_id=operation_id,
        attempts=attempts,
    )


def out_of_time(progress: Progress, deadline: float, *, closed: bool) -> ProvisioningError:
    """Make the error of a call that its deadline (seconds) or the closing of its client ended."""
    operation_id, attempts = progress.operation_id, progress.attempts
    cause = "ClientClosed" if closed else "DeadlineExceeded"
    why = "the client was closed" if closed else f"the deadline of {deadline:g} s passed"
    if progress.under_way:
        attempts = (*attempts, Attempt(None, cause, 0.0))
    if progress.maybe_processed:
        return OutcomeUnknownError(
            f"{operation_id}: {why} while waiting for the reply; {_READ_BACK}",
            operation_id=operation_id,
            attempts=attempts,
        )
    if closed:
        return APIConnectionError(
            f"{operation_id}: {why}; let calls end before closing it",
            operation_id=operation_id,
            attempts=attempts,
        )
    return DeadlineExceededError(
        f"{operation_id}: {why}; allow a longer one, or make fewer calls at once",
        operation_id=operation_id,
        attempts=attempts,
    )
