"""Channels as class attributes of a client, where mocks that are made from its class look for their methods."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import Any, TypeVar, cast

_T = TypeVar("_T")


def mockable(channel: type[_T]) -> type[_T]:
    """Return a subclass of `channel` whose methods can be awaited in a mock made with `AsyncMock(spec=...)`.

    AsyncMock makes awaitable children only of attributes that count as coroutine functions, so the subclass does.
    """
    marked: Any = type(channel.__name__, (channel,), {"__doc__": channel.__doc__})
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(marked)
    else:
        # Python 3.11 has no public name for it.
        marked._is_coroutine = cast("Any", asyncio.coroutines)._is_coroutine
    return cast("type[_T]", marked)
