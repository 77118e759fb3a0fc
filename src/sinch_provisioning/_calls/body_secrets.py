"""Which values of a request's body are secrets, so that no error message repeats them when a server echoes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from sinch_provisioning_api import is_secret_name

from .._json import loads


def secret_values(content: bytes | None) -> tuple[str, ...]:
    """Return every string under a property that holds secrets, longest first."""
    if not content:
        return ()
    try:
        body = loads(content)
    except ValueError:
        return ()
    return tuple(sorted(_strings(body), key=len, reverse=True))


def _strings(body: object) -> Iterator[str]:
    # A list of what is to be looked at instead of calls within calls: bodies may be nested deeper than those may be.
    rest: list[tuple[object, bool]] = [(body, False)]
    while rest:
        value, inside = rest.pop()
        if isinstance(value, str):
            if inside:
                yield value
        elif isinstance(value, Mapping):
            rest += [
                (item, inside or is_secret_name(name))
                for name, item in cast("Mapping[str, object]", value).items()
            ]
        elif isinstance(value, list):
            rest += [(item, inside) for item in cast("list[object]", value)]
