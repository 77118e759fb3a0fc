"""What goes over the wire: JSON values, one request, one reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NoReturn, TypeAlias, cast
from urllib.parse import parse_qsl

import attrs

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

_ENCODER = json.JSONEncoder(separators=(",", ":"))

Cut = Literal["unanswered", "midway"]
"""How a connection breaks: before the first byte of the reply, or in the middle of its body."""


@attrs.frozen
class Request:
    """One HTTP request, whichever way it came in; header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        """Query parameters; of a repeated name the last one counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def media_type(self) -> str:
        """The body's media type without parameters, empty where the header is missing."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@attrs.frozen
class Reply:
    """One HTTP reply, and what happens to it on the way: seconds of delay, of dripping, or a break."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    slow: float = 0.0
    cut: Cut | None = None

    def pieces(self) -> list[bytes]:
        """The body in the pieces it is sent in: ten where it drips, half of it where it is cut."""
        body = self.body[: len(self.body) // 2] if self.cut == "midway" else self.body
        if self.slow <= 0:
            return [body]
        step = max(1, -(-len(body) // 10))
        return [body[start : start + step] for start in range(0, len(body), step)] or [b""]


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def parse(text: bytes | str) -> Json:
    """JSON as RFC 8259 has it (no NaN, no Infinity); a ValueError otherwise, also where it nests too deep."""
    try:
        return cast("Json", json.loads(text, parse_constant=_not_json))
    except RecursionError:
        raise ValueError("the JSON value nests too deep") from None


def dump(value: object) -> bytes:
    """A JSON value as bytes; ASCII only, so that lone surrogates survive as they came. TypeError for what is none."""
    return _ENCODER.encode(value).encode()


def as_json(value: object) -> Json:
    """A copy of the value with JSON's own types, or a TypeError for what is none."""
    return parse(dump(value))


def json_reply(status: int, value: Json, *headers: tuple[str, str]) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, dump(value), (("content-type", "application/json"), *headers))
