"""What the path of a call has to know of a generated package: each has classes of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen


@frozen
class LowLevel:
    """The exceptions of one generated package, and how it wraps a mapping that may hold secrets."""

    invalid_argument: type[Exception]
    schema_mismatch: type[Exception]
    secret_mapping: Callable[[Mapping[str, object]], object]
