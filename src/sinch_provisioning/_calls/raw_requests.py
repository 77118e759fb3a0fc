"""Requests to paths that no generated function names, and their replies as httpx responses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

import httpx

from sinch_provisioning_api import Caller, Reply, Request

from ..errors import ConfigurationError

_FRAMING: Final = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
_METHOD: Final = re.compile(r"[A-Z]+")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


# The client's own, and what says where a message ends.
_RESERVED: Final = frozenset(
    {"authorization", "host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect"}
)

Param = str | int | bool | None


async def send(caller: Caller, sent: Request) -> httpx.Response:
    """Send a request and return its reply with the body read."""
    return await caller.call(sent, lambda reply: response(reply, sent))


def raw_request(
    method: str,
    path: str,
    project_id: str,
    content: bytes | None,
    *,
    params: Mapping[str, Param | Sequence[Param]] | None = None,
    headers: Mapping[str, str] | None = None,
    repeatable: bool | None = None,
) -> Request:
    """Build the request, or refuse what could reach another host, project or path than it says."""
    verb = method.upper()
    if _METHOD.fullmatch(verb) is None:
        raise ConfigurationError("method must be a word such as GET")
    filled = path.replace("{project_id}", project_id)
    if _PATH.fullmatch(filled) is None or filled.startswith("//"):
        raise ConfigurationError(
            "path must start with one slash and hold no host, query, space or placeholder"
        )
    if any(_misleading(segment) for segment in filled[1:].split("/")):
        raise ConfigurationError("path must have no empty or dotted segment, and no control character")
    for name in headers or {}:
        if name.lower() in _RESERVED:
            raise ConfigurationError(f"header {name!r} is the client's own: leave it out")
    return Request(
        f"{verb} {path}",
        verb,
        filled,
        params=list(_pairs(params or {})),
        headers=list((headers or {}).items()),
        content=content,
        content_type=None if content is None else "application/json",
        repeatable=verb != "POST" if repeatable is None else repeatable,
    )


def encoded(body: object) -> bytes | None:
    """Return a JSON body as bytes, None for None; the error shows nothing of it, nor does the frame that raises it."""
    if body is None:
        return None
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        body = None
    raise ConfigurationError("json must be made of what JSON has: objects, arrays, strings, finite numbers")


def _misleading(segment: str) -> bool:
    plain = unquote(segment)
    # Some servers take what follows a semicolon for parameters of the segment.
    name = plain.partition(";")[0]
    return name in ("", ".", "..") or "/" in plain or "\\" in plain or not plain.isprintable()


def _pairs(params: Mapping[str, Param | Sequence[Param]]) -> Iterator[tuple[str, str]]:
    """Yield the query's pairs: a list repeats its parameter, None leaves it out."""
    for name, value in params.items():
        values = [value] if value is None or isinstance(value, str | int) else value
        for one in values:
            if one is not None:
                yield name, str(one).lower() if isinstance(one, bool) else str(one)


def response(reply: Reply, sent: Request) -> httpx.Response:
    """Return the reply as a response whose body is read and decoded, so no content encoding is left to undo."""
    # As bytes: some servers put other characters than ASCII into headers.
    headers = [pair for pair in reply.headers.raw if pair[0].lower() not in _FRAMING]
    # The request is named by its path: its headers held the token.
    return httpx.Response(
        reply.status_code,
        headers=headers,
        content=reply.content,
        request=httpx.Request(sent.method, f"https://api{sent.path}"),
    )
