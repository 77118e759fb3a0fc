"""JSON from bytes, with one result and one verdict whichever decoder is installed."""

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
    # Beyond 64 bits a number is read as a float, as orjson and most other readers of JSON do.
    if len(text) <= _DIGITS_OF_INT64:
        return int(text)
    number = _finite(text)
    return exact if abs(number) < 2**65 and (exact := int(text)) in _INT64 else number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond all floats")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


_decoder = json.JSONDecoder(parse_int=_integer, parse_float=_finite, parse_constant=_refuse)


def loads_standard(content: bytes) -> object:
    """Decode UTF-8 JSON; ValueError for anything else, NaN, Infinity and bottomless nesting included."""
    try:
        value: object = _decoder.decode(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


@cache
def _fastest() -> Callable[[bytes], object]:
    if find_spec("orjson") is None:
        return loads_standard
    import orjson  # noqa: PLC0415 - the extra `speed`, absent from a plain installation

    def loads_fast(content: bytes) -> object:
        try:
            value: object = orjson.loads(content)
        except ValueError:
            # orjson refuses a few things that are JSON (lone surrogates); the standard library has the last word.
            return loads_standard(content)
        return value

    return loads_fast


def loads(content: bytes) -> object:
    """Decode UTF-8 JSON as `loads_standard` does, with orjson where it is installed; looked for at the first reply."""
    return _fastest()(content)
