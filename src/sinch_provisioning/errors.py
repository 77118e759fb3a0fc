"""Every failure of this package, as one tree.

::

    ProvisioningError
    ├── ConfigurationError (also ValueError)      nothing was sent
    ├── TokenError                                the token endpoint refused
    ├── APIConnectionError                        no usable reply
    │   ├── APITimeoutError
    │   └── OutcomeUnknownError                   a create or launch left, no reply came
    ├── DeadlineExceededError (also TimeoutError)
    ├── ResponseDecodeError                       a 2xx whose body is not what the spec says
    ├── APIStatusError                            any other status
    │   ├── BadRequestError 400
    │   ├── AuthenticationError 401
    │   ├── PermissionDeniedError 403
    │   ├── NotFoundError 404
    │   ├── ConflictError 409
    │   ├── PreconditionFailedError 412
    │   │   └── LaunchNotReadyError               .missing: the brand fields to fill in
    │   ├── FailedDependencyError 424
    │   ├── RateLimitError 429
    │   └── ServerError 5xx
    ├── LaunchRejectedError                       .sender: the last state seen
    ├── WaitTimeoutError                          .sender: the last state seen
    ├── WebhookSignatureError                     .reason: why a webhook delivery was refused
    └── SenderMismatchError                       ensure can't decide, or can't mend

No message and no repr holds a secret, and none of them holds a reply's body: ``body`` is an attribute only, and
stays behind when an error is pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from attrs import frozen

if TYPE_CHECKING:
    from sinch_provisioning_api.models import RcsSender

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "DeadlineExceededError",
    "ErrorCode",
    "FailedDependencyError",
    "LaunchNotReadyError",
    "LaunchRejectedError",
    "NotFoundError",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "ProvisioningError",
    "RateLimitError",
    "Rejection",
    "ResponseDecodeError",
    "SenderMismatchError",
    "ServerError",
    "TokenError",
    "WaitTimeoutError",
    "WebhookSignatureError",
]


# From Sinch's public reference of the Provisioning API, version 1.2.
ErrorCode = Literal[
    "add_test_number_invalid",
    "add_test_number_not_allowed_before_launch",
    "blocked_because_the_recipient_declined",
    "fields_not_updatable",
    "internal_error",
    "invalid_filter_states",
    "invalid_google_agent",
    "invalid_id_format",
    "invalid_input",
    "invalid_page_size",
    "invalid_page_token",
    "invalid_payload",
    "invalid_region_for_att_supplier",
    "launch_invalid_agent_state",
    "launch_invalid_verification_state",
    "launch_precondition_failed",
    "looking_up_the_rbm_agent",
    "no_fields_to_update",
    "no_google_supplier",
    "project_not_found",
    "project_not_initialized",
    "rbm_has_not_been_used",
    "rbm_resources_not_found",
    "rbm_too_many_requests",
    "sender_changes_not_found",
    "sender_not_found",
    "unauthorized_error",
    "user_cannot_be_reached",
    "user_has_not_accepted_invite",
    "user_is_not_tester_for_agent",
    "verification_suspended_in_gmb",
    "webhook_exists",
    "webhook_limit_reached",
    "wrong_supplier_configuration",
]
"""The documented values of `APIStatusError.error_code`; it may hold others, which are strings all the same."""


@frozen
class Attempt:
    """One request of a call: its status or the failure's name, and the seconds paused before the next one."""

    status: int | None
    cause: str | None
    waited: float


class Rejection(NamedTuple):
    """One carrier's refusal, or a whole country's where `operator` is None; `remark` is the reviewer's text."""

    country: str
    operator: str | None
    status: str
    remark: str | None


class ProvisioningError(Exception):
    """Any failure of this package; `operation_id` and `attempts` say which call, and how far it came."""

    def __init__(
        self, message: str, *, operation_id: str | None = None, attempts: tuple[Attempt, ...] = ()
    ) -> None:
        super().__init__(message)
        self.operation_id = operation_id
        self.attempts = attempts

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later; after a create or launch of unknown outcome, read back first."""
        if isinstance(self, TokenError | APIStatusError) and self.status_code is not None:
            passing = self.status_code in (408, 429) or self.status_code >= 500
            return passing and self.error_code != "invalid_client"
        passes = (
            TokenError | APIConnectionError | DeadlineExceededError | ResponseDecodeError | WaitTimeoutError
        )
        return isinstance(self, passes)

    def __reduce__(self) -> tuple[object, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "body"}
        if "body" in self.__dict__:
            state["body"] = b""
        return _revive, (type(self), self.args, state)


def _revive(
    kind: type[ProvisioningError], args: tuple[object, ...], state: dict[str, object]
) -> ProvisioningError:
    error = kind.__new__(kind, *args)
    # An OSError, which TimeoutError is, takes them in `__init__` only.
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(ProvisioningError, ValueError):
    """Something given to this package can't be used; nothing was sent."""


