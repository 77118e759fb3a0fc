"""What a client reports to its hooks: attempts, retries and tokens."""

from __future__ import annotations

from attrs import frozen


@frozen
class AttemptEvent:
    """One request and what came of it; `duration` in seconds, waiting for a free connection included."""

    operation_id: str
    method: str
    attempt: int
    status: int | None
    cause: str | None
    duration: float
    request_id: str | None


@frozen
class RetryEvent:
    """A request is about to be sent again, `pause` seconds from now."""

    operation_id: str
    attempt: int
    status: int | None
    cause: str | None
    pause: float


@frozen
class TokenEvent:
    """A token was fetched, or could not be; `lifetime` in seconds.

    `early`: no call was waiting for it. `shared`: it came from the token store, where another process had put it.
    """

    key_id: str
    ok: bool
    early: bool
    lifetime: float | None
    duration: float
    shared: bool = False
