"""JSON values, one HTTP request, one HTTP reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NoReturn, TypeAlias, cast
from urllib.parse import parse_qs, parse_qsl

import attrs

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

MAX_BODY = 1 << 20
"""Size limit of a request body in bytes."""

_ENCODER = json.JSONEncoder(separators=(",", ":"))

Cut = Literal["unanswered", "midway"]
"""When a connection is closed: before the first byte of the reply, or in the middle of its body."""


@attrs.frozen
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        """Return the query parameters; the last value of a repeated name wins."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def values(self) -> dict[str, list[str]]:
        """Return the query parameters with all values of a repeated name."""
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def media_type(self) -> str:
        """Return the body's media type without parameters, or an empty string."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@attrs.frozen
class Reply:
    """One HTTP reply; `delay` and `slow` are seconds before it and over its body, `cut` where it is cut off."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    slow: float = 0.0
    cut: Cut | None = None

    def pieces(self) -> list[bytes]:
        """Return the body in the pieces it is sent in: ten if slow, the first half if cut."""
        body = self.body[: len(self.body) // 2] if self.cut == "midway" else self.body
        if self.slow <= 0:
            return [body]
        step = max(1, -(-len(body) // 10))
        return [body[start : start + step] for start in range(0, len(body), step)] or [b""]


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def parse(text: bytes | str) -> Json:
    """Parse JSON as in RFC 8259 (no NaN or Infinity); ValueError if it is invalid or nested too deeply."""
    try:
        return cast("Json", json.loads(text, parse_constant=_not_json))
    except RecursionError:
        raise ValueError("the JSON value is nested too deeply") from None


def dump(value: object) -> bytes:
    """Encode a JSON value in ASCII, which preserves lone surrogates; TypeError if it is not JSON."""
    return _ENCODER.encode(value).encode()


def as_json(value: object) -> Json:
    """Return a copy made of JSON types; TypeError if that is impossible."""
    return parse(dump(value))


def json_reply(status: int, value: Json, *headers: tuple[str, str]) -> Reply:
    """Return a reply with a JSON body."""
    return Reply(status, dump(value), (("content-type", "application/json"), *headers))
