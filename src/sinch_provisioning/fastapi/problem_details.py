"""Our errors as RFC 9457 problem details: what a service may tell its own clients about an upstream failure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from ..errors import (
    APIConnectionError,
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DeadlineExceededError,
    FailedDependencyError,
    LaunchNotReadyError,
    LaunchRejectedError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PreconditionFailedError,
    ProvisioningError,
    RateLimitError,
    ResponseDecodeError,
    SenderMismatchError,
    ServerError,
    TokenError,
    WaitTimeoutError,
    WebhookSignatureError,
)
from ..lifecycle.status import status_of

MEDIA_TYPE: Final = "application/problem+json"

_TYPES: Final = "urn:sinch-provisioning:problem:"
_SERVICE_UNAVAILABLE: Final = 503
_REQUEST_TIMEOUT: Final = 408

_PROBLEM_SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "retryable"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "retryable": {"type": "boolean"},
        "operation": {"type": "string"},
        "requestId": {"type": "string"},
        "missing": {"type": "array", "items": {"type": "string"}},
    },
}

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}}
    for status, description in {
        429: "The provisioning API is rate limiting this service; see Retry-After.",
        502: "The provisioning API failed, or returned an unreadable reply.",
        503: "The provisioning API is unavailable.",
        504: "The provisioning API took too long.",
    }.items()
}
"""The problems that any call may end with, for `responses=` of a route, a router or an application."""


@frozen
class ProblemDetails:
    """A problem; `kind` ends its type URI, `retryable` says whether the same request may succeed later.

    `retry_after` is in seconds; `extensions` are further members.
    """

    status: int
    kind: str
    title: str
    detail: str
    retryable: bool = False
    retry_after: float | None = None
    extensions: Mapping[str, object] = field(factory=dict[str, object])

    def body(self) -> dict[str, object]:
        """Return the JSON object."""
        return {
            "type": _TYPES + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "retryable": self.retryable,
            **self.extensions,
        }

    def headers(self) -> dict[str, str]:
        """Return its headers; Retry-After is in whole seconds."""
        return {} if self.retry_after is None else {"Retry-After": str(math.ceil(self.retry_after))}


# In our own words: the server's text stays inside the service.
_WORDS: Final[Mapping[type[ProvisioningError], ProblemDetails]] = {
    RateLimitError: ProblemDetails(
        429, "rate-limited", "Too many requests", "The provisioning API is rate limiting this service."
    ),
    BadRequestError: ProblemDetails(
        400, "refused", "Bad request", "The provisioning API rejected the request."
    ),
    # This includes 401: the service's own key was refused, which its client can't change.
    APIStatusError: ProblemDetails(
        502, "upstream-error", "Bad gateway", "The provisioning API refused the request."
    ),
    LaunchNotReadyError: ProblemDetails(
        412, "not-ready", "Not ready for launch", "Brand fields are missing."
    ),
    PreconditionFailedError: ProblemDetails(
        412, "precondition-failed", "Precondition failed", "A precondition of this request is not met."
    ),
    PermissionDeniedError: ProblemDetails(
        403, "forbidden", "Forbidden", "The service's key is not allowed to do this in this project."
    ),
    NotFoundError: ProblemDetails(404, "not-found", "Not found", "There is no such sender or project."),
    ConflictError: ProblemDetails(
        409, "conflict", "Conflict", "The sender exists already, or its state does not allow this."
    ),
    FailedDependencyError: ProblemDetails(
        409, "limit-reached", "Limit reached", "The project has as many of these as the API allows."
    ),
    ServerError: ProblemDetails(502, "upstream-error", "Bad gateway", "The provisioning API failed."),
    TokenError: ProblemDetails(502, "no-token", "Bad gateway", "The token endpoint did not issue a token."),
    OutcomeUnknownError: ProblemDetails(
        503,
        "outcome-unknown",
        "Outcome unknown",
        "The request was sent but no reply came; it may have taken effect. Check before sending it again.",
    ),
    WebhookSignatureError: ProblemDetails(
        401, "bad-signature", "Unauthorized", "The webhook's signature is not valid."
    ),
    APIConnectionError: ProblemDetails(
        503, "unreachable", "Service unavailable", "The provisioning API can't be reached."
    ),
    DeadlineExceededError: ProblemDetails(
        504, "deadline", "Gateway timeout", "The provisioning API took too long."
    ),
    WaitTimeoutError: ProblemDetails(
        504,
        "still-waiting",
        "Gateway timeout",
        "The sender did not reach the requested status within the time allowed.",
    ),
    ResponseDecodeError: ProblemDetails(
        502, "unreadable", "Bad gateway", "The provisioning API returned an unreadable reply."
    ),
    LaunchRejectedError: ProblemDetails(
        409, "launch-rejected", "Launch rejected", "The launch was not approved."
    ),
    SenderMismatchError: ProblemDetails(
        409,
        "mismatch",
        "Conflict",
        "Several senders have this name, or the existing one differs in a way that can't be changed.",
    ),
    ProvisioningError: ProblemDetails(
        500, "error", "Internal server error", "The request could not be handled."
    ),
}

_CLOSED: Final = ProblemDetails(
    503, "closed", "Service unavailable", "This service is starting or shutting down.", retryable=True
)


def problem_of(error: ProvisioningError, *, upstream: bool = False, closed: bool = False) -> ProblemDetails:
    """Describe `error`; with `upstream` in the server's words too, for services whose clients may read them.

    `closed` means that the service has no open client, so a call that was refused is not the request's fault.
    """
    extensions = _extensions(error)
    if upstream and isinstance(error, APIStatusError):
        extensions["upstream"] = {
            "status": error.status_code,
            "errorCode": error.error_code,
            "message": error.message,
            "resolution": error.resolution,
        }
    if isinstance(error, ConfigurationError):
        if closed:
            return evolve(_CLOSED, extensions=extensions)
        # The text is ours, and quotes nothing but the argument that can't be used.
        return ProblemDetails(400, "unusable", "Bad request", str(error), extensions=extensions)
    problem = next(_WORDS[kind] for kind in type(error).__mro__ if kind in _WORDS)
    if error.retryable and _is_temporary(error):
        problem = evolve(problem, status=_SERVICE_UNAVAILABLE, title="Service unavailable")
    retry_after = error.retry_after if isinstance(error, APIStatusError | TokenError) else None
    return evolve(problem, retryable=error.retryable, retry_after=retry_after, extensions=extensions)


def _is_temporary(error: ProvisioningError) -> bool:
    """Whether the server says itself that the failure is temporary; a 500 of the API does not."""
    if isinstance(error, TokenError):
        return error.status_code is not None
    return isinstance(error, APIStatusError) and error.status_code in (
        _REQUEST_TIMEOUT,
        _SERVICE_UNAVAILABLE,
    )


def _extensions(error: ProvisioningError) -> dict[str, object]:
    found: dict[str, object] = {}
    if error.operation_id is not None:
        found["operation"] = error.operation_id
    if isinstance(error, APIStatusError) and error.request_id is not None:
        found["requestId"] = error.request_id
    if isinstance(error, LaunchNotReadyError):
        found["missing"] = list(error.missing)
    if isinstance(error, LaunchRejectedError | WaitTimeoutError):
        found["senderId"] = error.sender.id
        found["senderStatus"] = status_of(error.sender)
    return found
