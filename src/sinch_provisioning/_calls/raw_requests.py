"""Requests to paths that no generated function names, and their replies as httpx responses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import httpx

from sinch_provisioning_api import Caller, Reply, Request

from ..errors import ConfigurationError

_FRAMING: Final = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
_METHOD: Final = re.compile(r"[A-Z]+")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


async def send(
    caller: Caller,
    project_id: str,
    method: str,
    path: str,
    *,
    body: object,
    params: Mapping[str, str | int | bool] | None,
) -> httpx.Response:
    """Send a request to `path` and return its reply with the body read."""
    sent = request(method, path, project_id, body, params)
    return await caller.call(sent, lambda reply: response(reply, sent))


def request(
    method: str, path: str, project_id: str, body: object, params: Mapping[str, str | int | bool] | None
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
        raise ConfigurationError("path must have no empty and no dotted segment")
    pairs = [(name, _text(value)) for name, value in (params or {}).items()]
    content: bytes | None = None
    if body is not None:
        try:
            content = json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError):
            content = None
        if content is None:
            raise ConfigurationError(
                "json must be made of what JSON has: objects, arrays, strings, finite numbers"
            )
    return Request(
        f"{verb} {path}",
        verb,
        filled,
        params=pairs,
        content=content,
        content_type=None if content is None else "application/json",
    )


def _misleading(segment: str) -> bool:
    plain = unquote(segment)
    return plain in ("", ".", "..") or "/" in plain or "\\" in plain


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


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
