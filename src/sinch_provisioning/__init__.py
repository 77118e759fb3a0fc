"""Async SDK for the Sinch Provisioning API: RCS, KakaoTalk, LINE and Telegram senders."""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Final

from ._version import __version__
from .channels.readiness import readiness

if TYPE_CHECKING:
    from ._retries.retry_policy import RetryPolicy
    from .client import ProvisioningClient
    from .clock import Clock, SystemClock
    from .credentials import (
        BasicCredentials,
        BearerToken,
        Credentials,
        KakaoTalkCredentials,
        LineCredentials,
        OAuth2ClientCredentials,
        TelegramCredentials,
    )
    from .desired import apply, plan
    from .errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        Attempt,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ConflictError,
        DeadlineExceededError,
        ErrorCode,
        FailedDependencyError,
        LaunchNotReadyError,
        LaunchRejectedError,
        NotFoundError,
        OutcomeUnknownError,
        PermissionDeniedError,
        PreconditionFailedError,
        ProvisioningError,
        RateLimitError,
        Rejection,
        ResponseDecodeError,
        SenderMismatchError,
        ServerError,
        TokenError,
        WaitTimeoutError,
        WebhookSignatureError,
    )
    from .events import AttemptEvent, RetryEvent, TokenEvent
    from .lifecycle.polling import Polling
    from .rate_limit import RateLimit
    from .telemetry import Telemetry
    from .token_store import TokenStore

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AttemptEvent",
    "AuthenticationError",
    "BadRequestError",
    "BasicCredentials",
    "BearerToken",
    "Clock",
    "ConfigurationError",
    "ConflictError",
    "Credentials",
    "DeadlineExceededError",
    "ErrorCode",
    "FailedDependencyError",
    "KakaoTalkCredentials",
    "LaunchNotReadyError",
    "LaunchRejectedError",
    "LineCredentials",
    "NotFoundError",
    "OAuth2ClientCredentials",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "Polling",
    "PreconditionFailedError",
    "ProvisioningClient",
    "ProvisioningError",
    "RateLimit",
    "RateLimitError",
    "Rejection",
    "ResponseDecodeError",
    "RetryEvent",
    "RetryPolicy",
    "SenderMismatchError",
    "ServerError",
    "SystemClock",
    "TelegramCredentials",
    "Telemetry",
    "TokenError",
    "TokenEvent",
    "TokenStore",
    "WaitTimeoutError",
    "WebhookSignatureError",
    "__version__",
    "apply",
    "plan",
    "readiness",
]


# An application that does not configure logging is not shown our records.
logging.getLogger(__name__).addHandler(logging.NullHandler())

# Where the public names live. Each is imported when it is first used, so that importing the package itself is quick:
# a command that only prints its help does not wait for an HTTP client.
_HOMES: Final = {
    "clock": "Clock SystemClock",
    "_retries.retry_policy": "RetryPolicy",
    "client": "ProvisioningClient",
    "credentials": (
        "BasicCredentials BearerToken Credentials KakaoTalkCredentials LineCredentials "
        "OAuth2ClientCredentials TelegramCredentials"
    ),
    "desired": "apply plan",
    "errors": (
        "APIConnectionError APIStatusError APITimeoutError Attempt AuthenticationError BadRequestError "
        "ConfigurationError ConflictError DeadlineExceededError "
        "ErrorCode FailedDependencyError LaunchNotReadyError LaunchRejectedError "
        "NotFoundError OutcomeUnknownError PermissionDeniedError PreconditionFailedError "
        "ProvisioningError RateLimitError Rejection ResponseDecodeError SenderMismatchError ServerError TokenError "
        "WaitTimeoutError WebhookSignatureError"
    ),
    "events": "AttemptEvent RetryEvent TokenEvent",
    "lifecycle.polling": "Polling",
    "models": "",
    "rate_limit": "RateLimit",
    "telemetry": "Telemetry",
    "token_store": "TokenStore",
}
_HOME_OF: Final = {name: module for module, names in _HOMES.items() for name in names.split()}


# Hidden from type checkers, so that a name that is not there is an error to them.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _HOMES and not name.startswith("_"):
            return import_module(f".{name}", __name__)
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f".{home}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
