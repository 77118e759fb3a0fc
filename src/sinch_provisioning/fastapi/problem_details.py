"""Our errors as RFC 9457 problem details: what a service may tell its own clients of a failure upstream."""

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
)
from ..lifecycle.status import status_of

MEDIA_TYPE: Final = "application/problem+json"

_TYPES: Final = "urn:sinch-provisioning:problem:"
_SERVICE_UNAVAILABLE: Final = 503


_PROBLEM_SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "operation": {"type": "string"},
        "requestId": {"type": "string"},
        "missing": {"type": "array", "items": {"type": "string"}},
    },
}

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}}
    for status, description in {
        429: "The provisioning API asks for fewer requests; Retry-After says for how long.",
        502: "The provisioning API failed, or its reply can't be read.",
        503: "The provisioning API can't be reached.",
        504: "The provisioning API took too long.",
    }.items()
}
"""For `responses=` of a route, a router or an application: the problems that any call may end with."""


@frozen
class ProblemDetails:
    """A problem: `status`, its words, what else is to be said, and the seconds of its Retry-After."""

    status: int
    kind: str
    title: str
    detail: str
    retry_after: float | None = None
    extensions: Mapping[str, object] = field(factory=dict[str, object])

    def body(self) -> dict[str, object]:
        """Return the JSON object."""
        return {
            "type": _TYPES + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extensions,
        }

    def headers(self) -> dict[str, str]:
        """Return the headers that go with it; Retry-After has whole seconds."""
        return {} if self.retry_after is None else {"Retry-After": str(math.ceil(self.retry_after))}


@frozen
class _Words:
    status: int
    kind: str
    title: str
    detail: str


# Words of our own: what the server wrote stays with the service.
_WORDS: Final[Mapping[type[ProvisioningError], _Words]] = {
    RateLimitError: _Words(
        429, "rate-limited", "Too many requests", "The provisioning API asks for fewer requests."
    ),
    BadRequestError: _Words(
        400, "refused", "Bad request", "The provisioning API does not accept this request."
    ),
    # A 401 too: it was the service's own key, so it is not for the service's client to authenticate.
    APIStatusError: _Words(502, "upstream-error", "Bad gateway", "The provisioning API refused the request."),
    LaunchNotReadyError: _Words(412, "not-ready", "Not ready for launch", "Brand fields are missing."),
    PreconditionFailedError: _Words(
        412, "precondition-failed", "Precondition failed", "Something has to be done before this can be."
    ),
    PermissionDeniedError: _Words(
        403, "forbidden", "Forbidden", "The service's key may not do this in this project."
    ),
    NotFoundError: _Words(404, "not-found", "Not found", "There is no such sender or project."),
    ConflictError: _Words(409, "conflict", "Conflict", "It exists already, or its state forbids this."),
    ServerError: _Words(502, "upstream-error", "Bad gateway", "The provisioning API failed."),
    TokenError: _Words(502, "no-token", "Bad gateway", "The token endpoint gave no token."),
    OutcomeUnknownError: _Words(
        503,
        "outcome-unknown",
        "Outcome unknown",
        "It was sent and no reply came: it may have been done. Look before sending it again.",
    ),
    APIConnectionError: _Words(
        503, "unreachable", "Service unavailable", "The provisioning API can't be reached."
    ),
    DeadlineExceededError: _Words(504, "deadline", "Gateway timeout", "The provisioning API took too long."),
    WaitTimeoutError: _Words(
        504, "still-waiting", "Gateway timeout", "The sender did not get there in the time given."
    ),
    ResponseDecodeError: _Words(
        502, "unreadable", "Bad gateway", "The provisioning API's reply can't be read."
    ),
    LaunchRejectedError: _Words(
        409, "launch-rejected", "Launch rejected", "The sender's launch was not approved."
    ),
    SenderMismatchError: _Words(
        409, "mismatch", "Conflict", "Several senders have the name, or the one that has it can't be changed."
    ),
    ProvisioningError: _Words(500, "error", "Internal server error", "The request could not be handled."),
}


def problem_of(error: ProvisioningError, *, upstream: bool = False, closed: bool = False) -> ProblemDetails:
    """Describe `error`; with `upstream` also in the server's words, for services whose clients may read them.

    `closed` says that the service is not up, so that a refusal to send is no fault of the request.
    """
    retry_after = error.retry_after if isinstance(error, APIStatusError | TokenError) else None
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
            return ProblemDetails(
                503,
                "closed",
                "Service unavailable",
                "This service is not up, or not any more.",
                None,
                extensions,
            )
        # Its text is ours, and quotes nothing but the argument that can't be used.
        return ProblemDetails(400, "unusable", "Bad request", str(error), None, extensions)
    words = next(_WORDS[kind] for kind in type(error).__mro__ if kind in _WORDS)
    if _passing(error):
        words = evolve(words, status=_SERVICE_UNAVAILABLE, title="Service unavailable")
    return ProblemDetails(words.status, words.kind, words.title, words.detail, retry_after, extensions)


def _passing(error: ProvisioningError) -> bool:
    """Whether the server says itself that it is only for now."""
    if isinstance(error, ServerError):
        return error.status_code == _SERVICE_UNAVAILABLE
    if isinstance(error, TokenError):
        return error.status_code is not None and (error.status_code == 429 or error.status_code >= 500)
    return False


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
