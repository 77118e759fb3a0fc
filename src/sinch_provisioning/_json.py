"""JSON from bytes; every decoder accepts the same input and gives the same values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Final

_INT64: Final = range(-(2**63), 2**64)
_DIGITS_OF_INT64: Final = 18


def _integer(text: str) -> int | float:
    # Integers beyond 64 bits become floats, as in orjson and most other JSON decoders.
    if len(text) <= _DIGITS_OF_INT64:
        return int(text)
    number = _finite(text)
    return exact if abs(number) < 2**65 and (exact := int(text)) in _INT64 else number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number outside the range of floats")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not valid JSON")


_decoder = json.JSONDecoder(parse_int=_integer, parse_float=_finite, parse_constant=_refuse)


def loads_standard(content: bytes) -> object:
    """Decode UTF-8 JSON; raises ValueError for anything else, including NaN, Infinity and excessive nesting."""
    try:
        # .NET gateways put a byte order mark first.
        value: object = _decoder.decode(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    return value


@cache
def fastest_loads() -> Callable[[bytes], object]:
    """Return the fastest decoder that is installed; they all decode, and refuse, as `loads_standard` does."""
    if find_spec("orjson") is None:
        return loads_standard
    import orjson  # noqa: PLC0415 - the extra `speed`, absent from a plain installation

    def loads_fast(content: bytes) -> object:
        try:
            value: object = orjson.loads(content)
        except ValueError:
            # orjson rejects some valid JSON (lone surrogates), so the standard library decides.
            return loads_standard(content)
        return value

    return loads_fast


def loads(content: bytes) -> object:
    """Decode UTF-8 JSON as `loads_standard` does, using orjson if it is installed."""
    return fastest_loads()(content)
