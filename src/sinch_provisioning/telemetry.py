"""What a client tells a tracer, as protocols; `sinch_provisioning.otel` implements them for OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import httpx

if TYPE_CHECKING:
    from .events import TokenEvent

__all__ = ["AttemptTrace", "CallTrace", "Slots", "Telemetry"]


class Slots(Protocol):
    """The places for requests in flight; safe to read from any thread."""

    @property
    def in_flight(self) -> int:
        """Places taken now."""
        ...

    @property
    def limit(self) -> int | None:
        """All places; None where the caller's own client decides."""
        ...


class AttemptTrace(Protocol):
    """One request; entered when it is about to leave, exited when its reply is read, it failed or was cancelled."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that carry the trace on, in ASCII."""
        ...

    def ended(self, status: int | None, cause: str | None) -> None:
        """Take note of the reply's status, or of the failure's name where there is no reply."""
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
    """One call with all its attempts; exited with the error that the call raises, if it does."""

    def attempt(self, url: httpx.URL, resend_count: int) -> AttemptTrace:
        """Open an attempt; `resend_count` is 0 for the first."""
        ...

    def failed(self, kind: str) -> None:
        """Take note of a failure that is no exception, by the name of its kind."""
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
    """Watches a client's calls. Its methods run inside them: they must neither block nor raise."""

    def call(self, operation_id: str, method: str) -> CallTrace | None:
        """Open a call, or return None where nobody would see it.

        `operation_id` is "token" for a request to the token endpoint.
        """
        ...

    def token(self, event: TokenEvent) -> None:
        """Take note that a token was fetched, or could not be."""
        ...

    def watch(self, slots: Slots) -> None:
        """Read how many places are taken, for as long as the client lives; keep no strong reference."""
        ...
