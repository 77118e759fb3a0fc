"""Requests to paths that no generated function names, and their replies as httpx responses."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import httpx

from sinch_provisioning_api import Caller, Reply, Request

from ..errors import ConfigurationError

_FRAMING: Final = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
_METHOD: Final = re.compile(r"[A-Z]+")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


async def send(caller: Caller, sent: Request) -> httpx.Response:
    """Send a request and return its reply with the body read."""
    return await caller.call(sent, lambda reply: response(reply, sent))


def raw_request(
    method: str,
    path: str,
    project_id: str,
    content: bytes | None,
    *,
    repeatable: bool | None = None,
) -> Request:
    """Build the request, or refuse what could reach another host, project or path than it says."""
    verb = method.upper()
    if _METHOD.fullmatch(verb) is None or verb == "CONNECT":
        raise ConfigurationError("method must be a word such as GET, and not CONNECT, which is for proxies")
    filled = path.replace("{project_id}", project_id)
    if _PATH.fullmatch(filled) is None or filled.startswith("//"):
        raise ConfigurationError(
            "path must start with one slash and hold no host, query, space or placeholder"
        )
    if any(_misleading(segment) for segment in filled[1:].split("/")):
        raise ConfigurationError("path must have no empty or dotted segment, and no control character")
    return Request(
        f"{verb} {path}",
        verb,
        filled,
        content=content,
        content_type=None if content is None else "application/json",
        repeatable=verb != "POST" if repeatable is None else repeatable,
    )


def _misleading(segment: str) -> bool:
    plain = unquote(segment)
    # Some servers take what follows a semicolon for parameters of the segment.
    name = plain.partition(";")[0]
    return name in ("", ".", "..") or "/" in plain or "\\" in plain or not plain.isprintable()


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
