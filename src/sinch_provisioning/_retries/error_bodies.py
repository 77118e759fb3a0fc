"""Error bodies in all the shapes that APIs and gateways send, and the errors made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final, cast

from .._http.outcome import ErrorBody, Failure, Received
from .._json import loads_standard
from ..errors import (
    APIStatusError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    FailedDependencyError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitError,
    ServerError,
)

_BY_STATUS: Final[Mapping[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    424: FailedDependencyError,
    429: RateLimitError,
}

# Used where the server sends no resolution of its own.
_ADVICE: Final[Mapping[int, str]] = {
    400: "correct the request as the message says",
    401: "check the key id and key secret, and that the key belongs to this project",
    403: "use a key that may do this in this project",
    404: "check the sender id and the project id",
    409: "read the current state before trying again",
    412: "complete what the details name, then try again",
    424: "free what the message names, then try again",
    429: "slow down; retry_after says for how long, where the server did",
}

_LONGEST_QUOTE: Final = 300
_SHORTEST_SECRET: Final = 4
_MASK: Final = "***"


def masked(text: str, secrets: Iterable[str]) -> str:
    """Replace each secret in `text`, plain or escaped as in JSON: servers do echo what they were sent."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _MASK).replace(json.dumps(secret)[1:-1], _MASK)
    return text


def read_error_body(content: bytes) -> ErrorBody:
    """Read an error body: Sinch's own shape, RFC 9457, Google's, OAuth's, plain text, or nothing."""
    try:
        body = loads_standard(content)
    except ValueError:
        return _from_text(content.decode("utf-8", "replace"))
    return (
        _from_object(cast("dict[str, object]", body)) if isinstance(body, dict) else ErrorBody(details=body)
    )


def masked_body(body: ErrorBody, secrets: tuple[str, ...]) -> ErrorBody:
    """Return `body` without the secrets it repeats, its message shortened to what an error message can hold."""

    def text(value: str | None) -> str | None:
        return None if value is None else masked(value, secrets)[:_LONGEST_QUOTE]

    try:
        details = _masked_value(body.details, secrets)
    except RecursionError:
        details = None
    return ErrorBody(text(body.error_code), text(body.message), text(body.resolution), details)


def _masked_value(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {masked(name, secrets): _masked_value(item, secrets) for name, item in items}
    if isinstance(value, list):
        return [_masked_value(item, secrets) for item in cast("list[object]", value)]
    return value


def _from_text(text: str) -> ErrorBody:
    text = " ".join(text.split())
    return ErrorBody() if not text or text.startswith("<") else ErrorBody(message=text)


def _from_object(body: dict[str, object]) -> ErrorBody:
    inner = body.get("error")
    if isinstance(inner, dict):
        error = cast("dict[str, object]", inner)
        return ErrorBody(
            _text(error, "status", "errorCode", "code"),
            _text(error, "message", "detail"),
            _text(error, "resolution"),
            _first(error, "details", "additionalInformation"),
        )
    return ErrorBody(
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
    failure: Failure,
    received: Received,
    *,
    operation_id: str,
    attempts: tuple[Attempt, ...],
    secrets: tuple[str, ...] = (),
) -> APIStatusError:
    """Turn a reply that is not 2xx into its error."""
    status = received.status
    body = masked_body(failure.error_body, secrets)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIStatusError)
    request_id = received.header(b"x-request-id")
    if request_id is not None:
        request_id = masked(request_id, secrets)
    return kind(
        _summary(operation_id, status, body, request_id),
        status_code=status,
        error_code=body.error_code,
        message=body.message,
        resolution=body.resolution,
        details=body.details,
        request_id=request_id,
        retry_after=failure.retry_after,
        body=received.content,
        operation_id=operation_id,
        attempts=attempts,
    )


def _summary(operation_id: str, status: int, body: ErrorBody, request_id: str | None) -> str:
    """Say what happened and what to do next, on one line whatever the server wrote."""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    parts = [f"{operation_id}: {phrase}"]
    if body.error_code is not None:
        parts.append(f" ({body.error_code})")
    if body.message is not None:
        parts.append(f": {body.message}")
    if told := _told(body.details):
        parts.append(f" [{told}]")
    advice = body.resolution or _ADVICE.get(status) or ("try again later" if status >= 500 else None)
    if advice is not None:
        parts.append(f" - {advice}")
    if request_id is not None:
        parts.append(f" [request id {request_id}]")
    return " ".join("".join(parts).split())


def _told(details: object, levels: int = 3) -> str:
    """Shorten what the server says beside its message: lists of errors, or of errors by field."""
    if levels == 0:
        return "..."
    if isinstance(details, dict):
        pairs = cast("dict[str, object]", details).items()
        text = "; ".join(f"{name}: {_told(value, levels - 1)}" for name, value in pairs)
    elif isinstance(details, list):
        text = ", ".join(_told(value, levels - 1) for value in cast("list[object]", details))
    else:
        text = str(details) if isinstance(details, str | int) else ""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
