"""What one attempt ended with: a whole reply, or a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    import httpx


@frozen
class Received:
    """A whole reply, whatever its status; `unreadable` says why `content` is not its decoded body."""

    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    unreadable: str | None = None


@frozen
class Failure:
    """One attempt that ended without success: a status, or (`status` None) no reply at all."""

    cause: str | None
    status: int | None = None
    retry_after: float | None = None
    error_code: str | None = None
    maybe_processed: bool = True
    timed_out: bool = False
    explanation: str = ""
