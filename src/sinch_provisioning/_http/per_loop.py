"""Values that belong to one event loop in one process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")


class PerLoop(Generic[_T]):
    """Makes a value when a loop first asks for it; a forked process starts with none.

    Neither loops nor processes may share sockets, futures or tasks. Safe to use from several threads, each with a loop
    of its own.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, _T]] = WeakKeyDictionary()
        # The loop asked last, its process and its value: replaced as one, so that no thread sees half of it.
        self._last: tuple[asyncio.AbstractEventLoop, int, _T] | None = None

    def __iter__(self) -> Iterator[_T]:
        """Yield this process's values."""
        pid = os.getpid()
        return iter([value for owner, value in self._values.copy().values() if owner == pid])

    def current(self) -> _T:
        """Return the running loop's value."""
        loop, pid, last = asyncio.get_running_loop(), os.getpid(), self._last
        if last is not None and last[0] is loop and last[1] == pid:
            return last[2]
        owner, value = self._values.get(loop, (None, None))
        if value is None or owner != pid:
            value = self._make()
            self._values[loop] = (pid, value)
        self._last = (loop, pid, value)
        return value

    def existing(self) -> _T | None:
        """Return the running loop's value, None where it has never asked."""
        owner, value = self._values.get(asyncio.get_running_loop(), (None, None))
        return value if owner == os.getpid() else None
