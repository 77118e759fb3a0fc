"""What a caller adds to the requests of one call, for what the API's document does not say (yet)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, Self, TypedDict, cast

import httpx
from attrs import field, frozen

from sinch_provisioning_api import Request

from .._json import loads
from ..errors import ConfigurationError

# The client's own, and what says where a message ends.
_RESERVED: Final = frozenset(
    {"authorization", "host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect"}
)

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

Param = str | int | float | bool | None
Params = Mapping[str, Param | Sequence[Param]]


class CallOptions(TypedDict, total=False):
    """Keyword arguments of every channel method, beside those of the API's document.

    `extra_body`, `extra_query` and `extra_headers` win over what the call would send: properties of the JSON body (of
    a POST, PUT or PATCH), query parameters (a list repeats one, None leaves it out) and headers. `timeout` is that of
    the client, for this call: seconds for one attempt, or an `httpx.Timeout`.
    """

    extra_body: Mapping[str, object] | None
    extra_query: Params | None
    extra_headers: Mapping[str, str] | None
    timeout: httpx.Timeout | float | None


OPTION_NAMES: Final = frozenset(CallOptions.__annotations__)


@frozen
class Additions:
    """Changes every request of a call: the query's parameters, headers and the body's properties."""

    query: Params = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: object = field(default=None, repr=False)

    @classmethod
    def of(
        cls, *, query: Params | None = None, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Self:
        """Check what is to be added."""
        for name, value in (("query parameters", query), ("headers", headers), ("extra_body", body)):
            if value is not None and not (isinstance(value, Mapping) or hasattr(value, "items")):
                raise ConfigurationError(f"{name} must be a mapping")
        _check_headers(headers or {})
        return cls(query or {}, headers or {}, body)

    @property
    def header_names(self) -> frozenset[str]:
        """The names of the added headers in lower case."""
        return frozenset(name.lower() for name in self.headers)

    def to(self, request: Request) -> Request:
        """Return the request with what is added to it."""
        names = self.header_names
        kept = [pair for pair in request.headers if pair[0].lower() not in names]
        params = [pair for pair in request.params if pair[0] not in self.query]
        content, content_type = request.content, request.content_type
        if self.body is not None and request.method in _WITH_BODY:
            content, content_type = _merged(content, self.body), "application/json"
        if "content-type" in names:
            content_type = None
        return Request(
            request.operation_id,
            request.method,
            request.path,
            [*params, *query_pairs(self.query)],
            [*kept, *self.headers.items()],
            content,
            content_type,
            request.repeatable,
        )


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that the client sets itself."""
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str) or not name.isascii():
            raise ConfigurationError("headers must be strings, their names in ASCII")
        if name.lower() in _RESERVED:
            raise ConfigurationError(f"header {name!r} is the client's own: leave it out")


def query_pairs(params: Params) -> Iterator[tuple[str, str]]:
    """Yield the query's pairs: a list repeats its parameter, None leaves it out."""
    for name, value in params.items():
        for one in [value] if isinstance(value, str | bytes) or not isinstance(value, Iterable) else value:
            plain = one.value if isinstance(one, Enum) else one
            if plain is None:
                continue
            if (
                not isinstance(name, str)
                or not isinstance(plain, str | int | float)
                or isinstance(value, Mapping)
            ):
                raise ConfigurationError(
                    f"query parameter {name!r} must be a string, a number, a bool, None or a list of these"
                )
            yield name, str(plain).lower() if isinstance(plain, bool) else str(plain)


def encoded(body: object) -> bytes | None:
    """Return a JSON body as bytes, None for None; the error shows nothing of it, nor does the frame that raises it."""
    if body is None:
        return None
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        body = None
    raise ConfigurationError("json must be made of what JSON has: objects, arrays, strings, finite numbers")


def _merged(content: bytes | None, added: object) -> bytes | None:
    body: object = loads(content) if content else {}
    if not isinstance(body, dict):
        raise ConfigurationError("extra_body is for calls whose body is an object")
    return encoded({**cast("dict[str, object]", body), **dict(cast("Mapping[str, object]", added))})
