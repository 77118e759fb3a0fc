"""What a client reports to its hooks: attempts, retries and tokens."""

from __future__ import annotations

from attrs import frozen


@frozen
class AttemptEvent:
    """One request and its result; `duration` in seconds, including the wait for a free connection."""

    operation_id: str
    method: str
    attempt: int
    status: int | None
    cause: str | None
    duration: float
    request_id: str | None


@frozen
class RetryEvent:
    """A request will be sent again in `pause` seconds."""

    operation_id: str
    attempt: int
    status: int | None
    cause: str | None
    pause: float


@frozen
class TokenEvent:
    """A token was fetched, or could not be (`ok` false); `lifetime` and `duration` in seconds.

    `early`: it was renewed before any call needed it. `shared`: another process had fetched it and the token store
    had it.
    """

    key_id: str
    ok: bool
    early: bool
    lifetime: float | None
    duration: float
    shared: bool = False
