"""Decisions about sending again: pure functions, cell by cell and over generated values."""

from __future__ import annotations

import math
import string
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import example, given
from hypothesis import strategies as st

from sinch_provisioning import ConfigurationError, RetryPolicy
from sinch_provisioning._http.outcome import ErrorBody, Failure
from sinch_provisioning._retries.retry_policy import (
    RetryQuota,
    backoff,
    may_retry,
    next_pause,
    retry_after_seconds,
)

POLICY = RetryPolicy()
NOW = 1_700_000_000.0


def pause_after(failure: Failure, **changes: Any) -> float | None:
    """Ask for the pause after a first attempt of a GET with the whole deadline left."""
    settings: dict[str, Any] = {
        "policy": POLICY,
        "tried": 1,
        "remaining": 60.0,
        "repeatable": True,
        "random": lambda: 1.0,
    }
    return next_pause(failure, **(settings | changes))


def test_policy_has_the_contracts_defaults() -> None:
    """The defaults are those that the contract names, and a policy can't be changed."""
    assert (POLICY.max_attempts, POLICY.initial_delay, POLICY.max_delay) == (4, 0.5, 10.0)
    assert (POLICY.deadline, POLICY.max_retry_after) == (60.0, 60.0)
    with pytest.raises(FrozenInstanceError):
        POLICY.deadline = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("max_attempts", 0, "retry: max_attempts must be a whole number of at least 1"),
        ("max_attempts", 1.5, "retry: max_attempts must be a whole number of at least 1"),
        ("max_attempts", True, "retry: max_attempts must be a whole number of at least 1"),
        ("max_attempts", "4", "retry: max_attempts must be a whole number of at least 1"),
        ("deadline", -1, "retry: deadline must be a number of at least 0"),
        ("deadline", math.nan, "retry: deadline must be a number of at least 0"),
        ("deadline", "60", "retry: deadline must be a number of at least 0"),
        ("deadline", None, "retry: deadline must be a number of at least 0"),
        ("initial_delay", -0.1, "retry: initial_delay must be a number of at least 0"),
        ("max_delay", True, "retry: max_delay must be a number of at least 0"),
        ("max_retry_after", -1, "retry: max_retry_after must be a number of at least 0"),
    ],
)
def test_policy_refuses_what_is_no_limit(option: str, value: object, said: str) -> None:
    """A policy that can't be followed is refused by the name of its option."""
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(**{option: value})  # type: ignore[arg-type]
    assert str(caught.value) == said


@pytest.mark.parametrize("option", ["initial_delay", "max_delay", "deadline", "max_retry_after"])
def test_policy_takes_zero_and_infinity(option: str) -> None:
    """No pause, no time and no limit are limits as well."""
    for limit in (0, math.inf):
        options: dict[str, Any] = {option: limit}
        assert getattr(RetryPolicy(**options), option) == limit
    assert RetryPolicy(max_attempts=1).max_attempts == 1


@pytest.mark.parametrize("repeatable", [True, False])
def test_lost_reply_is_retried_unless_it_may_double(repeatable: bool) -> None:
    """Without a status only what may have been processed by a create is not sent again."""
    assert may_retry(Failure("ConnectError", maybe_processed=False), repeatable=repeatable)
    assert may_retry(Failure("ReadTimeout"), repeatable=repeatable) is repeatable


@pytest.mark.parametrize("status", [100, 199, 300, 302, 400, 401, 403, 404, 407, 409, 412, 499, 600, 999])
def test_other_statuses_are_never_retried(status: int) -> None:
    """A status that says what is wrong, or nothing known, is the call's last word."""
    for repeatable in (True, False):
        assert not may_retry(Failure(None, status=status, retry_after=1.0), repeatable=repeatable)


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 520, 599])
def test_server_errors_are_retried_for_repeatable_requests(status: int) -> None:
    """408 and 5xx: again for reads, once only for creates, but for a 503 that names a time."""
    assert may_retry(Failure(None, status=status), repeatable=True)
    assert not may_retry(Failure(None, status=status), repeatable=False)
    named = Failure(None, status=status, retry_after=0.0)
    assert may_retry(named, repeatable=False) is (status == 503)


@pytest.mark.parametrize("repeatable", [True, False])
def test_429_is_retried_unless_it_asks_for_a_day(repeatable: bool) -> None:
    """Too many requests means not processed; a limit for the day is no pause for a call."""
    assert may_retry(Failure(None, status=429), repeatable=repeatable)
    assert may_retry(Failure(None, status=429, error_body=ErrorBody("too_many")), repeatable=repeatable)
    assert not may_retry(
        Failure(None, status=429, error_body=ErrorBody("rbm_too_many_requests")), repeatable=repeatable
    )
    assert may_retry(
        Failure(None, status=503, error_body=ErrorBody("rbm_too_many_requests")), repeatable=True
    )


@pytest.mark.parametrize("status", [429, 500, 503])
def test_unknown_key_is_final_whatever_the_status(status: int) -> None:
    """`invalid_client` does not become valid by asking again."""
    assert not may_retry(
        Failure(None, status=status, error_body=ErrorBody("invalid_client")), repeatable=True
    )


def test_attempts_are_counted() -> None:
    """The last of `max_attempts` is followed by no pause."""
    failure = Failure(None, status=500)
    assert pause_after(failure, tried=3) is not None
    assert pause_after(failure, tried=4) is None
    assert pause_after(failure, tried=5) is None
    assert pause_after(Failure(None, status=404)) is None


