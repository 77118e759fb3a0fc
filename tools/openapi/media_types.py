"""Chooses between media types, and says how content is encoded or decoded."""

from __future__ import annotations

from collections.abc import Iterable

from tools.openapi.document import Node

_TEXTS = frozenset({"application/xml", "application/yaml", "application/x-yaml", "application/x-ndjson"})


def _essence(media: str) -> str:
    return media.split(";", 1)[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether content of this media type is JSON, or anything."""
    essence = _essence(media)
    return essence in {"application/json", "*/*", "application/*", "text/json"} or essence.endswith("+json")


def _is_text(media: str) -> bool:
    essence = _essence(media)
    return essence.startswith("text/") or essence in _TEXTS or essence.endswith(("+xml", "+yaml"))


def _rank(media: str) -> int:
    essence = _essence(media)
    order = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    if essence in order:
        return (0, 3, 4)[order.index(essence)]
    if is_json(media):
        return 2 if "*" in essence else 1
    return 5 if _is_text(media) else 6


def choose_media(content: Iterable[str]) -> str:
    """Prefer JSON, then forms, then text, then bytes; the first of several equal ones."""
    return min(content, key=_rank)


def media_kind(media: str) -> tuple[str, str]:
    """Return how to encode a request body of this type, and the Content-Type to send."""
    essence = _essence(media)
    if is_json(media):
        return "json", "application/json" if "*" in essence else media
    if essence == "application/x-www-form-urlencoded":
        return "form", media
    if essence.startswith("multipart/"):
        return "multipart", media
    if _is_text(media):
        return "text", "text/plain" if "*" in essence else media
    return "bytes", "application/octet-stream" if "*" in essence else media


def reply_kind(media: str, schema: Node) -> tuple[str, str]:
    """Return the normalized media type of a response, and the Accept header to send."""
    if "*" in media and schema.get("type") == "string":
        # Any media type with a string schema: decoding it as JSON would contradict the schema.
        return "application/octet-stream" if schema.get("format") == "binary" else "text/plain", media
    if is_json(media):
        return "application/json", media
    return "text/plain" if _is_text(media) else "application/octet-stream", media