class TokenError(ProvisioningError):
    """The token endpoint refused, or answered something that is no token."""

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        error_code: str | None = None,
        retry_after: float | None = None,
        body: bytes = b"",
        operation_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message, operation_id=operation_id, attempts=attempts)
        self.status_code = status_code
        self.error_code = error_code
        self.retry_after = retry_after
        self.body = body


class APIConnectionError(ProvisioningError):
    """No usable reply came: the network, the server or the time for one attempt gave out."""


class APITimeoutError(APIConnectionError):
    """The reply did not come within the time for one attempt."""


class OutcomeUnknownError(APIConnectionError):
    """A create or launch was sent and no reply came: read back before sending it again."""


class DeadlineExceededError(ProvisioningError, TimeoutError):
    """The call's deadline passed while nothing that changes the server's state was under way."""


class ResponseDecodeError(ProvisioningError):
    """The server said 2xx, and its body is not what the spec says."""

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        body: bytes,
        operation_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message, operation_id=operation_id, attempts=attempts)
        self.status_code = status_code
        self.body = body


class APIStatusError(ProvisioningError):
    """The server answered with a status that is no 2xx.

    `error_code` is typed by the documented ones, and may be any other string.
    """

    def __init__(
        self,
        summary: str,
        *,
        status_code: int,
        error_code: str | None = None,
        message: str | None = None,
        resolution: str | None = None,
        details: object = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: bytes = b"",
        operation_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(summary, operation_id=operation_id, attempts=attempts)
        self.status_code = status_code
        self.error_code = cast("ErrorCode | None", error_code)
        self.message = message
        self.resolution = resolution
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body


class BadRequestError(APIStatusError):
    """400: the request is not what the API accepts."""


class AuthenticationError(APIStatusError):
    """401: the credentials or the token were refused, a renewed token included."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this in this project."""


class NotFoundError(APIStatusError):
    """404: no such sender or project."""


class ConflictError(APIStatusError):
    """409: it exists already, or its state forbids this."""


class PreconditionFailedError(APIStatusError):
    """412: something has to be done before this can be."""


class LaunchNotReadyError(PreconditionFailedError):
    """412 on a launch: brand fields that carriers ask for are `missing`."""

    missing: tuple[str, ...] = ()


class FailedDependencyError(APIStatusError):
    """424: a limit of what this depends on is reached, such as the number of webhooks of a project."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` says how many seconds to wait, where the server did."""


class ServerError(APIStatusError):
    """5xx: the server failed."""


class LaunchRejectedError(ProvisioningError):
    """A sender came to a status that ends its launch without success; `sender` is the last state seen.

    `rejections` are (country, operator, status, remark), where the API names them.
    """

    def __init__(
        self,
        message: str,
        *,
        sender: Any,
        rejections: tuple[Rejection, ...] = (),
        operation_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message, operation_id=operation_id, attempts=attempts)
        self.sender: RcsSender = sender
        self.rejections = rejections


class WaitTimeoutError(ProvisioningError):
    """A sender did not come to the awaited status in time; `sender` is the last state seen."""

    def __init__(
        self,
        message: str,
        *,
        sender: Any,
        operation_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message, operation_id=operation_id, attempts=attempts)
        self.sender: RcsSender = sender


class SenderMismatchError(ProvisioningError):
    """Several senders bear the name, or one differs in a way that no update can mend."""


class WebhookSignatureError(ProvisioningError):
    """A webhook delivery was refused: Sinch did not sign it, signed it too long ago, or it came before.

    `reason` is "headers" (missing, doubled or malformed), "signature", "timestamp" (outside the tolerance), "replay"
    (a nonce seen before) or "body" (signed, but not an event).
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        operation_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message, operation_id=operation_id, attempts=attempts)
        self.reason = reason
