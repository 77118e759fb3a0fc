"""Protocols for tracing and metrics; `sinch_provisioning.otel` implements them with OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import httpx

if TYPE_CHECKING:
    from .events import TokenEvent

__all__ = ["AttemptTrace", "CallTrace", "Slots", "Telemetry"]


class Slots(Protocol):
    """The slots for requests in flight; safe to read from any thread."""

    @property
    def in_flight(self) -> int:
        """Slots in use."""
        ...

    @property
    def limit(self) -> int | None:
        """All slots; None if the caller's own client sets the limit."""
        ...


class AttemptTrace(Protocol):
    """One request; entered before it is sent, exited when its reply is read, or when it fails or is cancelled."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that propagate the trace, in ASCII."""
        ...

    def ended(self, status: int | None, cause: str | None) -> None:
        """Record the reply's status, or the failure's name if there is no reply."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


class CallTrace(Protocol):
    """One call with all its attempts; exited with the error that the call raises, if any."""

    def attempt(self, url: httpx.URL, resend_count: int) -> AttemptTrace:
        """Start an attempt; `resend_count` is 0 for the first."""
        ...

    def failed(self, kind: str) -> None:
        """Record a failure that is not an exception, by its name."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


class Telemetry(Protocol):
    """Observes a client's calls. Its methods run during them, and must neither block nor raise."""

    def call(self, operation_id: str, method: str) -> CallTrace | None:
        """Start a call, or return None if nothing records it.

        `operation_id` is "token" for a request to the token endpoint.
        """
        ...

    def token(self, event: TokenEvent) -> None:
        """Record that a token was fetched, or could not be."""
        ...

    def watch(self, slots: Slots) -> None:
        """Report `slots` for as long as the client exists; hold no strong reference to it."""
        ...
