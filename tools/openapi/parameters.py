"""What OpenAPI says about parameters without their saying so."""

from __future__ import annotations

# Location -> style of a parameter that states none.
DEFAULT_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


def is_ignored(where: str, name: str) -> bool:
    """Whether the specification ignores a parameter: headers of some names, and unknown locations."""
    return where not in DEFAULT_STYLES or (where == "header" and name.lower() in _IGNORED_HEADERS)
