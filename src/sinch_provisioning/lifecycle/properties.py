"""Properties of nested bodies under flat names, so that what differs is found, named and sent one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast


def flat(body: Mapping[str, object]) -> dict[str, object]:
    """Return the properties of nested objects under names such as "details.brand.name"."""
    found: dict[str, object] = {}
    for name, value in body.items():
        if isinstance(value, Mapping):
            inner = flat(cast("Mapping[str, object]", value))
            found |= {f"{name}.{rest}": one for rest, one in inner.items()}
        else:
            found[name] = value
    return found


def nested(properties: Mapping[str, object]) -> dict[str, object]:
    """Undo `flat`."""
    body: dict[str, object] = {}
    for name, value in properties.items():
        *path, last = name.split(".")
        place = body
        for part in path:
            place = cast("dict[str, object]", place.setdefault(part, {}))
        place[last] = value
    return body


def same(one: object, other: object) -> bool:
    """Compare two values; lists of strings (countries, triggers, numbers) are sets to the APIs."""
    if isinstance(one, list) and isinstance(other, list):
        ones, others = cast("list[object]", one), cast("list[object]", other)
        if all(isinstance(each, str) for each in (*ones, *others)):
            return set(ones) == set(others)
    return one == other
