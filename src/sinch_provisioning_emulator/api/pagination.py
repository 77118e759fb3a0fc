"""Paged lists: page size, start, and the token of the next page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

import attrs

from ..openapi.error_replies import Problem
from .senders import Sender

_MAX = 100
_DEFAULT = 50


@attrs.frozen
class Page:
    """One page of a list, and the token of the one after it."""

    senders: Sequence[Sender]
    total: int
    next_token: str | None


def page(senders: Sequence[Sender], query: Mapping[str, str], default: int | None) -> Page:
    """Return the page that `pageSize` and `pageToken` ask for; a 400 Problem if they are invalid."""
    size = _size(query.get("pageSize"), _DEFAULT if default is None else default)
    after = _start(query.get("pageToken"))
    # By position, not by index: deleting a sender between two pages must not hide another.
    rest = [sender for sender in senders if sender.position > after]
    token = _token(rest[size - 1].position) if len(rest) > size else None
    return Page(rest[:size], len(senders), token)


def _size(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MAX:
        raise _refused("pageSize", f"must be a whole number between 1 and {_MAX}")
    return int(text)


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(b"after:%d" % position).decode().rstrip("=")


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        name, _, position = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
        if name == "after":
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise _refused("pageToken", "was not issued by a list reply")


def _refused(name: str, reason: str) -> Problem:
    return Problem(400, "invalid_request", f"{name}: {reason}", {"property": name})
