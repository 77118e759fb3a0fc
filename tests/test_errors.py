"""The tree of errors: its shape, what each carries, and how it travels."""

from __future__ import annotations

import inspect
import json
import pickle
import re
from itertools import chain
from typing import Any

import pytest

import sinch_provisioning
from sinch_provisioning import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    AuthenticationError,
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
    errors,
)
from sinch_provisioning._retries.error_bodies import read_error_body
from sinch_provisioning_api.models import RcsSender

ATTEMPTS = (Attempt(503, None, 0.5), Attempt(None, "ReadTimeout", 0.0))
COMMON: dict[str, Any] = {"operation_id": "getRcsSender", "attempts": ATTEMPTS}
STATUS: dict[str, Any] = COMMON | {
    "status_code": 409,
    "error_code": "exists",
    "message": "it exists",
    "resolution": "read it",
    "details": {"id": ["s1"]},
    "request_id": "r-1",
    "retry_after": 1.5,
    "body": b"body-canary",
}
SENDER = RcsSender(id="s1", status="REJECTED")

_TOKEN = COMMON | {
    "status_code": 401,
    "error_code": "invalid_client",
    "retry_after": 2.0,
    "body": b"body-canary",
}
_OF_A_SENDER = COMMON | {"sender": SENDER}

# Each error with all that it can be given.
PARTS: dict[type[ProvisioningError], dict[str, Any]] = {
    ProvisioningError: COMMON,
    ConfigurationError: COMMON,
    APIConnectionError: COMMON,
    APITimeoutError: COMMON,
    OutcomeUnknownError: COMMON,
    DeadlineExceededError: COMMON,
    SenderMismatchError: COMMON,
    APIStatusError: STATUS,
    BadRequestError: STATUS,
    AuthenticationError: STATUS,
    PermissionDeniedError: STATUS,
    NotFoundError: STATUS,
    ConflictError: STATUS,
    FailedDependencyError: STATUS,
    PreconditionFailedError: STATUS,
    LaunchNotReadyError: STATUS,
    RateLimitError: STATUS,
    ServerError: STATUS,
    LaunchRejectedError: _OF_A_SENDER,
    WaitTimeoutError: _OF_A_SENDER,
    TokenError: _TOKEN,
    ResponseDecodeError: COMMON | {"status_code": 200, "body": b"body-canary"},
}


def test_tree_is_the_one_that_is_drawn() -> None:
    """The docstring's drawing, `__all__`, the public names and the classes are one and the same."""
    drawn = re.findall(r"[│ ]*[├└]── (\w+)", str(errors.__doc__))
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert set(drawn) | {"ProvisioningError", "Attempt", "Rejection"} == classes
    assert classes | {"ErrorCode"} == set(errors.__all__)
    assert classes <= set(sinch_provisioning.__all__)


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (ConfigurationError, (ProvisioningError, ValueError)),
        (TokenError, (ProvisioningError,)),
        (APIConnectionError, (ProvisioningError,)),
        (APITimeoutError, (APIConnectionError,)),
        (OutcomeUnknownError, (APIConnectionError,)),
        (DeadlineExceededError, (ProvisioningError, TimeoutError)),
        (ResponseDecodeError, (ProvisioningError,)),
        (APIStatusError, (ProvisioningError,)),
        (BadRequestError, (APIStatusError,)),
        (AuthenticationError, (APIStatusError,)),
        (PermissionDeniedError, (APIStatusError,)),
        (NotFoundError, (APIStatusError,)),
        (ConflictError, (APIStatusError,)),
        (FailedDependencyError, (APIStatusError,)),
        (PreconditionFailedError, (APIStatusError,)),
        (LaunchNotReadyError, (PreconditionFailedError,)),
        (RateLimitError, (APIStatusError,)),
        (ServerError, (APIStatusError,)),
        (LaunchRejectedError, (ProvisioningError,)),
        (WaitTimeoutError, (ProvisioningError,)),
        (SenderMismatchError, (ProvisioningError,)),
    ],
)
def test_error_has_its_place(kind: type[ProvisioningError], bases: tuple[type, ...]) -> None:
    """Each error can be caught by the names that the contract gives it, and by no others of ours."""
    assert kind.__bases__ == bases


