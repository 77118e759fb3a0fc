"""Spans and metrics for OpenTelemetry (extra `otel`): a span for each call, a child span for each request.

Names are those of the stable HTTP semantic conventions where they have one
(https://opentelemetry.io/docs/specs/semconv/http/), and otherwise start with `sinch_provisioning.`. No span and no
metric contains a header, a body, a query value or an exception's text.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx

try:
    from opentelemetry import context, metrics, trace
except ImportError as error:
    raise ImportError(
        'sinch_provisioning.otel needs an extra: pip install "sinch-provisioning[otel]"', name=error.name
    ) from error

# Private, and what all of OpenTelemetry's instrumentations of HTTP clients ask; there is no public name for it.
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY as SUPPRESS_HTTP_INSTRUMENTATION,  # pyright: ignore[reportPrivateUsage]
)
from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sinch_provisioning_api import OPERATIONS

from ._version import __version__
from .events import TokenEvent
from .telemetry import Slots

__all__ = ["OpenTelemetry"]

_SCOPE: Final = "sinch_provisioning"
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.27.0"

_METHOD: Final = "http.request.method"
_RESEND_COUNT: Final = "http.request.resend_count"
_STATUS_CODE: Final = "http.response.status_code"
_ERROR_TYPE: Final = "error.type"
_OPERATION: Final = "sinch_provisioning.operation"

# The methods that the conventions know; any other is reported as _OTHER, which bounds the number of time series.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# The bucket boundaries that the conventions advise for http.client.request.duration.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

# Seconds between two checks for an SDK.
_LOOK_AGAIN: Final = 1.0

_Value = str | int | bool


class OpenTelemetry:
    """Spans and metrics for a client's `telemetry` argument; one instance can serve several clients.

    Providers default to the global ones. `propagator` writes the headers that propagate a trace: by default only
    `traceparent` and `tracestate`, since baggage may contain private data.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        propagator: TextMapPropagator | None = None,
    ) -> None:
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._sdk, self._look_again = False, float("-inf")
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider, schema_url=_SCHEMA)
        self._propagator = TraceContextTextMapPropagator() if propagator is None else propagator
        self._slots: weakref.WeakSet[Slots] = weakref.WeakSet()
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider, schema_url=_SCHEMA)
        self.requests = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.calls = meter.create_histogram(
            "sinch_provisioning.call.duration",
            "s",
            "Duration of calls, with all their requests and pauses.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.retries = meter.create_counter("sinch_provisioning.retries", "{request}", "Requests sent again.")
        self._tokens = meter.create_counter("sinch_provisioning.tokens", "{token}", "Tokens asked for.")
        meter.create_observable_up_down_counter(
            "sinch_provisioning.slots.used", [self._used], "{request}", "Requests in flight."
        )
        meter.create_observable_up_down_counter(
            "sinch_provisioning.slots.limit", [self._limit], "{request}", "Requests that may be in flight."
        )

    def call(self, operation_id: str, method: str) -> Call | None:
        """Start a call's span; None without an SDK, unless there is an incoming trace to propagate."""
        if not self._seen():
            return None
        return Call(self, operation_id, method if method in _METHODS else "_OTHER")

    def token(self, event: TokenEvent) -> None:
        """Count a token."""
        self._tokens.add(
            1,
            {
                "sinch_provisioning.token.ok": event.ok,
                "sinch_provisioning.token.early": event.early,
                "sinch_provisioning.token.shared": event.shared,
            },
        )

    def watch(self, slots: Slots) -> None:
        """Report a client's slots for as long as it exists."""
        self._slots.add(slots)

    def _seen(self) -> bool:
        # The global providers may be set later than this object is made, and looking them up is expensive.
        if not self._sdk and (now := time.monotonic()) >= self._look_again:
            self._look_again = now + _LOOK_AGAIN
            self._sdk = _is_real(self._tracer_provider or trace.get_tracer_provider()) or _is_real(
                self._meter_provider or metrics.get_meter_provider()
            )
        return self._sdk or trace.get_current_span().get_span_context().is_valid

    def _used(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(sum(slots.in_flight for slots in list(self._slots)))]

    def _limit(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(sum(slots.limit or 0 for slots in list(self._slots)))]

    def open_span(self, name: str, kind: SpanKind, attributes: Mapping[str, _Value]) -> Span:
        """Start a span under the current one."""
        return self._tracer.start_span(name, kind=kind, attributes=attributes)

    def headers(self) -> dict[str, str]:
        """Return the headers that propagate the current span."""
        carrier: dict[str, str] = {}
        # The protocol's own default for dicts is not typed as one for dicts of strings.
        cast("Any", self._propagator).inject(carrier)
        return carrier


def _is_real(provider: object) -> bool:
    """Whether `provider` comes from an SDK; the API's own providers record nothing."""
    return not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


class _Scope:
    """A span that is the current one from entry to exit, and its duration."""

    def __init__(
        self, span: Span, duration: Histogram, about: dict[str, _Value], *, is_request: bool = False
    ) -> None:
        self.span = span
        self._is_request = is_request
        self.error: str | None = None
        self._duration = duration
        self._about = about
        self._started = time.perf_counter()

    def note(self, name: str, value: _Value) -> None:
        """Set an attribute of the span and of its measurement."""
        self.span.set_attribute(name, value)
        self._about[name] = value

    def enter(self) -> None:
        """Make the span the current one."""
        current = trace.set_span_in_context(self.span)
        if self._is_request:
            # An instrumentation of httpx would add a client span for the same request.
            current = context.set_value(SUPPRESS_HTTP_INSTRUMENTATION, True, current)
        self._token = context.attach(current)

    def leave(self, raised: type[BaseException] | None) -> None:
        """End the span; of an error only the type is recorded, since its text may quote what was sent."""
        context.detach(self._token)
        if raised is not None:
            self.error = raised.__name__
        if self.error is not None:
            self.note(_ERROR_TYPE, self.error)
            self.span.set_status(StatusCode.ERROR)
        self._duration.record(time.perf_counter() - self._started, self._about)
        self.span.end()


def _path(operation_id: str) -> str | None:
    """Return the path of an operation of either API's document, None for a raw request and for a token."""
    operation = OPERATIONS.get(operation_id)
    if operation is not None:
        return operation.path
    if operation_id == "token" or not operation_id.isidentifier():
        return None
    # Loaded already by the client whose operation this is.
    from sinch_provisioning_v1_2_api import OPERATIONS as OWN  # noqa: PLC0415

    own = OWN.get(operation_id)
    return None if own is None else own.path


class Call:
    """A call's span, of kind INTERNAL: its requests have the client spans."""

    def __init__(self, telemetry: OpenTelemetry, operation_id: str, method: str) -> None:
        path = _path(operation_id)
        # The path of a raw request may contain ids, which would make a name for each sender.
        name = operation_id if path is not None or operation_id == "token" else "request"
        self._telemetry = telemetry
        self._target = method if path is None else f"{method} {path}"
        self._about: dict[str, _Value] = {_METHOD: method, _OPERATION: name}
        span = telemetry.open_span(name, SpanKind.INTERNAL, self._about)
        self._scope = _Scope(span, telemetry.calls, dict(self._about))

    def attempt(self, url: httpx.URL, resend_count: int) -> Attempt:
        """Start the span of a request."""
        about = dict(self._about)
        about["server.address"] = url.host
        about["server.port"] = url.port if url.port is not None else 443 if url.scheme == "https" else 80
        self._scope.span.set_attributes(about)
        if resend_count > 0:
            self._scope.span.set_attribute(_RESEND_COUNT, resend_count)
            self._telemetry.retries.add(1, about)
        span = self._telemetry.open_span(self._target, SpanKind.CLIENT, about)
        if span.is_recording():
            # Query values may be private.
            address, query, _ = str(url).partition("?")
            span.set_attribute("url.full", f"{address}?REDACTED" if query else address)
        if resend_count > 0:
            span.set_attribute(_RESEND_COUNT, resend_count)
        return Attempt(
            self._telemetry, self._scope, _Scope(span, self._telemetry.requests, about, is_request=True)
        )

    def failed(self, kind: str) -> None:
        """Record a failure that is not an exception."""
        self._scope.error = kind

    def __enter__(self) -> Self:
        self._scope.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._scope.leave(kind)


class Attempt:
    """A request's span, of kind CLIENT."""

    def __init__(self, telemetry: OpenTelemetry, call: _Scope, scope: _Scope) -> None:
        self._telemetry = telemetry
        self._call = call
        self._scope = scope

    @property
    def headers(self) -> dict[str, str]:
        """Headers that propagate this span."""
        return self._telemetry.headers()

    def ended(self, status: int | None, cause: str | None) -> None:
        """Record the reply or the failure; the last reply's status is the call's too."""
        if status is not None:
            self._scope.note(_STATUS_CODE, status)
            self._call.note(_STATUS_CODE, status)
        if cause is not None or (status is not None and status >= 400):
            self._scope.error = str(status) if cause is None else cause

    def __enter__(self) -> Self:
        self._scope.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._scope.leave(kind)
