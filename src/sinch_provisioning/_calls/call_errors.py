"""The errors of calls that got no usable reply, and what each says to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .._http.outcome import Failure, Received
from .._retries.call import Call
from .._retries.error_bodies import masked
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


def decode_error(call: Call, received: Received, why: str) -> ResponseDecodeError:
    """Make the error of a 2xx that can't be read; `why` holds nothing of the body."""
    return ResponseDecodeError(
        f"{call.operation_id}: the server answered {received.status}, and {why}",
        status_code=received.status,
        body=received.content,
        operation_id=call.operation_id,
        attempts=(*call.attempts, Attempt(received.status, None, 0.0)),
    )


def no_reply_error(call: Call, failure: Failure, secrets: Iterable[str]) -> APIConnectionError:
    """Make the error of a call whose last attempt brought no reply."""
    operation_id, attempts = call.operation_id, call.attempts
    said = f"{failure.cause}: {masked(failure.explanation, secrets)}".removesuffix(": ")
    if failure.maybe_processed and not call.repeatable:
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


def out_of_time_error(call: Call, deadline: float, *, closed: bool) -> ProvisioningError:
    """Make the error of a call that its deadline (seconds) or the closing of its client ended."""
    operation_id, attempts = call.operation_id, call.attempts
    cause = "ClientClosed" if closed else "DeadlineExceeded"
    why = "the client was closed" if closed else f"the deadline of {deadline:g} s passed"
    if call.progress.started:
        attempts = (*attempts, Attempt(None, cause, 0.0))
    if call.maybe_processed:
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
