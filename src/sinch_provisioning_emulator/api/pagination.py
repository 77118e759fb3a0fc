"""Paged lists: page size, start, and the token of the next page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

import attrs

from ..openapi.messages import JsonObject
from .quirks import Quirks
from .sender import Sender
from .validation import invalid_input

_DEFAULT = 50


@attrs.frozen
class Page:
    """One page of a list, and what its reply says about the others."""

    senders: Sequence[Sender]
    size: int
    about: JsonObject


def page(
    senders: Sequence[Sender],
    query: Mapping[str, str],
    *,
    default: int | None,
    limit: int = 100,
    quirks: Quirks,
) -> Page:
    """Return the page that `pageSize` and `pageToken` ask for; a 400 Problem if they are invalid."""
    size = _size(query.get("pageSize"), _DEFAULT if default is None else default, limit)
    after = _position(query.get("pageToken"), numeric=quirks.numeric_page_tokens)
    # By position, not by index: deleting a sender between two pages must not hide another.
    rest = [sender for sender in senders if sender.position > after]
    about: JsonObject = {}
    if quirks.total_size != "missing":
        about["totalSize"] = len(senders) + (quirks.total_size == "too_large")
    following: int | None = None
    if len(rest) > size:
        overlapping = quirks.shifting_pages and size > 1
        following = rest[size - 2 if overlapping else size - 1].position
    elif quirks.endless_pages:
        following = max([after + 1, *(sender.position for sender in rest)])
    if following is not None:
        about["nextPageToken"] = following if quirks.numeric_page_tokens else _token(following)
    return Page(rest[:size], size, about)


def _size(text: str | None, default: int, limit: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= limit:
        raise invalid_input("pageSize", f"must be a whole number between 1 and {limit}", "invalid_page_size")
    return int(text)


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(b"after:%d" % position).decode().rstrip("=")


def _position(token: str | None, *, numeric: bool) -> int:
    if not token:
        return 0
    if numeric and token.isascii() and token.isdigit() and len(token) < 10:
        return int(token)
    try:
        name, _, position = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
        if name == "after":
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise invalid_input("pageToken", "was not issued by a list reply", "invalid_page_token")
