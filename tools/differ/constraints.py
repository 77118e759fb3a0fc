"""Constraints on values (lengths, ranges, patterns): tighter ones break requests."""

from __future__ import annotations

from tools.differ.changes import REQUEST, Changes
from tools.openapi.document import Node

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "multipleOf", "uniqueItems")


def constraint_changes(
    changes: Changes, old: Node, new: Node, subject: str, directions: frozenset[str]
) -> None:
    """Compare the constraints of two schemas."""
    for keyword in (*_LOWER, *_UPPER, *_EXACT):
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            words = f"{keyword} changed from {_said(before)} to {_said(after)}"
            changes.add(
                subject,
                words,
                breaking=REQUEST in directions and _tighter(keyword, before, after),
                minor=True,
            )


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _tighter(keyword: str, before: object, after: object) -> bool:
    if after is None or after is False:
        return False
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    if keyword in _EXACT or not numbers or isinstance(before, bool) or isinstance(after, bool):
        return True
    low, high = sorted((float(str(before)), float(str(after))))
    return float(str(after)) == (high if keyword in _LOWER else low)
