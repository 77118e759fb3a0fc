"""What one attempt ended with: a whole reply, or a failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

RawHeaders = Sequence[tuple[bytes, bytes]]


class Received:
    """A whole reply, whatever its status; `unreadable` says why `content` is not its decoded body.

    `encoding`: the content encoding that `content` still has.
    """

    __slots__ = ("content", "encoding", "raw_headers", "status", "unreadable")

    def __init__(
        self,
        status: int,
        raw_headers: RawHeaders,
        content: bytes,
        unreadable: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self.status: Final = status
        self.raw_headers: Final = raw_headers
        self.content: Final = content
        self.unreadable: Final = unreadable
        self.encoding: Final = encoding

    def __repr__(self) -> str:
        return f"<Received {self.status}>"

    def header(self, name: bytes) -> str | None:
        """Return the header of that lower-case name, repeated ones joined by commas; None where there is none."""
        values = [value for key, value in self.raw_headers if key.lower() == name]
        return b", ".join(values).decode("latin-1") if values else None


@frozen
class ErrorBody:
    """What the body of an error reply says; a part is None where the body doesn't have it."""

    error_code: str | None = None
    message: str | None = field(default=None, repr=False)
    resolution: str | None = field(default=None, repr=False)
    details: object = field(default=None, repr=False)


@frozen
class Failure:
    """One attempt that ended without success: a status, or (`status` None) no reply at all.

    `final`: repeating it can't help, whatever the operation. `received` and `error_body` are the
    reply, where there is one.
    """

    cause: str | None
    status: int | None = None
    retry_after: float | None = None
    maybe_processed: bool = True
    timed_out: bool = False
    final: bool = False
    explanation: str = ""
    received: Received | None = field(default=None, repr=False)
    error_body: ErrorBody = field(default=ErrorBody(), repr=False)


class ExchangeError(Exception):
    """No reply came over a connection of ours; `cause` is the name that httpx has for the failure."""

    def __init__(
        self, cause: str, explanation: str = "", *, timed_out: bool = False, final: bool = False
    ) -> None:
        super().__init__(explanation)
        self.cause = cause
        self.explanation = explanation
        self.timed_out = timed_out
        self.final = final
