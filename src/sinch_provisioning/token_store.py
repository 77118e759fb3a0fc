"""Storage for tokens that several processes share."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class TokenStore(Protocol):
    """Shared storage for tokens. If a method raises, a warning is logged and the process uses a token of its own.

    Values contain an access token; treat them as secrets.
    """

    async def load(self, key: str, /) -> str | None:
        """Return the value saved under `key`, or None if there is none or it has expired."""
        ...

    async def save(self, key: str, value: str, lifetime: float, /) -> None:
        """Keep `value` under `key` for `lifetime` seconds."""
        ...

    def lock(self, key: str, /) -> AbstractAsyncContextManager[object]:
        """Return a lock for fetching the token of `key`; it must expire if its holder crashes."""
        ...
