"""What may be sent again, and after how long: decisions over data, without I/O and without a clock."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from attrs import Attribute, define, field, frozen

from .._http.outcome import Failure
from ..errors import ConfigurationError

TOO_MANY_REQUESTS: Final = 429
SERVICE_UNAVAILABLE: Final = 503
_REQUEST_TIMEOUT: Final = 408
_SERVER_ERRORS: Final = range(500, 600)

# Asks for 24 hours of silence, so no pause that a call can afford helps.
# https://developers.sinch.com/docs/provisioning-api/ (RCS error codes)
_DAY_LONG_LIMIT: Final = "rbm_too_many_requests"

# What a token endpoint says of a key that it does not know, whatever the status (RFC 6749, section 5.2).
_UNKNOWN_KEY: Final = "invalid_client"

# 0.5 s doubled this often is longer than any deadline; a larger exponent only overflows.
_LARGEST_EXPONENT: Final = 60

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def _not_negative(_: object, attribute: Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value < 0:
        raise ConfigurationError(f"retry: {attribute.name} must be a number of at least 0")


def _whole(_: object, attribute: Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"retry: {attribute.name} must be a whole number of at least 1")


@frozen
class RetryPolicy:
    """How often and how long one call tries; all times in seconds.

    Pauses are random between 0 and `initial_delay`, doubled with each retry up to `max_delay` ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A Retry-After of the server comes
    first; one above `max_retry_after` is raised at once. `deadline` covers everything one call does.
    """

    max_attempts: int = field(default=4, validator=_whole)
    initial_delay: float = field(default=0.5, validator=_not_negative)
    max_delay: float = field(default=10.0, validator=_not_negative)
    deadline: float = field(default=60.0, validator=_not_negative)
    max_retry_after: float = field(default=60.0, validator=_not_negative)


def may_retry(failure: Failure, *, repeatable: bool) -> bool:
    """Whether sending again can neither double anything nor be pointless; `repeatable` is false for POST."""
    status = failure.status
    if failure.final:
        return False
    if status is None:
        return repeatable or not failure.maybe_processed
    if failure.error_body.error_code == _UNKNOWN_KEY:
        return False
    if status == TOO_MANY_REQUESTS:
        return failure.error_body.error_code != _DAY_LONG_LIMIT
    if status != _REQUEST_TIMEOUT and status not in _SERVER_ERRORS:
        return False
    return repeatable or (status == SERVICE_UNAVAILABLE and failure.retry_after is not None)


def next_pause(
    failure: Failure,
    *,
    policy: RetryPolicy,
    tried: int,
    remaining: float,
    repeatable: bool,
    random: Callable[[], float],
) -> float | None:
    """Seconds to wait before the next attempt, or None when `failure` is the call's last word.

    `tried` counts the attempts made, `remaining` is what is left of the deadline; no pause reaches past it.
    """
    if tried >= policy.max_attempts or not may_retry(failure, repeatable=repeatable):
        return None
    if failure.retry_after is not None:
        pause = failure.retry_after
        if pause > policy.max_retry_after:
            return None
    else:
        pause = backoff(policy, tried - 1, random)
    return pause if pause < remaining else None


def backoff(policy: RetryPolicy, retries: int, random: Callable[[], float]) -> float:
    """Seconds of pause after `retries` earlier retries, with full jitter."""
    return random() * min(policy.max_delay, policy.initial_delay * 2.0 ** min(retries, _LARGEST_EXPONENT))


def retry_after_seconds(value: str | None, now: float, date: str | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, or None where it is absent, negative or not a time.

    A date is taken relative to the reply's own Date header, `date`, so that the two clocks may differ; without one,
    relative to `now`, the wall time in seconds since the epoch (RFC 9110, section 10.2.3).
    """
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value) is not None:
        seconds = float(value)
    else:
        until, sent = _timestamp(value), None if date is None else _timestamp(date)
        if until is None:
            return None
        seconds = until - (now if sent is None else sent)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _timestamp(date: str) -> float | None:
    try:
        parsed = parsedate_to_datetime(date)
        return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


@define
class RetryQuota:
    """What a client may spend on retries while little succeeds, so that an outage is not multiplied.

    The token bucket of botocore's standard retry mode: 500 tokens, 5 for a retry, given back when the retry
    succeeds, and 1 for any first success. It never blocks: an empty bucket means the failure is raised.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """

    capacity: int = 500
    retry_cost: int = 5
    left: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.left = self.capacity

    def spend(self) -> bool:
        """Take the price of one retry; false, and nothing taken, when it is not there."""
        if self.left < self.retry_cost:
            return False
        self.left -= self.retry_cost
        return True

    def earn(self, *, retried: bool) -> None:
        """Put back what a success earns."""
        self.left = min(self.capacity, self.left + (self.retry_cost if retried else 1))
