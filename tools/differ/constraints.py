"""Constraints on values (lengths, ranges, patterns): tighter ones break requests.

Models do not check constraints, so no change of one breaks a reader of responses.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from tools.differ.changes import Change
from tools.differ.comparison import Comparison
from tools.openapi.document import Node, as_node

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
# Lower bounds that say nothing.
_NEUTRAL = {"minLength": 0, "minItems": 0, "minProperties": 0, "minContains": 1, "uniqueItems": False}
_OPAQUE = (
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
)
_ANYTHING = ("", ".*", "^.*$", "^.*", ".*$", "^", "$", "(?s).*", "^(.*)$", "[\\s\\S]*", "^[\\s\\S]*$")


def constraint_changes(one: Comparison, old: Node, new: Node) -> Iterator[Change]:
    """Compare the constraints of two schemas."""
    for keyword in (*_LOWER, *_UPPER, "pattern", "multipleOf", "uniqueItems", *_OPAQUE):
        before, after = _stated(old, keyword), _stated(new, keyword)
        if before != after:
            words = f"{keyword} changed from {_said(before)} to {_said(after)}"
            yield one.change(words, narrowed=_tighter(keyword, old, new))
    yield from _dependent_required(
        one, as_node(old.get("dependentRequired")), as_node(new.get("dependentRequired"))
    )


def _dependent_required(one: Comparison, old: Node, new: Node) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = _names(old.get(name)), _names(new.get(name))
        for other in sorted(after - before):
            yield one.change(f"{name} requires {other}: dependentRequired added", narrowed=True)
        for other in sorted(before - after):
            yield one.change(f"{name} requires {other}: dependentRequired removed")


def _names(value: object) -> set[str]:
    return set(map(str, value)) if isinstance(value, list) else set()


def _stated(node: Node, keyword: str) -> object:
    value = node.get(keyword)
    if value == _NEUTRAL.get(keyword, ...) or (keyword.startswith("unevaluated") and value in (True, {})):
        return None
    return None if keyword == "pattern" and value in _ANYTHING else value


def _said(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def _tighter(keyword: str, old: Node, new: Node) -> bool:
    before, after = _stated(old, keyword), _stated(new, keyword)
    if keyword in _LOWER or keyword in _UPPER:
        return _bound(keyword, new) > _bound(keyword, old)
    if after is None:
        # Without `if`, neither `then` nor `else` apply; without them, `if` does not either.
        return False
    if keyword == "multipleOf" and _is_number(before) and _is_number(after):
        ratio = float(str(before)) / (float(str(after)) or 1)
        return not math.isclose(ratio, round(ratio), rel_tol=1e-9)
    if keyword == "pattern" and isinstance(before, str) and isinstance(after, str):
        return not _is_relaxed(before, after)
    return True


def _bound(keyword: str, node: Node) -> tuple[float, bool]:
    """Return how tight a bound is; `minimum` and `exclusiveMinimum` are one bound, as are the maxima."""
    sign = 1 if keyword in _LOWER else -1
    pairs = {
        "minimum": ("minimum", "exclusiveMinimum"),
        "exclusiveMinimum": ("minimum", "exclusiveMinimum"),
        "maximum": ("maximum", "exclusiveMaximum"),
        "exclusiveMaximum": ("maximum", "exclusiveMaximum"),
    }
    found = [(-math.inf, False)]
    for name in pairs.get(keyword, (keyword,)):
        value = _stated(node, name)
        if _is_number(value):
            found.append((sign * float(str(value)), name.startswith("exclusive")))
    return max(found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_relaxed(before: str, after: str) -> bool:
    """Whether a pattern is the old one without anchors, or with more alternatives."""
    if after in (
        before.removeprefix("^"),
        before.removesuffix("$"),
        before.removeprefix("^").removesuffix("$"),
    ):
        return True
    return set(_alternatives(before)) <= set(_alternatives(after))


def _alternatives(pattern: str) -> list[str]:
    """Split a pattern at its outermost alternatives, within `^(...)$` if it has that form."""
    for opening in ("^(?:", "^("):
        if pattern.startswith(opening) and pattern.endswith(")$"):
            inner = pattern[len(opening) : -2]
            if not {"(", ")", "[", "\\"} & set(inner):
                return [f"^{one}$" for one in inner.split("|")]
    return [pattern] if {"(", "[", "\\"} & set(pattern) else pattern.split("|")
