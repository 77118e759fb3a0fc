"""Error bodies in all the shapes that API gateways send, read into one of our errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final, cast

from attrs import frozen

from .._http.outcome import Received
from .._json import loads_standard
from ..errors import (
    APIStatusError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitError,
    ServerError,
)
from .retry_policy import retry_after_seconds

_BY_STATUS: Final[Mapping[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    429: RateLimitError,
}

# Said where the server sent no resolution of its own.
_ADVICE: Final[Mapping[int, str]] = {
    400: "correct the request as the message says",
    401: "check the key id and key secret, and that the key belongs to this project",
    403: "use a key that may do this in this project",
    404: "check the sender id and the project id",
    409: "read the current state before trying again",
    412: "complete what the details name, then try again",
    429: "slow down; retry_after says for how long, where the server did",
}

_LONGEST_QUOTE: Final = 300
_SHORTEST_SECRET: Final = 4
_MASK: Final = "***"


@frozen
class Problem:
    """What an error body says, each part None where it says nothing of the kind."""

    error_code: str | None = None
    message: str | None = None
    resolution: str | None = None
    details: object = None


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with each secret, plain or escaped as in JSON, replaced: servers do echo what they were sent."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _MASK).replace(json.dumps(secret)[1:-1], _MASK)
    return text


def read_problem(content: bytes, secrets: Iterable[str] = ()) -> Problem:
    """Read an error body: Sinch's own shape, RFC 9457, Google's, OAuth's, a bare text, or nothing."""
    hidden = tuple(secrets)
    text = masked(content.decode("utf-8", "replace"), hidden)
    try:
        # Once more after decoding: JSON knows several ways to write a character.
        body = _masked_value(loads_standard(text.encode()), hidden)
    except ValueError:
        return _from_text(text)
    except RecursionError:
        return Problem()
    return _from_object(cast("dict[str, object]", body)) if isinstance(body, dict) else Problem(details=body)


def _masked_value(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {masked(name, secrets): _masked_value(item, secrets) for name, item in items}
    if isinstance(value, list):
        return [_masked_value(item, secrets) for item in cast("list[object]", value)]
    return value


def _from_text(text: str) -> Problem:
    text = " ".join(text.split())
    return Problem() if not text or text.startswith("<") else Problem(message=text[:_LONGEST_QUOTE])


def _from_object(body: dict[str, object]) -> Problem:
    inner = body.get("error")
    if isinstance(inner, dict):
        error = cast("dict[str, object]", inner)
        return Problem(
            _text(error, "status", "errorCode", "code"),
            _text(error, "message", "detail"),
            _text(error, "resolution"),
            _first(error, "details", "additionalInformation"),
        )
    return Problem(
        _text(body, "errorCode", "error", "code", "type"),
        _text(body, "message", "detail", "error_description", "title", "text"),
        _text(body, "resolution"),
        _first(body, "additionalInformation", "details", "errors", "invalidParams"),
    )


def _text(body: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _first(body: Mapping[str, object], *names: str) -> object:
    return next((body[name] for name in names if body.get(name) is not None), None)


def status_error(
    received: Received,
    *,
    operation_id: str,
    attempts: tuple[Attempt, ...],
    now: float,
    secrets: tuple[str, ...] = (),
) -> APIStatusError:
    """Turn a reply that is no 2xx into its error; `now` is the wall time that a Retry-After date is relative to."""
    status = received.status
    problem = Problem() if received.unreadable is not None else read_problem(received.content, secrets)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIStatusError)
    request_id = received.headers.get("x-request-id")
    if request_id is not None:
        request_id = masked(request_id, secrets)
    return kind(
        _summary(operation_id, status, problem, request_id),
        status_code=status,
        error_code=problem.error_code,
        message=problem.message,
        resolution=problem.resolution,
        details=problem.details,
        request_id=request_id,
        retry_after=retry_after_seconds(received.headers.get("retry-after"), now),
        body=received.content,
        operation_id=operation_id,
        attempts=attempts,
    )


def _summary(operation_id: str, status: int, problem: Problem, request_id: str | None) -> str:
    """Say what happened and what to do next, on one line whatever the server wrote."""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    parts = [f"{operation_id}: {phrase}"]
    if problem.error_code is not None:
        parts.append(f" ({problem.error_code})")
    if problem.message is not None:
        parts.append(f": {problem.message}")
    advice = problem.resolution or _ADVICE.get(status) or ("try again later" if status >= 500 else None)
    if advice is not None:
        parts.append(f" - {advice}")
    if request_id is not None:
        parts.append(f" [request id {request_id}]")
    return " ".join("".join(parts).split())