def test_pause_grows_with_full_jitter_up_to_the_limit() -> None:
    """Pauses are random between 0 and a bound that doubles from `initial_delay` to `max_delay`."""
    assert [backoff(POLICY, retries, lambda: 1.0) for retries in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert backoff(POLICY, 3, lambda: 0.25) == 1.0
    assert backoff(POLICY, 2, lambda: 0.0) == 0.0
    assert backoff(POLICY, 10**9, lambda: 1.0) == 10.0
    assert backoff(RetryPolicy(max_delay=math.inf), 60, lambda: 1.0) == 0.5 * 2.0**60
    assert backoff(RetryPolicy(max_delay=math.inf), 61, lambda: 1.0) == 0.5 * 2.0**60
    policy = RetryPolicy(max_attempts=9)
    failure = Failure(None, status=500)
    assert [pause_after(failure, policy=policy, tried=tried) for tried in (1, 2, 3)] == [0.5, 1.0, 2.0]


def test_retry_after_comes_first() -> None:
    """The server's own time is taken, without jitter, up to `max_retry_after`."""
    assert pause_after(Failure(None, status=503, retry_after=7.5)) == 7.5
    assert pause_after(Failure(None, status=503, retry_after=0.0)) == 0.0
    assert pause_after(Failure(None, status=503, retry_after=60.0), remaining=61.0) == 60.0
    assert pause_after(Failure(None, status=503, retry_after=60.5), remaining=99.0) is None


def test_no_pause_reaches_the_deadline() -> None:
    """What is left must be longer than the pause, or the failure is raised at once."""
    failure = Failure(None, status=503, retry_after=5.0)
    assert pause_after(failure, remaining=5.001) == 5.0
    assert pause_after(failure, remaining=5.0) is None
    assert pause_after(Failure(None, status=500), remaining=0.4) is None
    assert pause_after(Failure(None, status=500), remaining=-1.0) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0x10", None),
        ("-1", None),
        ("+1", None),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:30", 10.0),
        ("Tue, 14 Nov 2023 23:13:30 +0100", 10.0),
        ("Tuesday, 14-Nov-23 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 0.0),
        ("Tue, 14 Nov 2023 22:13:19 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_702_300_799.0),
        ("Tue, 32 Nov 2023 22:13:30 GMT", None),
        ("Tue, 14 Nov 99999 22:13:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    """Seconds and HTTP dates count where they are finite and not past; everything else counts as absent."""
    assert retry_after_seconds(value, NOW) == seconds


def test_date_without_a_zone_is_read_as_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's date means the same wherever the client runs."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after_seconds("Tue, 14 Nov 2023 22:13:30", NOW) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_absent_retry_after_is_none() -> None:
    """No header, no value."""
    assert retry_after_seconds(None, NOW) is None


@given(st.text(string.printable, max_size=60) | st.text(max_size=20))
@example("1 1 1 1 1 1 1")
@example("Mon, 99 Jan 0000 00:00:00 -9999")
@example("Mon, 01 Jan 2024 00:00:00 +99999999999")
def test_any_retry_after_is_none_or_a_finite_wait(value: str) -> None:
    """Whatever a server writes there raises nothing and never asks for an endless or negative wait."""
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(st.integers(0, 10**7))
def test_any_future_date_is_read_exactly(ahead: int) -> None:
    """A date is as many seconds away as it says."""
    date = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=ahead)
    assert retry_after_seconds(format_datetime(date, usegmt=True), NOW) == ahead


@given(
    status=st.none() | st.integers(100, 999),
    retry_after=st.none() | st.floats(0, 1e9),
    tried=st.integers(1, 9),
    remaining=st.floats(-10, 100),
    repeatable=st.booleans(),
    maybe=st.booleans(),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_any_decision_keeps_the_limits(
    status: int | None,
    retry_after: float | None,
    tried: int,
    remaining: float,
    repeatable: bool,
    maybe: bool,
    luck: float,
) -> None:
    """No pause passes the deadline or a limit, and no create is sent again that may have been processed."""
    failure = Failure("x", status=status, retry_after=retry_after, maybe_processed=maybe)
    pause = next_pause(
        failure, policy=POLICY, tried=tried, remaining=remaining, repeatable=repeatable, random=lambda: luck
    )
    if pause is None:
        return
    assert 0 <= pause < remaining
    assert pause <= max(POLICY.max_retry_after, POLICY.max_delay)
    assert tried < POLICY.max_attempts
    assert (
        repeatable
        or status == 429
        or (status is None and not maybe)
        or (status, retry_after is None) == (503, False)
    )


def test_quota_starts_full_and_is_spent_by_retries() -> None:
    """A hundred retries without success empty it, and then it refuses without going below zero."""
    quota = RetryQuota()
    assert quota.left == 500
    assert all(quota.spend() for _ in range(100))
    assert quota.left == 0
    assert not quota.spend()
    assert quota.left == 0


def test_quota_is_refilled_by_success() -> None:
    """A retry that succeeds gives its price back, a first success one token, never above the capacity."""
    quota = RetryQuota(capacity=12, retry_cost=5)
    assert quota.spend()
    assert quota.left == 7
    quota.earn(retried=False)
    assert quota.left == 8
    quota.earn(retried=True)
    assert quota.left == 12
    assert quota.spend()
    assert quota.spend()
    assert quota.left == 2
    assert not quota.spend()
    for _ in range(3):
        quota.earn(retried=False)
    assert quota.spend()
    assert quota.left == 0


def test_failure_says_by_default_that_it_may_have_been_processed() -> None:
    """Where nothing is known, the careful reading holds."""
    assert Failure("x").maybe_processed
    assert not Failure("x").final
