"""Constraints on values (lengths, ranges, patterns): tighter ones break requests, looser ones readers of responses."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from tools.differ.changes import Change
from tools.differ.comparison import Comparison, listed_names, types
from tools.openapi.document import Node, as_node

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
# Values that say nothing.
_NEUTRAL = {"minLength": 0, "minItems": 0, "minProperties": 0, "uniqueItems": False}
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
    stated = (*_LOWER, *_UPPER, "pattern", "multipleOf", "uniqueItems", *_OPAQUE)
    for keyword in [keyword for keyword in stated if keyword in old or keyword in new]:
        before, after = _stated(old, keyword), _stated(new, keyword)
        if before != after:
            words = f"{keyword} changed from {_said(before)} to {_said(after)}"
            # A reader takes any text and any number; what else the old document promised may be relied on.
            widened = keyword not in ("pattern", "multipleOf") and _tighter(keyword, new, old)
            yield one.change(words, narrowed=_tighter(keyword, old, new), widened=widened)
    was, now = (as_node(node.get("dependentRequired")) for node in (old, new))
    for name in sorted({*was, *now}):
        before, after = listed_names(was.get(name)), listed_names(now.get(name))
        for other in sorted(before ^ after):
            words = f"{name} requires {other}: dependentRequired {'added' if other in after else 'removed'}"
            narrowed = other in after - listed_names(old.get("required"))
            widened = other in before - listed_names(new.get("required"))
            yield one.change(words, narrowed=narrowed, widened=widened)


def _stated(node: Node, keyword: str) -> object:
    """Return the value of a keyword, its default where that restricts, and None if it says nothing."""
    value = node.get(keyword)
    if keyword in ("minContains", "maxContains"):
        # Nothing without `contains`, with which the least is one.
        value = node.get(keyword, 1 if keyword == "minContains" else None) if "contains" in node else None
    silent = value == _NEUTRAL.get(keyword, ...) or (keyword == "pattern" and value in _ANYTHING)
    silent = silent or (keyword.startswith("unevaluated") and value in (True, {}))
    silent = silent or (keyword == "multipleOf" and value == 1 and types(node) == ["integer"])
    return None if silent else value


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
    """Whether a pattern is the old one with fewer anchors, more alternatives, or wider or more repeated parts."""
    wide = list(map(_parts, _alternatives(after)))
    return all(any(_covers(other, _parts(one)) for other in wide) for one in _alternatives(before))


def _alternatives(pattern: str) -> list[str]:
    """Split a pattern at its outermost alternatives, within `^(...)$` if it has that form."""
    if outer := re.fullmatch(r"\^\((?:\?:)?([^()\[\\]*)\)\$", pattern):
        return [f"^{one}$" for one in outer[1].split("|")]
    return [pattern] if {"(", "[", "\\"} & set(pattern) else pattern.split("|")


# A character, an escape or a class, and how often it is repeated.
_PART = re.compile(
    r"(\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dswDSW\W]|[^\\()\[|*+?{}])"
    r"(?:([*+?])|\{(\d+)(,?)(\d*)\})?(?![*+?{])"
)
_OFTEN = {"*": (0.0, math.inf), "+": (1.0, math.inf), "?": (0.0, 1.0), None: (1.0, 1.0)}
_CHARACTERS = "".join(map(chr, range(0x10000)))
# What matches once, how often at least and at most.
Part = tuple[str, float, float]


def _parts(pattern: str) -> list[Part]:
    """Return a pattern as a row of parts; one that is more than that is no part of any other."""
    found: list[Part] = []
    at = 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            return [(pattern, math.nan, math.nan)]
        least, most = _OFTEN[part[2]]
        if part[3]:
            least = float(part[3])
            most = float(part[5]) if part[5] else math.inf if part[4] else least
        found.append((part[1], least, most))
        at = part.end()
    return found


def _covers(wide: list[Part], narrow: list[Part]) -> bool:
    """Whether a row of parts takes, part by part, all that another one takes."""
    for end, anchor in ((0, ("^", 1, 1)), (-1, ("$", 1, 1))):
        if anchor in narrow[end:][:1] and anchor not in wide[end:][:1]:
            del narrow[end]
    return len(wide) == len(narrow) and all(
        one[1] <= other[1] and one[2] >= other[2] and (one[0] == other[0] or _takes(one[0], other[0]))
        for one, other in zip(wide, narrow, strict=True)
    )


def _takes(wide: str, narrow: str) -> bool:
    """Whether one part matches each character that another matches."""
    try:
        taken, wanted = (set(re.findall(one, _CHARACTERS, re.ASCII | re.DOTALL)) for one in (wide, narrow))
    except re.error:
        return False
    return "" not in wanted and taken >= wanted