@pytest.mark.parametrize("kind", PARTS)
def test_error_carries_what_it_was_given(kind: type[ProvisioningError]) -> None:
    """All parts are attributes, the message is the text, and the body is in neither repr nor str."""
    parts = PARTS[kind]
    error = kind("what happened", **parts)
    assert {name: getattr(error, name) for name in parts} == parts
    assert str(error) == "what happened"
    assert repr(error) == f"{type(error).__name__}('what happened')"


@pytest.mark.parametrize("kind", PARTS)
def test_error_travels_between_processes_without_its_body(kind: type[ProvisioningError]) -> None:
    """A pickled error comes back as it was, but for the reply's body, which may hold a secret."""
    parts = PARTS[kind]
    error = kind("what happened", **parts)
    pickled = pickle.dumps(error)
    assert b"body-canary" not in pickled
    back = pickle.loads(pickled)
    assert type(back) is type(error)
    assert back.args == error.args
    kept = parts | ({"body": b""} if "body" in parts else {})
    assert {name: getattr(back, name) for name in kept} == kept
    assert hasattr(back, "body") == hasattr(error, "body")
    assert getattr(error, "body", b"body-canary") == b"body-canary"


@pytest.mark.parametrize("kind", PARTS)
def test_what_is_not_known_is_none(kind: type[ProvisioningError]) -> None:
    """Parts that nobody gave read as None, or as empty."""
    needed = {"sender": SENDER, "status_code": 200, "body": b""}
    if kind is TokenError:
        needed = {}
    parts: dict[str, Any] = {name: needed[name] for name in PARTS[kind] if name in needed}
    if issubclass(kind, APIStatusError):
        del parts["body"]
    error = kind("x", **parts)
    empty = {"attempts": (), "body": b""}
    for name in PARTS[kind].keys() - parts.keys():
        assert getattr(error, name) == empty.get(name)
    assert getattr(error, "missing", ()) == ()


def test_missing_fields_travel_too() -> None:
    """What a launch lacks is kept when its error is pickled."""
    error = LaunchNotReadyError("x", status_code=412)
    error.missing = ("description",)
    assert pickle.loads(pickle.dumps(error)).missing == ("description",)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ConfigurationError("x"), False),
        (TokenError("x"), True),
        (TokenError("x", status_code=429), True),
        (TokenError("x", status_code=503), True),
        (TokenError("x", status_code=451), False),
        (TokenError("x", status_code=503, error_code="invalid_client"), False),
        (APIConnectionError("x"), True),
        (APITimeoutError("x"), True),
        (OutcomeUnknownError("x"), True),
        (DeadlineExceededError("x"), True),
        (ResponseDecodeError("x", status_code=200, body=b""), True),
        (APIStatusError("x", status_code=408), True),
        (APIStatusError("x", status_code=451), False),
        (RateLimitError("x", status_code=429), True),
        (ServerError("x", status_code=520), True),
        (BadRequestError("x", status_code=400), False),
        (ConflictError("x", status_code=409), False),
        (LaunchRejectedError("x", sender=SENDER), False),
        (WaitTimeoutError("x", sender=SENDER), True),
        (SenderMismatchError("x"), False),
    ],
)
def test_what_may_succeed_later_is_said_by_the_error(error: ProvisioningError, retryable: bool) -> None:
    """Outages, limits and unreadable replies pass; refusals and wrong settings stay as they are."""
    assert error.retryable is retryable


NAMES = {
    "": (
        ("errorCode", "error", "code", "type"),
        ("message", "detail", "error_description", "title", "text"),
        ("resolution",),
        ("additionalInformation", "details", "errors", "invalidParams"),
    ),
    "error": (
        ("status", "errorCode", "code"),
        ("message", "detail"),
        ("resolution",),
        ("details", "additionalInformation"),
    ),
}


@pytest.mark.parametrize("inside", NAMES)
def test_each_name_of_an_error_body_is_read_in_its_order(inside: str) -> None:
    """Code, message, resolution and details have many names, alone or below "error"; the first that is there wins."""
    left = {name: f"the {name}" for name in chain(*NAMES[inside])}
    while left:
        read = read_error_body(json.dumps({inside: left} if inside else left).encode())
        firsts = [next((name for name in names if name in left), None) for names in NAMES[inside]]
        wanted = [None if name is None else left.pop(name) for name in firsts]
        assert [read.error_code, read.message, read.resolution, read.details] == wanted
